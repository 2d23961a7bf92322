#pragma once

#include <functional>
#include <memory>

#include "base/clock.h"

namespace causeway::net {

class Loop;
struct TimerBlock;

// Calls back once after a delay, or again and again. Re-arming replaces the previous deadline;
// destruction disarms. Resolution 1 ms, counted from the start of the turn; a timer armed by a
// timer's callback waits 1 ms at least, so that others have their turn. Owner: any object of the
// loop. Thread: its loop's.
class Timer {
 public:
  explicit Timer(Loop& loop);
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer();

  void once(Duration delay, std::function<void()> callback);
  void every(Duration interval, std::function<void()> callback);
  // Moves the deadline of a one-shot timer without a new callback object (no allocation). A timer
  // that has fired, or is just firing, is armed again with the same callback; one that was disarmed
  // stays so.
  void extend(Duration delay);
  void disarm();
  bool is_armed() const;

 private:
  TimerBlock* block_;  // goes back to the loop's pool after uv_close
};

}  // namespace causeway::net
