#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "log/logger.h"
#include "metrics/registry.h"
#include "router/observe/line_queue.h"
#include "router/observe/syslog_outlet.h"

namespace causeway::router {

// Where access log lines go: a file, a syslog server, or both, each with a queue and a thread of
// its own, so that none waits for the other. Workers hand over whole lines, many at a time; a slow
// disk or server never makes a request wait: beyond `queue_bytes_max` lines are dropped and
// counted, unless `blocks_when_full`. Owner: main(), outliving the workers. Ends: the destructor
// writes what is queued, for two seconds at most.
class AccessLog {
 public:
  struct Options {
    std::string path = {};  // appended to, 0644; copytruncate-safe; "": no file
    size_t queue_bytes_max = 8u << 20;
    bool blocks_when_full = false;
    int thread_niceness = 0;  // of the threads that write
    std::optional<SyslogOutlet::Options> syslog = {};
    const log::Logger* logger = nullptr;  // outlives it; null: says nothing
  };
  // Fault::io or the like when the file cannot be opened. A syslog server may come later.
  static Result<std::unique_ptr<AccessLog>> open(Options options);
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;

  // Takes `text` (`lines` whole lines with their newlines) and leaves an empty string that has
  // memory. Any thread; a short lock, no waiting for what is slow.
  void submit(std::string& text, size_t lines);
  // Opens the file anew (SIGHUP after a rotation), from its thread. When that fails, the old file
  // is written on. Any thread.
  void reopen();
  // Nobody waits any more where blocks_when_full was asked for: the process is to end.
  void stop_blocking();
  // Of all destinations together.
  uint64_t lines_written() const;
  uint64_t lines_dropped() const;
  // access_log_lines_written, access_log_lines_dropped, access_log_bytes_waiting, each by sink.
  void register_metrics(metrics::Registry& registry) const;
  // Waits until everything submitted so far has left. For tests.
  void flush();

 private:
  AccessLog() = default;
  std::vector<std::unique_ptr<LineQueue>> queues_;
};

}  // namespace causeway::router
