#pragma once

#include <chrono>
#include <cstdint>

namespace causeway {

using Duration = std::chrono::nanoseconds;
using Milliseconds = std::chrono::milliseconds;

// A point of the monotonic clock: differences mean something, the value alone does not.
using Instant = std::chrono::steady_clock::time_point;

// A point of the wall clock, nanoseconds since the Unix epoch: what goes on the wire and into logs.
struct WallTime {
  int64_t unix_ns = 0;
  friend auto operator<=>(const WallTime&, const WallTime&) = default;
};

// Where time comes from. Passed in, never global, so that tests and simulations own time. Any
// thread.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const = 0;
  virtual WallTime wall() const = 0;
};

// The machine's clocks. Stateless.
class SystemClock final : public Clock {
 public:
  Instant now() const override;
  WallTime wall() const override;
};

// A clock that moves when told. Thread: one.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(WallTime wall = {1'700'000'000'000'000'000}) : wall_(wall) {}
  Instant now() const override { return now_; }
  WallTime wall() const override { return wall_; }
  void advance(Duration by) {
    now_ += std::chrono::duration_cast<Instant::duration>(by);
    wall_.unix_ns += by.count();
  }

 private:
  Instant now_{};
  WallTime wall_;
};

}  // namespace causeway
