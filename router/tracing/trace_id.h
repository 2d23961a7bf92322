#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace causeway::router {

// Identity of a trace and of this hop in it, as hexadecimal text. A value; views live as long as
// the texts they were read from, or the request's arena.
struct TraceId {
  std::string_view trace;  // 32 digits; from B3 also 16
  std::string_view span;   // 16 digits
};

inline constexpr size_t kTraceDigits = 32;
inline constexpr size_t kSpanDigits = 16;

constexpr bool is_lower_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }
constexpr bool is_hex(char c) { return is_lower_hex(c) || (c >= 'A' && c <= 'F'); }

// An id of all zeros is none.
inline bool is_id(std::string_view text, size_t digits, bool (*is_digit)(char)) {
  return text.size() == digits && std::all_of(text.begin(), text.end(), is_digit) &&
         text.find_first_not_of('0') != std::string_view::npos;
}

}  // namespace causeway::router
