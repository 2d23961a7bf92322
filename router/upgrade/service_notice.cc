#include "router/upgrade/service_notice.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>

namespace causeway::router {

void notify_service_manager(const std::string& lines) {
  const char* const set = std::getenv("NOTIFY_SOCKET");
  const std::string path = set == nullptr ? "" : set;
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof name.sun_path) return;
  path.copy(name.sun_path, path.size());
  if (path[0] == '@') name.sun_path[0] = '\0';  // of the abstract namespace
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return;
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  ::sendto(socket, lines.data(), lines.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
           reinterpret_cast<const sockaddr*>(&name), length);
  ::close(socket);
}

}  // namespace causeway::router
