#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace causeway::net {

// An IP address and port (v4 or v6). A value: copyable, comparable, no allocation.
class Address {
 public:
  Address() = default;  // 0.0.0.0:0
  // Numeric addresses only ("10.0.0.1", "::1"); names go through Resolver. Fault::invalid
  // otherwise.
  static Result<Address> parse(std::string_view ip, uint16_t port);
  static Address any(uint16_t port);       // 0.0.0.0
  static Address loopback(uint16_t port);  // 127.0.0.1
  static Address from(const sockaddr* socket_address);

  uint16_t port() const noexcept;
  Address with_port(uint16_t port) const noexcept;
  bool is_v6() const noexcept { return storage_.any.sa_family == AF_INET6; }
  const sockaddr* socket_address() const noexcept { return &storage_.any; }
  socklen_t length() const noexcept;
  std::string ip() const;         // "10.0.0.1", "::1"
  std::string to_string() const;  // "10.0.0.1:80", "[::1]:80"

  friend bool operator==(const Address& left, const Address& right) noexcept;

 private:
  union {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
  } storage_{.v4 = {.sin_family = AF_INET, .sin_port = 0, .sin_addr = {}, .sin_zero = {}}};
};

// Whether port 0 ("any free port") is accepted.
enum class PortZero : uint8_t { refused, allowed };

// Splits "host:port" or "[v6]:port"; Fault::invalid when the host or the port is missing or the
// port is not 1..65535.
struct HostPort {
  std::string host;
  uint16_t port = 0;
};
Result<HostPort> parse_host_port(std::string_view text, PortZero zero = PortZero::refused);

}  // namespace causeway::net
