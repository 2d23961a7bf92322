#include "test/support/raw_client.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <utility>

#include "http/headers.h"

namespace causeway::test {
namespace {

constexpr int patience_ms =
    static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(patience).count());

bool wait_for(int descriptor, short events) {
  pollfd watched{descriptor, events, 0};
  int ready = 0;
  do {
    ready = ::poll(&watched, 1, patience_ms);
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

void read_chunks(RawSocket& socket, RawMessage& message) {
  for (;;) {
    const std::string line = socket.receive_until("\r\n");
    if (line.size() < 3) return;
    const size_t size = std::strtoul(line.c_str(), nullptr, 16);
    if (size == 0) break;
    const std::string chunk = socket.receive_exactly(size + 2);
    message.body += chunk.substr(0, std::min(size, chunk.size()));
    if (chunk.size() != size + 2) return;
  }
  for (;;) {
    const std::string line = socket.receive_until("\r\n");
    if (line == "\r\n") {
      message.is_whole = true;
      return;
    }
    if (line.empty()) return;
    message.trailers += line;
  }
}

RawMessage read_message(RawSocket& socket, bool may_have_body, bool is_reply) {
  RawMessage message;
  message.head = socket.receive_until("\r\n\r\n");
  if (message.head.size() < 4 || !message.head.ends_with("\r\n\r\n")) return message;
  if (!may_have_body) {
    message.is_whole = true;
  } else if (http::equals_ignoring_case(message.header("transfer-encoding"), "chunked")) {
    message.was_chunked = true;
    read_chunks(socket, message);
  } else if (message.has("content-length")) {
    const size_t size = std::strtoul(message.header("content-length").c_str(), nullptr, 10);
    message.body = socket.receive_exactly(size);
    message.is_whole = message.body.size() == size;
  } else if (is_reply) {
    message.body = socket.receive_all();
    message.is_whole = !socket.was_reset() && !socket.timed_out();
  } else {
    message.is_whole = true;
  }
  return message;
}

}  // namespace

bool eventually(const std::function<bool()>& is_true) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!is_true()) {
    if (std::chrono::steady_clock::now() > until) return false;
    // tidy: the step of a poll that has a deadline
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

RawSocket::RawSocket(int descriptor) : descriptor_(descriptor) {
  const int on = 1;
  ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

RawSocket::RawSocket(RawSocket&& other) noexcept { *this = std::move(other); }

RawSocket& RawSocket::operator=(RawSocket&& other) noexcept {
  if (this == &other) return *this;
  close();
  descriptor_ = std::exchange(other.descriptor_, -1);
  kept_ = std::move(other.kept_);
  was_reset_ = other.was_reset_;
  timed_out_ = other.timed_out_;
  return *this;
}

RawSocket::~RawSocket() { close(); }

RawSocket RawSocket::connect(uint16_t port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    std::perror("connect to the router under test");
    std::abort();
  }
  return RawSocket(descriptor);
}

bool RawSocket::send(std::string_view bytes) {
  while (!bytes.empty()) {
    if (!wait_for(descriptor_, POLLOUT)) {
      timed_out_ = true;
      return false;
    }
    const ssize_t sent =
        ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

bool RawSocket::fill() {
  char buffer[65536];
  if (descriptor_ < 0) return false;
  if (!wait_for(descriptor_, POLLIN)) {
    timed_out_ = true;
    return false;
  }
  const ssize_t size = ::recv(descriptor_, buffer, sizeof buffer, 0);
  if (size < 0) was_reset_ = true;
  if (size <= 0) return false;
  kept_.append(buffer, static_cast<size_t>(size));
  return true;
}

std::string RawSocket::receive(size_t bytes_max) {
  if (kept_.empty()) fill();
  std::string taken = kept_.substr(0, bytes_max);
  kept_.erase(0, taken.size());
  return taken;
}

std::string RawSocket::receive_until(std::string_view end) {
  size_t found = std::string::npos;
  while ((found = kept_.find(end)) == std::string::npos) {
    if (!fill()) return std::exchange(kept_, {});
  }
  std::string taken = kept_.substr(0, found + end.size());
  kept_.erase(0, taken.size());
  return taken;
}

std::string RawSocket::receive_exactly(size_t bytes) {
  while (kept_.size() < bytes && fill()) {
  }
  std::string taken = kept_.substr(0, bytes);
  kept_.erase(0, taken.size());
  return taken;
}

std::string RawSocket::receive_all() {
  while (fill()) {
  }
  return std::exchange(kept_, {});
}

void RawSocket::half_close() { ::shutdown(descriptor_, SHUT_WR); }

void RawSocket::wake() {
  const std::lock_guard lock(*closing_);
  if (descriptor_ >= 0) ::shutdown(descriptor_, SHUT_RDWR);
}

void RawSocket::close() {
  const std::lock_guard lock(*closing_);
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

void RawSocket::reset() {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close();
}

uint16_t RawSocket::local_port() const {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

std::string RawMessage::start_line() const { return head.substr(0, head.find("\r\n")); }

int RawMessage::status() const {
  int value = 0;
  if (head.size() > 12) std::from_chars(head.data() + 9, head.data() + 12, value);
  return value;
}

std::string RawMessage::header(std::string_view name) const {
  std::string_view rest = head;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find("\r\n"));
    rest.remove_prefix(std::min(rest.size(), line.size() + 2));
    const size_t colon = line.find(": ");
    if (colon != std::string_view::npos && http::equals_ignoring_case(line.substr(0, colon), name))
      return std::string(line.substr(colon + 2));
  }
  return {};
}

int RawMessage::count(std::string_view name) const {
  int found = 0;
  std::string_view rest = head;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find("\r\n"));
    rest.remove_prefix(std::min(rest.size(), line.size() + 2));
    const size_t colon = line.find(": ");
    if (colon != std::string_view::npos && http::equals_ignoring_case(line.substr(0, colon), name))
      ++found;
  }
  return found;
}

bool RawMessage::has(std::string_view name) const { return count(name) > 0; }

RawMessage read_request(RawSocket& socket) { return read_message(socket, true, false); }

RawMessage read_reply(RawSocket& socket, std::string_view method) {
  const bool may_have_body = method != "HEAD";
  RawMessage message;
  message = read_message(socket, false, true);
  const int status = message.status();
  if (!message.is_whole || !may_have_body || status / 100 == 1 || status == 204 || status == 304)
    return message;
  // The head alone was read so far; now what it frames.
  message.is_whole = false;
  if (http::equals_ignoring_case(message.header("transfer-encoding"), "chunked")) {
    message.was_chunked = true;
    read_chunks(socket, message);
  } else if (message.has("content-length")) {
    const size_t size = std::strtoul(message.header("content-length").c_str(), nullptr, 10);
    message.body = socket.receive_exactly(size);
    message.is_whole = message.body.size() == size;
  } else {
    message.body = socket.receive_all();
    message.is_whole = !socket.was_reset() && !socket.timed_out();
  }
  return message;
}

}  // namespace causeway::test
