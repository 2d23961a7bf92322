#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.h"
#include "log/logger.h"
#include "router/observe/line_outlet.h"

namespace causeway::router {

// Lines on their way to one outlet, and the thread that carries them. Bounded: what does not fit is
// dropped and counted, or waited for if that was asked for. Owner: AccessLog. Any thread submits.
// Ends: the destructor gives the outlet `close_wait` to take what is queued.
class LineQueue {
 public:
  struct Options {
    size_t bytes_max = 8u << 20;
    bool blocks_when_full = false;
    Duration close_wait = std::chrono::seconds(2);
    int thread_niceness = 0;              // become_background_thread()
    const log::Logger* logger = nullptr;  // outlives the queue; null: says nothing
  };
  LineQueue(std::unique_ptr<LineOutlet> outlet, const Options& options);
  LineQueue(const LineQueue&) = delete;
  LineQueue& operator=(const LineQueue&) = delete;
  ~LineQueue();

  // Takes `text` (`lines` whole lines) and leaves an empty string that has memory.
  void submit(std::string& text, size_t lines);
  // The same of a copy.
  void submit_copy(const std::string& text, size_t lines);
  void reopen();
  // From now on nobody waits for room: the process is to end.
  void stop_blocking();
  // Waits until everything submitted so far has left or was dropped.
  void flush();

  std::string_view name() const;
  uint64_t lines_written() const;
  uint64_t lines_dropped() const;
  size_t bytes_waiting() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace causeway::router
