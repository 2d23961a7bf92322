#pragma once

#include <memory>

#include "base/result.h"
#include "net/address.h"

namespace causeway::load {

// Passes bytes between clients and one backend address, a backend connection for each client, and
// looks at none of them: a bare epoll loop of one thread with one buffer. What it costs is the
// floor for any proxy that copies. Owner: a command or a test. Thread: run()'s; stop() from any,
// also from a signal handler.
class Relay {
 public:
  static Result<std::unique_ptr<Relay>> open(const net::Address& listen, const net::Address& to);
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;
  ~Relay();

  const net::Address& address() const;
  // Until stop().
  void run();
  void stop() noexcept;

 private:
  struct State;
  explicit Relay(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace causeway::load
