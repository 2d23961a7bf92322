#pragma once

// For tests only: a loop that is turned until something holds, and peers that speak raw bytes.

#include <malloc.h>

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "log/logger.h"
#include "net/loop.h"
#include "net/stream.h"
#include "net/tcp.h"
#include "net/timer.h"

namespace causeway::rpc::test {

// Deadline of waits: generous, for a loaded machine.
inline constexpr Duration kPatience = std::chrono::seconds(30);

// Of this process; says nothing under a sanitizer.
inline size_t heap_bytes() {
  const auto heap = ::mallinfo2();
  return heap.uordblks + heap.hblkhd;
}

// A loop under the test's control.
class TestBed {
 public:
  TestBed() : tick_(loop_) {
    tick_.every(std::chrono::milliseconds(5), [] {});
  }

  net::Loop& loop() { return loop_; }
  const log::Logger& logger() { return logger_; }

  // Turns the loop until `holds`; false when that took too long.
  bool until(const std::function<bool()>& holds, Duration patience = kPatience) {
    const Instant start = std::chrono::steady_clock::now();
    while (!holds()) {
      if (std::chrono::steady_clock::now() - start > patience) return false;
      loop_.run_once();
    }
    return true;
  }
  void turn(int times = 3) {
    for (int i = 0; i < times; ++i) loop_.run_once(false);
  }

 private:
  log::Sink sink_{{.level = log::Level::error, .path = {}}};
  log::Logger logger_{sink_, "test"};
  net::Loop loop_;
  net::Timer tick_;
};

// One end of a connection: collects what comes.
class RawPeer final : net::Stream::Events {
 public:
  explicit RawPeer(std::unique_ptr<net::Stream> stream) { take(std::move(stream)); }
  RawPeer(net::Loop& loop, const net::Address& address)
      : connector_(net::Connector::start(loop, address, {},
                                         [this](Result<std::unique_ptr<net::Stream>> stream) {
                                           if (stream) {
                                             take(std::move(*stream));
                                           } else {
                                             is_closed = true;
                                           }
                                         })) {}

  bool is_connected() const { return stream_ != nullptr; }
  void send(std::string_view bytes) { stream_->write(bytes); }
  void finish() { stream_->shutdown(); }
  void close() { stream_.reset(); }
  void reset() {
    stream_->abort_on_close();
    stream_.reset();
  }
  void stop_reading() { stream_->pause(net::Pause::owner); }
  void go_on_reading() { stream_->resume(net::Pause::owner); }

  std::string received;
  bool is_closed = false;  // by the other side, or never connected

 private:
  void take(std::unique_ptr<net::Stream> stream) {
    stream_ = std::move(stream);
    stream_->listen(*this);
  }
  void on_read(std::span<char> bytes) override { received.append(bytes.data(), bytes.size()); }
  void on_end() override { is_closed = true; }
  void on_failure(const Error&) override { is_closed = true; }

  std::unique_ptr<net::Connector> connector_;
  std::unique_ptr<net::Stream> stream_;
};

// Accepts connections and keeps them for the test to script.
class RawServer {
 public:
  explicit RawServer(net::Loop& loop, net::Address address = net::Address::loopback(0)) {
    auto opened = net::Listener::open(loop, address, [this](std::unique_ptr<net::Stream> stream) {
      peers.push_back(std::make_unique<RawPeer>(std::move(stream)));
    });
    CHECK(opened.has_value());
    listener_ = std::move(*opened);
  }
  net::Address address() const { return listener_->address(); }
  std::string url(std::string_view path = "/") const {
    return "http://" + address().to_string() + std::string(path);
  }

  std::vector<std::unique_ptr<RawPeer>> peers;

 private:
  std::unique_ptr<net::Listener> listener_;
};

}  // namespace causeway::rpc::test
