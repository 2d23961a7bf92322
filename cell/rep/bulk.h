#pragma once

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
namespace causeway::metrics {
class Gauge;
class Registry;
}  // namespace causeway::metrics
namespace causeway::net {
class Loop;
}

namespace causeway::rep {

class Operations;

// Compares, regularly, what runs here with what the BBS believes runs here, and takes a step for
// each guid of either. The BBS is asked before the containers are listed, so what starts in between
// is not taken for a residue. Owner: main(). Thread: its loop's.
class Bulk {
 public:
  Bulk(net::Loop& loop, const log::Logger& logger, metrics::Registry& metrics,
       diego::BbsClient& bbs, executor::Executor& executor, Operations& operations,
       std::string cell_id);
  Bulk(const Bulk&) = delete;
  Bulk& operator=(const Bulk&) = delete;

  // Passes from now on, the first one at once.
  void start(Duration interval);

 private:
  void pass();
  void list_tasks();
  void done(bool complete);

  net::Loop& loop_;
  const log::Logger& logger_;
  diego::BbsClient& bbs_;
  executor::Executor& executor_;
  Operations& operations_;
  const std::string cell_id_;
  metrics::Gauge& duration_;
  net::Timer next_;
  Duration interval_{};
  Instant began_{};
  bool is_passing_ = false;
};

}  // namespace causeway::rep
