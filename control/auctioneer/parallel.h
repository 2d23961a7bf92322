#pragma once

#include <cstddef>
#include <functional>

namespace causeway::auctioneer {

// Starts jobs 0 .. count-1, at most `at_once` at a time, and tells when all have finished. Owner:
// who runs the jobs, and who tells of each one's end from outside of `start`.
class Parallel {
 public:
  Parallel(size_t count, size_t at_once, std::function<void(size_t job)> start,
           std::function<void()> done);
  // The first jobs. With count 0 it is done at once.
  void go();
  // One job has finished. May end in done(), which may end us.
  void finished();

 private:
  const size_t count_;
  const size_t at_once_;
  std::function<void(size_t)> start_;
  std::function<void()> done_;
  size_t started_ = 0;
  size_t finished_ = 0;
};

}  // namespace causeway::auctioneer
