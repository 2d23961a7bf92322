#pragma once

#include <functional>
#include <memory>

namespace causeway::net {

class Loop;

// Delivers one signal (SIGTERM, SIGUSR1 ...) as a callback on the loop. Destruction restores the
// default action. Owner: main(). Thread: its loop's.
class SignalWatch {
 public:
  SignalWatch(Loop& loop, int signal, std::function<void()> callback);
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;
  ~SignalWatch();

 private:
  struct Block;
  Block* block_;
};

// Must be the first call of every main: a write to a closed peer is an error to handle, not the end
// of the process.
void ignore_sigpipe();

}  // namespace causeway::net
