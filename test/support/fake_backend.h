#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>

#include "test/support/raw_client.h"

namespace causeway::test {

// A backend with a script: each connection it accepts on its own port is handed to `serve` on a
// thread of its own. Owner: the test. Ends: the destructor closes everything and waits for the
// threads.
class FakeBackend {
 public:
  // `index`: from 0, in order of acceptance.
  using Serve = std::function<void(RawSocket& peer, size_t index)>;

  explicit FakeBackend(Serve serve);
  // Answers each request of each connection with 200 and `body`.
  static Serve answers(std::string body);
  // Answers with the request's own head and body.
  static Serve echoes();
  // Takes a request and says nothing until its peer goes.
  static Serve holds();

  FakeBackend(const FakeBackend&) = delete;
  FakeBackend& operator=(const FakeBackend&) = delete;
  ~FakeBackend();

  uint16_t port() const { return port_; }
  size_t connections() const { return accepted_; }
  // Stops listening: further connections are refused.
  void stop_listening();

 private:
  struct Conversation {
    RawSocket socket;
    std::thread thread;
  };

  void accept_all();

  Serve serve_;
  int descriptor_ = -1;
  uint16_t port_ = 0;
  std::atomic<size_t> accepted_{0};
  std::mutex mutex_;
  std::list<Conversation> conversations_;
  std::thread thread_;
};

// A port that nobody listens on: connections are refused as long as the object lives.
class ClosedPort {
 public:
  ClosedPort();
  ~ClosedPort();
  ClosedPort(const ClosedPort&) = delete;
  ClosedPort& operator=(const ClosedPort&) = delete;
  uint16_t port() const { return port_; }

 private:
  int descriptor_;
  uint16_t port_;
};

// "HTTP/1.1 200 OK" with that body and its length.
std::string ok_reply(std::string_view body, std::string_view more_lines = {});

}  // namespace causeway::test
