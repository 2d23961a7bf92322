#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"

namespace causeway::router {

// The access log file and the thread that writes it. Workers hand over whole lines, many at a time;
// a slow disk never makes a request wait: beyond `queue_bytes_max` lines are dropped and counted.
// Owner: main(), outliving the workers. Ends: the destructor writes what is queued.
class AccessLog {
 public:
  struct Options {
    std::string path;  // appended to, 0644; copytruncate-safe
    size_t queue_bytes_max = 8u << 20;
  };
  // Fault::io or the like when the file cannot be opened.
  static Result<std::unique_ptr<AccessLog>> open(Options options);
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;
  ~AccessLog();

  // Takes `text` (`lines` whole lines with their newlines) and leaves an empty string that has
  // memory. Any thread; a short lock, no waiting for the file.
  void submit(std::string& text, size_t lines);
  // Opens the file anew (SIGHUP after a rotation), from the log thread. When that fails, the old
  // file is written on. Any thread.
  void reopen();
  uint64_t lines_written() const;
  uint64_t lines_dropped() const;
  // Waits until everything submitted so far is in the file. For tests and the end of main().
  void flush();

 private:
  struct State;
  explicit AccessLog(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace causeway::router
