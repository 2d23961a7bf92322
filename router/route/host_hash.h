#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace causeway::router {

// A host longer than this is never a route's (DNS allows 253): the lookup answers "no route", a
// registration is refused.
inline constexpr size_t kHostBytesMax = 512;

// 64 well-mixed bits of a text. Not secret: whoever can choose route names can make collisions,
// which cost a few comparisons more.
uint64_t hash_of(std::string_view text) noexcept;

// ASCII only, as the characters of host names are.
constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

}  // namespace causeway::router
