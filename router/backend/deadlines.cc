#include "router/backend/deadlines.h"

#include <algorithm>

#include "net/loop.h"

namespace causeway::router {

DeadlineQueue::DeadlineQueue(Deadlines& deadlines, Duration length)
    : deadlines_(deadlines), length_(length) {
  deadlines_.queues_.push_back(this);
}

void DeadlineQueue::arm(Deadline& deadline) {
  deadline.call_off();
  if (length_ <= Duration::zero()) return;
  deadline.at_ = deadlines_.loop_.now() + length_;
  waiting_.push_back(deadline);
  deadlines_.schedule(deadline.at_);
}

void DeadlineQueue::length(Duration length) {
  const Duration later = length - length_;
  length_ = length;
  if (later == Duration::zero()) return;
  List<Deadline> moved;
  while (!waiting_.empty()) {
    Deadline& deadline = waiting_.front();
    deadline.call_off();
    if (length <= Duration::zero()) continue;
    deadline.at_ += later;
    moved.push_back(deadline);
  }
  while (!moved.empty()) {
    Deadline& deadline = moved.front();
    deadline.call_off();
    waiting_.push_back(deadline);
  }
  if (!waiting_.empty()) deadlines_.schedule(waiting_.front().at_);
}

void Deadlines::schedule(Instant at) {
  if (is_scheduled_ && next_ <= at) return;
  is_scheduled_ = true;
  next_ = at;
  // Up to the next millisecond, so that what the timer wakes is due indeed.
  const Duration delay =
      std::max<Duration>(at - loop_.now(), Duration::zero()) + std::chrono::milliseconds(1);
  if (timer_was_set_) {
    timer_.extend(delay);
  } else {
    timer_was_set_ = true;
    timer_.once(delay, [this] { run(); });
  }
}

void Deadlines::run() {
  is_scheduled_ = false;
  const Instant now = loop_.now();
  for (DeadlineQueue* queue : queues_) {
    while (!queue->waiting_.empty() && queue->waiting_.front().at_ <= now) {
      Deadline& due = queue->waiting_.front();
      due.call_off();
      due.on_deadline();
    }
  }
  for (DeadlineQueue* queue : queues_) {
    if (!queue->waiting_.empty()) schedule(queue->waiting_.front().at_);
  }
}

}  // namespace causeway::router
