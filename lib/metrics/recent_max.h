#pragma once

#include <algorithm>
#include <chrono>

#include "base/clock.h"

namespace causeway::metrics {

// The largest of what was noted lately: within the last minute at least, two at most. Owner: who
// notes. Thread: its owner's, the scrape as well.
class RecentMax {
 public:
  void note(double value, Instant now) {
    turn(now);
    current_ = std::max(current_, value);
  }
  double value(Instant now) {
    turn(now);
    return std::max(current_, former_);
  }

 private:
  static constexpr Duration kWindow = std::chrono::minutes(1);

  void turn(Instant now) {
    if (now - began_ < kWindow) return;
    former_ = now - began_ < 2 * kWindow ? current_ : 0;
    current_ = 0;
    began_ = now;
  }

  Instant began_{};
  double current_ = 0, former_ = 0;
};

}  // namespace causeway::metrics
