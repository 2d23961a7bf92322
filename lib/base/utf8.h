#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace causeway {

// The character U+FFFD in UTF-8: what stands for bytes that are not text.
inline constexpr std::string_view utf8_replacement = "\xEF\xBF\xBD";

// Length of the well-formed UTF-8 sequence that `text` begins with (1 to 4), 0 when there is none
// (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF). Any thread.
size_t utf8_length(std::string_view text) noexcept;

// Offset of the first byte that is not part of well-formed UTF-8; text.size() when all of it is.
size_t utf8_valid_prefix(std::string_view text) noexcept;

// `text` with every byte that is not well-formed UTF-8 replaced by U+FFFD.
std::string utf8_sanitized(std::string_view text);

}  // namespace causeway
