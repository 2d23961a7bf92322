#include "tls/ticket_keys.h"

#include <cstring>
#include <span>
#include <string>

#include "tls/digest.h"
#include "tls/random.h"

namespace causeway::tls {
namespace {

constexpr size_t key_bytes = 80;

TicketKey key_of(std::string_view bytes) {
  TicketKey key;
  std::memcpy(key.name.data(), bytes.data(), key.name.size());
  bytes.remove_prefix(key.name.size());
  std::memcpy(key.cipher.data(), bytes.data(), key.cipher.size());
  bytes.remove_prefix(key.cipher.size());
  std::memcpy(key.mac.data(), bytes.data(), key.mac.size());
  return key;
}

std::string_view trimmed(std::string_view line) {
  const size_t begin = line.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return line.substr(begin, line.find_last_not_of(" \t\r") + 1 - begin);
}

}  // namespace

TicketKey make_ticket_key() {
  std::string bytes(key_bytes, '\0');
  random_bytes(std::as_writable_bytes(std::span(bytes)));
  return key_of(bytes);
}

Result<std::vector<TicketKey>> parse_ticket_keys(std::string_view text) {
  std::vector<TicketKey> keys;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = text.find('\n');
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line.front() == '#') continue;
    const auto bytes = base64_decode(line);
    if (!bytes || bytes->size() != key_bytes) {
      return Error{.fault = Fault::invalid,
                   .detail = "line " + std::to_string(number) + " is not 80 bytes in base64"};
    }
    if (keys.size() == kTicketKeysMax) {
      return Error{.fault = Fault::invalid,
                   .detail = "more than " + std::to_string(kTicketKeysMax) + " keys"};
    }
    keys.push_back(key_of(*bytes));
  }
  if (keys.empty()) return Error{.fault = Fault::invalid, .detail = "no key"};
  return keys;
}

}  // namespace causeway::tls
