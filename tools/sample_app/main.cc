// The sample app: listens on $PORT, one thread per connection, says what it does on stdout.

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <thread>

#include "tools/sample_app/connection.h"

namespace {

constexpr int kConnectionsMax = 1024;  // further ones wait in the accept queue

int listen_on(uint16_t port) {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (bind(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      listen(descriptor, 1024) != 0) {
    return -1;
  }
  return descriptor;
}

}  // namespace

int main() {
  std::signal(SIGTERM, [](int) { std::_Exit(0); });
  setvbuf(stdout, nullptr, _IOLBF, 0);
  const causeway::sample::Identity identity = causeway::sample::identity_from_environment();
  const int listener = listen_on(identity.port);
  if (listener < 0) {
    std::fprintf(stderr, "cannot listen on port %u: %s\n", identity.port, std::strerror(errno));
    return 1;
  }
  std::printf("%s, instance %s, listens on port %u\n", identity.app.c_str(), identity.index.c_str(),
              identity.port);
  std::atomic<int> connections{0};
  for (;;) {
    const int client = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) {
      if (errno != EINTR && errno != ECONNABORTED)
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
      continue;
    }
    while (connections.load() >= kConnectionsMax)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    ++connections;
    std::thread([client, &identity, &connections] {
      causeway::sample::Connection(client, identity).serve();
      --connections;
    }).detach();
  }
}
