#pragma once

#include <vector>

#include "base/clock.h"
#include "base/list.h"
#include "net/timer.h"

namespace causeway::net {
class Loop;
}

namespace causeway::router {

// Something that is to happen at a time unless it is called off. Inherited by whatever has a
// timeout.
class Deadline : public ListLink<Deadline> {
 public:
  virtual void on_deadline() = 0;
  void call_off() noexcept { unlink(); }

 protected:
  ~Deadline() = default;

 private:
  friend class DeadlineQueue;
  friend class Deadlines;
  Instant at_{};
};

class DeadlineQueue;

// All timeouts of one worker on one timer. Arming costs two list operations and no system call: the
// timer is left alone while it fires early enough. Owner: the worker. Thread: its own.
class Deadlines {
 public:
  explicit Deadlines(net::Loop& loop) : loop_(loop), timer_(loop) {}

 private:
  friend class DeadlineQueue;
  void schedule(Instant at);
  void run();

  net::Loop& loop_;
  net::Timer timer_;
  bool timer_was_set_ = false;
  bool is_scheduled_ = false;
  Instant next_{};
  std::vector<DeadlineQueue*> queues_;
};

// Deadlines of one length: the one armed first is the one due first.
class DeadlineQueue {
 public:
  // `length` 0 = never.
  DeadlineQueue(Deadlines& deadlines, Duration length);
  DeadlineQueue(const DeadlineQueue&) = delete;
  DeadlineQueue& operator=(const DeadlineQueue&) = delete;

  // Due `length` from now; replaces whatever `deadline` was armed for.
  void arm(Deadline& deadline);
  Duration length() const { return length_; }
  // From now on; what is waiting is moved with it. 0: what is waiting is called off.
  void length(Duration length);

 private:
  friend class Deadlines;
  Deadlines& deadlines_;
  Duration length_;
  List<Deadline> waiting_;
};

}  // namespace causeway::router
