#pragma once

#include <functional>

#include "base/clock.h"
#include "net/timer.h"

namespace causeway::executor {
class Executor;
}
namespace causeway::log {
class Logger;
}
namespace causeway::net {
class Loop;
}

namespace causeway::rep {

class Bulk;
class Operations;

// Empties the cell: no new work, instances leave when their replacement runs, tasks end by
// themselves. Over when no container is left or the time is up. Owner: main(). Thread: its loop's.
class Evacuation {
 public:
  struct Timing {
    Duration polling_interval;
    Duration timeout;
  };
  Evacuation(net::Loop& loop, const log::Logger& logger, executor::Executor& executor,
             Operations& operations, Bulk& bulk, Timing timing, std::function<void()> on_over);
  Evacuation(const Evacuation&) = delete;
  Evacuation& operator=(const Evacuation&) = delete;

  void start();  // again: no effect
  bool is_on() const { return is_on_; }

 private:
  void look();

  net::Loop& loop_;
  const log::Logger& logger_;
  executor::Executor& executor_;
  Operations& operations_;
  Bulk& bulk_;
  const Timing timing_;
  const std::function<void()> on_over_;
  net::Timer watch_;
  Instant deadline_{};
  bool is_on_ = false;
};

}  // namespace causeway::rep
