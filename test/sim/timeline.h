#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/rng.h"

namespace causeway::sim {

// Time that passes when nothing is left to do, and the list of what is to happen when. Owner: a
// simulation. Thread: one.
class Timeline final : public Clock {
 public:
  using Action = std::function<void()>;

  Instant now() const override { return now_; }
  WallTime wall() const override { return {start_ns + (now_ - Instant{}).count() + skew_.count()}; }
  // The machine's clock is set; monotonic time goes on as before.
  void jump_to(Duration skew) { skew_ = skew; }

  void after(Duration delay, Action action) {
    events_.push_back({now_ + delay, next_++, std::move(action)});
    std::push_heap(events_.begin(), events_.end());
  }
  // Answers whether there was something to do before `end`.
  bool step(Instant end) {
    if (events_.empty() || events_.front().at > end) {
      now_ = end;
      return false;
    }
    std::pop_heap(events_.begin(), events_.end());
    const Event next = std::move(events_.back());
    events_.pop_back();
    now_ = next.at;
    next.action();
    return true;
  }

 private:
  static constexpr int64_t start_ns = 1'700'000'000'000'000'000;
  struct Event {
    Instant at;
    uint64_t number = 0;
    Action action;
    bool operator<(const Event& other) const {
      return at != other.at ? at > other.at : number > other.number;
    }
  };
  Instant now_{};
  Duration skew_{};
  uint64_t next_ = 0;
  std::vector<Event> events_;  // a heap
};

// How often things go wrong; all zero: never. A value.
struct Faults {
  double lost = 0;     // a message, or the answer to it
  double delayed = 0;  // by seconds instead of milliseconds
  double doubled = 0;  // a request, sent again by who heard no answer
};

// What carries messages. Owner: a simulation.
class Network {
 public:
  Network(Timeline& timeline, Rng& rng) : timeline_(timeline), rng_(rng) {}

  void faults(Faults faults) { faults_ = faults; }
  // Arrives once or not at all, whenever it likes.
  void answer(Timeline::Action arrival) {
    if (rng_.unit() < faults_.lost) return;
    timeline_.after(delay(), std::move(arrival));
  }
  // May arrive twice.
  void send(Timeline::Action arrival) {
    if (faults_.doubled > 0 && rng_.unit() < faults_.doubled) timeline_.after(delay(), arrival);
    answer(std::move(arrival));
  }
  Duration delay() {
    const auto milliseconds = rng_.unit() < faults_.delayed ? rng_.below(8'000) : rng_.below(10);
    return std::chrono::milliseconds(milliseconds + 1);
  }

 private:
  Timeline& timeline_;
  Rng& rng_;
  Faults faults_;
};

}  // namespace causeway::sim
