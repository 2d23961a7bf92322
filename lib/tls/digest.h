#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace causeway::tls {

// Plain digests. SHA-1 only where a protocol asks for it (WebSocket's accept key, Redis script
// names), never for trust.
std::array<std::byte, 20> sha1(std::string_view bytes) noexcept;
std::array<std::byte, 32> sha256(std::string_view bytes) noexcept;

// Lower-case hexadecimal.
std::string hex(std::span<const std::byte> bytes);

// Base64 with padding (RFC 4648, section 4).
std::string base64(std::span<const std::byte> bytes);
std::string base64(std::string_view bytes);
// Strict: no line breaks, padding required; otherwise Fault::invalid.
Result<std::string> base64_decode(std::string_view text);

// Compares in a time that depends on the lengths only: for passwords and tokens.
bool equal_secrets(std::string_view a, std::string_view b) noexcept;

}  // namespace causeway::tls
