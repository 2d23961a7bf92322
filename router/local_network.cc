#include "router/local_network.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "net/address.h"

namespace causeway::router {

std::string local_ip() {
  const std::string loopback = "127.0.0.1";
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return loopback;
  // Connecting a datagram socket only asks the routing table. The address is one for documentation
  // (RFC 5737).
  sockaddr_in far{};
  far.sin_family = AF_INET;
  far.sin_port = htons(9);
  far.sin_addr.s_addr = htonl(0xC0000201);  // 192.0.2.1
  sockaddr_in own{};
  socklen_t length = sizeof own;
  const bool known = ::connect(socket, reinterpret_cast<const sockaddr*>(&far), sizeof far) == 0 &&
                     ::getsockname(socket, reinterpret_cast<sockaddr*>(&own), &length) == 0;
  ::close(socket);
  if (!known) return loopback;
  return net::Address::from(reinterpret_cast<const sockaddr*>(&own)).ip();
}

Result<void> check_port_is_free(uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;  // connections of a router that has just ended do not count
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const net::Address address = net::Address::any(port);
  const int failed = ::bind(socket, address.socket_address(), address.length()) == 0 ? 0 : errno;
  ::close(socket);
  if (failed == 0) return {};
  const Fault fault = failed == EADDRINUSE ? Fault::exists : fault_of_errno(failed);
  return Error{.fault = fault, .os = failed, .detail = "listen on " + address.to_string()};
}

}  // namespace causeway::router
