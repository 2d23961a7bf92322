#pragma once

// For the tests of lib/net: a loop run to a condition, recorded streams, plain sockets as peers.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "net/loop.h"
#include "net/tcp.h"
#include "net/timer.h"

namespace causeway::net::loopback {

inline constexpr Duration patience = std::chrono::seconds(60);

// Runs the loop until `done()`; answers whether that came before the deadline.
template <class Done>
bool run_until(Loop& loop, Done done, Duration deadline = patience) {
  bool is_late = false;
  Timer guard(loop);
  guard.once(deadline, [&] { is_late = true; });
  while (!done() && !is_late) loop.run_once();
  return done();
}

// Lets everything happen that is due now.
inline void settle(Loop& loop) {
  for (int turn = 0; turn < 4; ++turn) loop.run_once(false);
}

// Owns a stream and writes down what it tells.
struct Recorder : Stream::Events {
  std::unique_ptr<Stream> stream;
  std::string bytes;
  int ends = 0, failures = 0, drains = 0;
  Error failure;

  void take(std::unique_ptr<Stream> taken) {
    stream = std::move(taken);
    stream->listen(*this);
  }
  void on_read(std::span<char> read) override { bytes.append(read.data(), read.size()); }
  void on_end() override { ++ends; }
  void on_failure(const Error& error) override {
    ++failures;
    failure = error;
  }
  void on_drained() override { ++drains; }
};

// Two connected streams of one loop.
struct Pair {
  explicit Pair(Loop& loop) {
    auto opened =
        Listener::open(loop, Address::loopback(0),
                       [this](std::unique_ptr<Stream> stream) { server.take(std::move(stream)); });
    listener = std::move(opened).value();
    auto connector = Connector::start(loop, listener->address(), {},
                                      [this](Result<std::unique_ptr<Stream>> connected) {
                                        client.take(std::move(connected).value());
                                      });
    EXPECT_TRUE(run_until(loop, [this] { return server.stream && client.stream; }));
  }
  std::unique_ptr<Listener> listener;
  Recorder server, client;
};

// A peer without a loop: a plain blocking socket.
class RawPeer {
 public:
  explicit RawPeer(const Address& address, bool waits = true) {
    descriptor_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (waits ? 0 : SOCK_NONBLOCK), 0);
    EXPECT_GE(descriptor_, 0);
    connect_result_ = ::connect(descriptor_, address.socket_address(), address.length());
  }
  RawPeer(const RawPeer&) = delete;
  RawPeer& operator=(const RawPeer&) = delete;
  ~RawPeer() { close(); }

  bool is_connected() const { return connect_result_ == 0; }
  // For a peer that does not wait: whether the connection stands within `milliseconds`.
  bool connects_within(int milliseconds) {
    pollfd watched{.fd = descriptor_, .events = POLLOUT, .revents = 0};
    return connect_result_ == 0 || ::poll(&watched, 1, milliseconds) == 1;
  }
  void send(std::string_view bytes) {
    EXPECT_EQ(::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  // What is there now, up to `bytes_max`; empty at the end or when nothing is there.
  std::string receive(size_t bytes_max = 65536, int flags = 0) {
    std::string bytes(bytes_max, '\0');
    const ssize_t count = ::recv(descriptor_, bytes.data(), bytes.size(), flags);
    last_errno_ = count < 0 ? errno : 0;
    bytes.resize(count > 0 ? static_cast<size_t>(count) : 0);
    return bytes;
  }
  int last_errno() const { return last_errno_; }
  void shutdown() { ::shutdown(descriptor_, SHUT_WR); }
  void close() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }
  void reset() {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close();
  }
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_ = -1;
  int connect_result_ = -1;
  int last_errno_ = 0;
};

// A stream of the loop whose peer is a RawPeer.
struct RawPair {
  explicit RawPair(Loop& loop) {
    auto opened =
        Listener::open(loop, Address::loopback(0),
                       [this](std::unique_ptr<Stream> stream) { server.take(std::move(stream)); });
    listener = std::move(opened).value();
    raw = std::make_unique<RawPeer>(listener->address());
    EXPECT_TRUE(run_until(loop, [this] { return server.stream != nullptr; }));
  }
  std::unique_ptr<Listener> listener;
  std::unique_ptr<RawPeer> raw;
  Recorder server;
};

// A port of loopback that refuses connections while this lives: bound, not listening.
struct RefusingPort {
  RefusingPort() {
    descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const Address any_port = Address::loopback(0);
    EXPECT_EQ(::bind(descriptor, any_port.socket_address(), any_port.length()), 0);
    sockaddr_storage name{};
    socklen_t length = sizeof name;
    EXPECT_EQ(::getsockname(descriptor, reinterpret_cast<sockaddr*>(&name), &length), 0);
    address = Address::from(reinterpret_cast<sockaddr*>(&name));
  }
  ~RefusingPort() { ::close(descriptor); }
  int descriptor;
  Address address;
};

// 1 or 0.
inline int no_delay_of(Stream& stream) {
  int value = -1;
  socklen_t length = sizeof value;
  EXPECT_EQ(::getsockopt(stream.descriptor(), IPPROTO_TCP, TCP_NODELAY, &value, &length), 0);
  return value != 0;
}

inline std::unique_ptr<Listener> listen_quietly(Loop& loop) {
  return Listener::open(loop, Address::loopback(0), [](std::unique_ptr<Stream>) {}).value();
}

}  // namespace causeway::net::loopback
