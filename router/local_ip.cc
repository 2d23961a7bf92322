#include "router/local_ip.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

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

}  // namespace causeway::router
