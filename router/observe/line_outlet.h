#pragma once

#include <cstddef>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "log/logger.h"

namespace causeway::router {

// How long the thread behind an outlet may still wait for whoever reads slowly: for ever, until the
// queue is to end. Owner: a LineQueue. Any thread.
class Ending {
 public:
  virtual ~Ending() = default;
  // The time to finish is over.
  virtual bool is_over() const = 0;
  virtual bool has_begun() const = 0;
  // Waits so long, or until the queue begins to end.
  virtual void wait(Duration time) = 0;
};

// Where the lines of an access log leave the process. Owner: its LineQueue. Thread: that queue's,
// but for the constructor.
class LineOutlet {
 public:
  LineOutlet() = default;
  LineOutlet(const LineOutlet&) = delete;
  LineOutlet& operator=(const LineOutlet&) = delete;
  virtual ~LineOutlet() = default;

  struct Written {
    size_t lines = 0;
    int os = 0;  // errno of what kept the others from leaving
  };
  // Takes whole lines with their newlines; may wait as long as `ending` allows.
  virtual Written write(std::string_view lines, Ending& ending) = 0;
  // SIGHUP. When it fails, what was open before is used on.
  virtual Result<void> reopen() { return {}; }
  virtual std::string_view name() const = 0;  // in logs and metrics
};

}  // namespace causeway::router
