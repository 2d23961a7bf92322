#pragma once

#include <deque>
#include <memory>
#include <utility>

#include "test/sim/timeline.h"

namespace causeway::sim {

// A program that may be stopped (SIGSTOP, a frozen machine) and wakes up later: what comes for it
// meanwhile waits in its sockets. Owner: what runs in it. Ends: what was to come, does not.
class Process {
 public:
  using Action = Timeline::Action;

  explicit Process(Timeline& timeline) : timeline_(timeline) {}
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // Now, or when it wakes up.
  void run(Action action) {
    if (!is_paused_) return action();
    held_.push_back(std::move(action));
  }
  void after(Duration delay, Action action) { timeline_.after(delay, guarded(std::move(action))); }
  // For others to keep: nothing once the process has ended.
  Action guarded(Action action) {
    return [this, action = std::move(action), alive = std::weak_ptr<const int>(alive_)] {
      if (!alive.expired()) run(action);
    };
  }
  bool is_paused() const { return is_paused_; }
  void pause() { is_paused_ = true; }
  // Nothing here ends the process at once: World does that in a turn of its own.
  void wake() {
    is_paused_ = false;
    for (; !held_.empty() && !is_paused_; held_.pop_front()) held_.front()();
  }
  std::weak_ptr<const int> alive() const { return alive_; }

 private:
  Timeline& timeline_;
  bool is_paused_ = false;
  std::deque<Action> held_;
  const std::shared_ptr<const int> alive_ = std::make_shared<const int>(0);
};

}  // namespace causeway::sim
