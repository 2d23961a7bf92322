#include "net/address.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstring>
#include <utility>

namespace causeway::net {

namespace {

Error bad_address(std::string_view what, std::string_view text) {
  std::string detail(what);
  detail.append(": \"").append(text).append("\"");
  return Error{.fault = Fault::invalid, .detail = std::move(detail)};
}

}  // namespace

Result<Address> Address::parse(std::string_view ip, uint16_t port) {
  char text[INET6_ADDRSTRLEN];
  if (ip.empty() || ip.size() >= sizeof text || ip.find('\0') != std::string_view::npos)
    return bad_address("not an IP address", ip);
  std::memcpy(text, ip.data(), ip.size());
  text[ip.size()] = '\0';
  Address address;
  if (::inet_pton(AF_INET, text, &address.storage_.v4.sin_addr) == 1) {
    address.storage_.v4.sin_port = htons(port);
    return address;
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  if (::inet_pton(AF_INET6, text, &v6.sin6_addr) != 1) return bad_address("not an IP address", ip);
  address.storage_.v6 = v6;
  return address;
}

Address Address::any(uint16_t port) { return Address{}.with_port(port); }

Address Address::loopback(uint16_t port) {
  Address address;
  address.storage_.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address.with_port(port);
}

Address Address::from(const sockaddr* socket_address) {
  Address address;
  if (socket_address->sa_family == AF_INET) {
    std::memcpy(&address.storage_.v4, socket_address, sizeof(sockaddr_in));
  } else if (socket_address->sa_family == AF_INET6) {
    std::memcpy(&address.storage_.v6, socket_address, sizeof(sockaddr_in6));
  }
  return address;
}

uint16_t Address::port() const noexcept {
  return ntohs(is_v6() ? storage_.v6.sin6_port : storage_.v4.sin_port);
}

Address Address::with_port(uint16_t port) const noexcept {
  Address address = *this;
  (is_v6() ? address.storage_.v6.sin6_port : address.storage_.v4.sin_port) = htons(port);
  return address;
}

socklen_t Address::length() const noexcept {
  return is_v6() ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
}

std::string Address::ip() const {
  char text[INET6_ADDRSTRLEN] = "";
  const void* bytes =
      is_v6() ? static_cast<const void*>(&storage_.v6.sin6_addr) : &storage_.v4.sin_addr;
  ::inet_ntop(is_v6() ? AF_INET6 : AF_INET, bytes, text, sizeof text);
  return text;
}

std::string Address::to_string() const {
  std::string text = is_v6() ? "[" : "";
  text.append(ip()).append(is_v6() ? "]:" : ":").append(std::to_string(port()));
  return text;
}

bool operator==(const Address& left, const Address& right) noexcept {
  if (left.is_v6() != right.is_v6() || left.port() != right.port()) return false;
  if (!left.is_v6()) return left.storage_.v4.sin_addr.s_addr == right.storage_.v4.sin_addr.s_addr;
  return std::memcmp(&left.storage_.v6.sin6_addr, &right.storage_.v6.sin6_addr, sizeof(in6_addr)) ==
             0 &&
         left.storage_.v6.sin6_scope_id == right.storage_.v6.sin6_scope_id;
}

Result<HostPort> parse_host_port(std::string_view text, PortZero zero) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad_address("no port", text);
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find_first_of(":[]") != std::string_view::npos) {
    return bad_address("an IPv6 address needs brackets", text);
  }
  if (host.empty()) return bad_address("no host", text);
  uint16_t port = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (failure != std::errc() || end != digits.data() + digits.size() || digits.empty() ||
      (port == 0 && zero == PortZero::refused)) {
    return bad_address("bad port", text);
  }
  return HostPort{.host = std::string(host), .port = port};
}

}  // namespace causeway::net
