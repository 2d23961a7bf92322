#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace causeway::tls {

// A key that session tickets are sealed with (AES-256-CBC and HMAC-SHA256). Servers that share it
// resume each other's sessions. A value; secret.
struct TicketKey {
  std::array<uint8_t, 16> name{};
  std::array<uint8_t, 32> cipher{};
  std::array<uint8_t, 32> mac{};
  bool operator==(const TicketKey&) const = default;
};

inline constexpr size_t kTicketKeysMax = 16;

// A fresh one. Any thread.
TicketKey make_ticket_key();

// The keys of a text, one a line, each 80 bytes in base64 (name, cipher, mac); empty lines and
// those that begin with # are left out. Fault::invalid with a reason that names the line and not
// the key.
Result<std::vector<TicketKey>> parse_ticket_keys(std::string_view text);

}  // namespace causeway::tls
