#pragma once

#include <cstdint>

#include "base/result.h"
#include "net/descriptor.h"

namespace causeway::router {

// What a socket can do now that it could not before; `hang_up`: the peer has said its last or the
// socket is broken, and reading goes on until it says so.
struct Ready {
  bool read = false;
  bool write = false;
  bool hang_up = false;
};

// The sockets of one worker's TCP routes in one edge-triggered epoll set, which the worker's loop
// watches as one descriptor: a socket costs one system call to register, none to pause, none to
// remove (closing it does that). Owner: TcpWorker. Thread: its worker's.
class Readiness {
 public:
  // Who is told. Once its socket is closed, and it has been buried if it ends inside on_ready(), it
  // is told no more than what the present round has in hand.
  class Watcher {
   public:
    virtual void on_ready(Ready ready) = 0;

   protected:
    ~Watcher() = default;
  };

  explicit Readiness(net::Loop& loop);
  Readiness(const Readiness&) = delete;
  Readiness& operator=(const Readiness&) = delete;
  ~Readiness();

  // From now on changes are told, and soon what the socket can do already.
  Result<void> watch(int descriptor, Watcher& watcher);
  // Closing a descriptor does that by itself, unless another process shares the socket.
  void forget(int descriptor);
  // What it can do is told again, after the others had their turn.
  void tell_again(int descriptor, Watcher& watcher);

 private:
  void collect();

  const int set_;
  net::DescriptorWatch watch_;
};

}  // namespace causeway::router
