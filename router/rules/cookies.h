#pragma once

#include <optional>
#include <string_view>

namespace causeway::router {

// The value of the first cookie of that name in one Cookie line ("a=1; b=2"), without its quotes.
// Names count with case (RFC 6265). Whatever is no cookie is passed over.
std::optional<std::string_view> find_cookie(std::string_view line, std::string_view name);

// One Set-Cookie line. Views into it.
struct SetCookie {
  std::string_view name = {};
  std::string_view expires = {};    // as it came; "" when absent
  std::string_view same_site = {};  // "Lax", "Strict" or "None"; "" otherwise
  bool is_secure = false;
  bool is_partitioned = false;
  bool ends_now = false;  // Max-Age of 0 or less
};
// Nothing when it has no name.
std::optional<SetCookie> parse_set_cookie(std::string_view line);

}  // namespace causeway::router
