#pragma once

#include <functional>

#include "base/clock.h"
#include "net/timer.h"

namespace causeway::executor {
class Executor;
}
namespace causeway::net {
class Loop;
}

namespace causeway::rep {

// A clean stop of the rep: every container is stopped, the BBS is told as long as it listens,
// nothing is left on the machine. What has not gone by itself in time is removed. Owner: main().
// Thread: its loop's.
class Departure {
 public:
  Departure(net::Loop& loop, executor::Executor& executor, Duration patience,
            std::function<void()> on_over);
  Departure(const Departure&) = delete;
  Departure& operator=(const Departure&) = delete;

  void start();  // again: no effect
  bool is_on() const { return is_on_; }

 private:
  void look();

  net::Loop& loop_;
  executor::Executor& executor_;
  const Duration patience_;
  const std::function<void()> on_over_;
  net::Timer watch_;
  Instant deadline_{};
  bool is_on_ = false;
  bool is_forced_ = false;
};

}  // namespace causeway::rep
