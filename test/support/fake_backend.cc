#include "test/support/fake_backend.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace causeway::test {
namespace {

int bind_loopback(uint16_t& port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    std::perror("bind");
    std::abort();
  }
  port = ntohs(address.sin_port);
  return descriptor;
}

}  // namespace

FakeBackend::FakeBackend(Serve serve) : serve_(std::move(serve)) {
  descriptor_ = bind_loopback(port_);
  ::listen(descriptor_, 1024);
  thread_ = std::thread([this] { accept_all(); });
}

FakeBackend::~FakeBackend() {
  stop_listening();
  {
    const std::lock_guard lock(mutex_);
    for (Conversation& each : conversations_) each.socket.wake();
  }
  for (Conversation& each : conversations_) each.thread.join();
}

void FakeBackend::stop_listening() {
  if (!thread_.joinable()) return;
  ::shutdown(descriptor_, SHUT_RDWR);
  thread_.join();
  ::close(descriptor_);
}

void FakeBackend::accept_all() {
  for (;;) {
    const int accepted = ::accept4(descriptor_, nullptr, nullptr, SOCK_CLOEXEC);
    if (accepted < 0) return;
    const std::lock_guard lock(mutex_);
    Conversation& mine = conversations_.emplace_back();
    mine.socket = RawSocket(accepted);
    const size_t index = accepted_++;
    mine.thread = std::thread([this, &mine, index] {
      serve_(mine.socket, index);
      const std::lock_guard closing(mutex_);
      mine.socket.close();
    });
  }
}

FakeBackend::Serve FakeBackend::answers(std::string body) {
  return [body = std::move(body)](RawSocket& peer, size_t) {
    while (read_request(peer).is_whole) {
      if (!peer.send(ok_reply(body))) return;
    }
  };
}

FakeBackend::Serve FakeBackend::echoes() {
  return [](RawSocket& peer, size_t) {
    for (;;) {
      const RawMessage request = read_request(peer);
      if (!request.is_whole || !peer.send(ok_reply(request.head + request.body + request.trailers)))
        return;
    }
  };
}

FakeBackend::Serve FakeBackend::holds() {
  return [](RawSocket& peer, size_t) {
    read_request(peer);
    peer.receive();
  };
}

ClosedPort::ClosedPort() : descriptor_(bind_loopback(port_)) {}
ClosedPort::~ClosedPort() { ::close(descriptor_); }

std::string ok_reply(std::string_view body, std::string_view more_lines) {
  return "HTTP/1.1 200 OK\r\n" + std::string(more_lines) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

}  // namespace causeway::test
