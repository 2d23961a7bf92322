#pragma once

#include <functional>
#include <memory>

#include "base/clock.h"

namespace causeway::net {

class Loop;

// Calls back once after a delay, or again and again. Re-arming replaces the previous deadline; destruction disarms.
// Resolution 1 ms. Owner: any object of the loop. Thread: its loop's.
class Timer {
 public:
  explicit Timer(Loop& loop);
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer();

  void once(Duration delay, std::function<void()> callback);
  void every(Duration interval, std::function<void()> callback);
  // Moves the deadline of an armed one-shot timer without a new callback object (no allocation).
  void extend(Duration delay);
  void disarm();
  bool is_armed() const;

 private:
  struct Block;
  Block* block_;  // freed by the loop after uv_close
};

}  // namespace causeway::net
