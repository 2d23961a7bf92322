#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <string>
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
    events_.push({now_ + delay, next_++, std::move(action)});
  }
  // Answers whether there was something to do before `end`.
  bool step(Instant end) {
    if (events_.empty() || events_.top().at > end) {
      now_ = end;
      return false;
    }
    Action action = std::move(const_cast<Event&>(events_.top()).action);
    now_ = events_.top().at;
    events_.pop();
    action();
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
  std::priority_queue<Event> events_;
};

// How often things go wrong; all zero: never. A value.
struct Faults {
  double lost = 0;     // a message, or the answer to it
  double delayed = 0;  // by seconds instead of milliseconds
};

// What carries messages. Owner: a simulation.
class Network {
 public:
  Network(Timeline& timeline, Rng& rng) : timeline_(timeline), rng_(rng) {}

  void faults(Faults faults) { faults_ = faults; }
  // Arrives once or not at all, whenever it likes.
  void send(Timeline::Action arrival) {
    if (rng_.unit() < faults_.lost) return;
    timeline_.after(delay(), std::move(arrival));
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
