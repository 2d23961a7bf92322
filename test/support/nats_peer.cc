#include "test/support/nats_peer.h"

#include <cstdlib>

#include "base/check.h"

namespace causeway::test {

NatsPeer::NatsPeer(uint16_t port) : socket_(RawSocket::connect(port)) {
  CHECK(socket_.receive_until("\r\n").starts_with("INFO"));
  socket_.send("CONNECT {\"verbose\":false,\"pedantic\":false}\r\n");
  flush();
}

void NatsPeer::publish(std::string_view subject, std::string_view payload, std::string_view reply) {
  std::string line = "PUB " + std::string(subject) + " ";
  if (!reply.empty()) line.append(reply).append(" ");
  line += std::to_string(payload.size()) + "\r\n";
  socket_.send(line.append(payload).append("\r\n"));
}

void NatsPeer::subscribe(std::string_view subject) {
  socket_.send("SUB " + std::string(subject) + " " + std::to_string(++subscriptions_) + "\r\n");
  flush();
}

void NatsPeer::flush() {
  // Nobody may publish to what this peer listens to between its calls: a message here would be
  // lost.
  socket_.send("PING\r\n");
  while (true) {
    const std::string line = socket_.receive_until("\r\n");
    if (line == "PING\r\n") {
      socket_.send("PONG\r\n");
      continue;
    }
    CHECK(line == "PONG\r\n");
    return;
  }
}

NatsPeer::Heard NatsPeer::hear() {
  while (true) {
    const std::string line = socket_.receive_until("\r\n");
    if (line == "PING\r\n") {
      socket_.send("PONG\r\n");
      continue;
    }
    if (!line.starts_with("MSG ")) return {};
    // MSG <subject> <sid> [reply] <bytes>
    const std::string subject = line.substr(4, line.find(' ', 4) - 4);
    const size_t bytes = std::strtoul(line.c_str() + line.rfind(' ') + 1, nullptr, 10);
    const std::string payload = socket_.receive_exactly(bytes);
    socket_.receive_exactly(2);
    return {subject, payload};
  }
}

}  // namespace causeway::test
