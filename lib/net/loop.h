#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/clock.h"

struct uv_loop_s;

namespace causeway::net {

// One libuv loop and the thread that runs it. Everything built on a Loop belongs to that thread and
// ends before it. Owner: main() or a worker. The destructor closes what is left of the loop and
// CHECKs that no handle remains.
class Loop {
 public:
  Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop();

  // Runs until stop() or until nothing is left that could wake it. The calling thread becomes the
  // loop's thread.
  void run();
  // Runs the callbacks that are due, waiting for at most one event if `wait`. For tests.
  void run_once(bool wait = true);
  // Waits for an event, but not beyond `deadline`, to the microsecond instead of a Timer's
  // millisecond, and runs the callbacks that are due then. For who has its own timetable; call it
  // again and again. Costs one system call more than run_once().
  void wait_until(Instant deadline);
  // Makes run() return after the present turn. This thread only (other threads post to a Mailbox
  // whose receiver stops).
  void stop();

  // The monotonic clock, read at the first call of a turn and kept until its end, so that it costs
  // nothing to ask again. Comparable with SystemClock::now().
  Instant now() const;

  // Keeps `object` until no callback is running any more and then ends it: nothing dies under its
  // own stack. The object must already be detached (unlinked, closed): it gets no callback after
  // this call.
  template <class T>
  void bury(std::unique_ptr<T> object) {
    if (object)
      bury_erased(
          {object.release(), [](void* corpse) { std::unique_ptr<T>(static_cast<T*>(corpse)); }});
  }
  // Runs `action` after the present callback, before the loop waits again (same turn where
  // possible).
  void defer(std::function<void()> action);

  // A scratch buffer (64 KiB) that every reader of this loop shares: bytes in it are gone when the
  // callback returns.
  std::span<char> scratch();

  // Aborts in debug builds when the caller is not the loop's thread.
  void check_thread() const;

  uv_loop_s* raw() noexcept;

  // Turns that took longer than 50 ms are counted (and logged by whoever set the callback).
  // Accurate to 5 ms.
  void on_slow_turn(std::function<void(Duration)> callback);
  uint64_t slow_turns() const;

 private:
  struct Corpse {
    void* object;
    void (*end)(void*);
  };
  void bury_erased(Corpse corpse);

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace causeway::net
