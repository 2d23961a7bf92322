#pragma once

#include <chrono>
#include <functional>
#include <utility>
#include <vector>

#include "net/timer.h"

namespace causeway::runtime {

// Calls that an object owes, made in the next turn of the loop and never after the object's end
// (Loop::defer() would make them). Owner: the object. Thread: its loop's.
class Later {
 public:
  explicit Later(net::Loop& loop) : timer_(loop) {}
  void call(std::function<void()> action) {
    if (waiting_.empty()) timer_.once(Duration::zero(), [this] { run(); });
    waiting_.push_back(std::move(action));
  }

 private:
  void run() {
    for (const auto& action : std::exchange(waiting_, {})) action();
  }
  std::vector<std::function<void()>> waiting_;
  net::Timer timer_;
};

}  // namespace causeway::runtime
