#pragma once

#include <algorithm>
#include <chrono>

#include "base/clock.h"

namespace causeway {

// A point of the machine's clock since it was booted, which goes on while the machine is suspended.
// A type of its own: an Instant's clock stands still then.
struct BootTime {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootTime>;
  static constexpr bool is_steady = true;
};
using BootInstant = BootTime::time_point;

// For what runs out for others whether we run or not. Any thread.
class BootClock {
 public:
  virtual ~BootClock() = default;
  virtual BootInstant now() const = 0;
};

// The machine's. Stateless.
class SystemBootClock final : public BootClock {
 public:
  BootInstant now() const override;
};

// One that moves when told. Thread: one.
class ManualBootClock final : public BootClock {
 public:
  BootInstant now() const override { return now_; }
  void advance(Duration by) { now_ += by; }

 private:
  BootInstant now_{std::chrono::hours(1)};
};

// How long something that was granted for a time is surely ours: a lock that others may have when
// its time is over. Looks at the clock itself whenever it is asked. Owner: who holds the lock.
// Thread: one.
class GrantedTime {
 public:
  // Absent: the machine's clock.
  explicit GrantedTime(const BootClock* clock = nullptr) : clock_(clock) {}
  GrantedTime(const GrantedTime&) = delete;
  GrantedTime& operator=(const GrantedTime&) = delete;

  BootInstant now() const { return clock_ != nullptr ? clock_->now() : SystemBootClock().now(); }
  // The time runs from when the other side got the request, which is not before `asked`.
  void grant(BootInstant asked, Duration ttl) {
    ends_ = asked + ttl;
    sure_until_ = ends_ - std::min<Duration>(kReserve, ttl / 4);
  }
  void end() { ends_ = sure_until_ = BootInstant{}; }

  Duration left() const { return std::max<Duration>(ends_ - now(), Duration::zero()); }
  // Ours, and for long enough that what leaves now arrives while it is.
  bool is_sure() const { return now() < sure_until_; }
  // From when on is_sure() says no, unless it is granted again before.
  BootInstant sure_until() const { return sure_until_; }

 private:
  static constexpr Duration kReserve = std::chrono::seconds(1);

  const BootClock* const clock_;
  BootInstant ends_{}, sure_until_{};
};

}  // namespace causeway
