#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/clock.h"
#include "net/timer.h"

namespace causeway::diego {
class BbsClient;
}
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
// themselves. Over when no container is left, or the time is up and the rows of what is still
// leaving have been removed: nobody is routed there any more. Owner: Rep. Thread: its loop's.
class Evacuation {
 public:
  struct Options {
    std::string cell_id;
    Duration polling_interval;
    Duration timeout;
  };
  struct Events {
    std::function<void()> on_empty;
    std::function<void()> on_timed_out;  // what is left here is to be stopped
  };
  Evacuation(net::Loop& loop, const log::Logger& logger, executor::Executor& executor,
             Operations& operations, Bulk& bulk, diego::BbsClient& bbs, Options options,
             Events events);
  Evacuation(const Evacuation&) = delete;
  Evacuation& operator=(const Evacuation&) = delete;

  void start();  // again: no effect
  bool is_on() const { return is_on_; }
  // Rows that were still leaving when the time was up.
  uint64_t stranded() const { return stranded_; }

 private:
  void look();
  void remove_rows();
  void on_row_removed();
  void time_out();

  net::Loop& loop_;
  const log::Logger& logger_;
  executor::Executor& executor_;
  Operations& operations_;
  Bulk& bulk_;
  diego::BbsClient& bbs_;
  const Options options_;
  const Events on_;
  net::Timer watch_;
  Instant deadline_{};
  bool is_on_ = false;
  uint64_t stranded_ = 0;
  uint64_t removing_ = 0;  // rows of which the BBS has not answered yet
};

}  // namespace causeway::rep
