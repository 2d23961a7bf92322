#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "metrics/registry.h"

namespace causeway::router {

// A kernel pipe that bytes go through from one socket to another. Owner: PipePool or a Flow.
class Pipe {
 public:
  static constexpr size_t capacity = 256 * 1024;  // asked for; the kernel may give less

  // Null when the process may have no more.
  static std::unique_ptr<Pipe> open();
  Pipe(int read_end, int write_end) : read_end_(read_end), write_end_(write_end) {}
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe();

  int read_end() const { return read_end_; }
  int write_end() const { return write_end_; }

 private:
  int read_end_;
  int write_end_;
};

// The empty pipes of one worker, and how many it may have. Owner: TcpWorker. Thread: its worker's.
class PipePool {
 public:
  PipePool(size_t pipes_max, metrics::Gauge& open) : pipes_max_(pipes_max), open_gauge_(open) {}
  PipePool(const PipePool&) = delete;
  PipePool& operator=(const PipePool&) = delete;

  // Null at the limit: bytes are copied then.
  std::unique_ptr<Pipe> take();
  // An empty one comes back to be used again, one with bytes in it is closed.
  void give(std::unique_ptr<Pipe> pipe, bool is_empty);

 private:
  static constexpr size_t kept_max = 16;  // streams that move at the same moment are few

  void count(size_t open);

  const size_t pipes_max_;
  metrics::Gauge& open_gauge_;
  size_t open_ = 0;
  std::vector<std::unique_ptr<Pipe>> kept_;
};

}  // namespace causeway::router
