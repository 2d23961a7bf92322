#include "control/auctioneer/parallel.h"

#include <utility>

#include "base/check.h"

namespace causeway::auctioneer {

Parallel::Parallel(size_t count, size_t at_once, std::function<void(size_t job)> start,
                   std::function<void()> done)
    : count_(count), at_once_(at_once), start_(std::move(start)), done_(std::move(done)) {
  CHECK(at_once > 0);
}

void Parallel::go() {
  while (started_ < count_ && started_ - finished_ < at_once_) start_(started_++);
  if (finished_ == count_) {
    const std::function<void()> done = std::move(done_);
    done();
  }
}

void Parallel::finished() {
  CHECK(finished_ < started_);
  ++finished_;
  go();
}

}  // namespace causeway::auctioneer
