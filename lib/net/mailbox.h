#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "net/timer.h"

namespace causeway::net {

class Loop;

// Wakes a loop from another thread. Wake-ups coalesce. Owner: the receiving side; wake() may be
// called by any thread while the Waker lives.
class Waker {
 public:
  Waker(Loop& loop, std::function<void()> on_wake);
  Waker(const Waker&) = delete;
  Waker& operator=(const Waker&) = delete;
  ~Waker();
  void wake();
  // A waker keeps its loop running unless this is called.
  void unref();

 private:
  struct Block;
  Block* block_;
};

// Messages from any thread to the thread of one loop, in order, one callback per message. Bounded:
// post() answers false when `capacity` messages wait, and the caller counts the drop. A message
// posted from inside `receive` comes in the next turn, so that senders cannot starve I/O. Owner:
// the receiver, who must not end the mailbox inside `receive` (a buried one still delivers the rest
// of the batch); senders hold a reference and end first.
// With `gathering`, messages that follow others are looked at that often, and senders wake nobody
// meanwhile: for a stream of many small ones. The first one after a pause comes at once.
template <class Message>
class Mailbox {
 public:
  Mailbox(Loop& loop, size_t capacity, std::function<void(Message&&)> receive,
          Duration gathering = Duration::zero())
      : capacity_(capacity),
        gathering_(gathering),
        receive_(std::move(receive)),
        next_look_(loop),
        waker_(loop, [this] { drain(); }) {}

  // Any thread.
  [[nodiscard]] bool post(Message message) {
    {
      const std::lock_guard lock(mutex_);
      if (waiting_.size() >= capacity_) return false;
      waiting_.push_back(std::move(message));
      if (std::exchange(is_awake_, true)) return true;  // the loop will look by itself
    }
    waker_.wake();
    return true;
  }

  size_t waiting() const {
    const std::lock_guard lock(mutex_);
    return waiting_.size();
  }

  void unref() { waker_.unref(); }

 private:
  void drain() {
    batch_.clear();
    {
      const std::lock_guard lock(mutex_);
      batch_.swap(waiting_);
      is_awake_ = gathering_ > Duration::zero() && !batch_.empty();
    }
    if (batch_.empty()) return;
    for (Message& message : batch_) receive_(std::move(message));
    batch_.clear();
    if (batch_.capacity() * sizeof(Message) > kept_bytes_max) std::vector<Message>().swap(batch_);
    if (gathering_ > Duration::zero()) next_look_.once(gathering_, [this] { drain(); });
  }

  // A batch that grew beyond this is given back.
  static constexpr size_t kept_bytes_max = 1u << 20;

  const size_t capacity_;
  const Duration gathering_;
  std::function<void(Message&&)> receive_;
  mutable std::mutex mutex_;
  std::vector<Message> waiting_;
  std::vector<Message> batch_;
  bool is_awake_ = false;  // the loop has been woken or will look; guarded by mutex_
  Timer next_look_;
  Waker waker_;  // last: gone before what its callback uses
};

}  // namespace causeway::net
