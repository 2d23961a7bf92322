#pragma once

#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace causeway::router {

// How long a client's connection that was told to go is waited for: two seconds after its last byte
// was sent, and a minute for each step of taking it; in all no longer than an idle connection is
// kept. Looked at once a round of Workbench::lingering. Owner: the connection. Thread: its
// worker's.
class Lingering {
 public:
  // `queued`: bytes that the client has yet to take.
  void begin(size_t queued) {
    rounds_ = idle_rounds_ = 0;
    queued_ = queued;
  }

  // A round is over: is the wait? `longest`: of the whole; 0 for no bound.
  bool is_over(size_t queued, bool client_has_ended, Duration round, Duration longest) {
    idle_rounds_ = queued == queued_ ? idle_rounds_ + 1 : 0;
    if (longest > Duration::zero() && ++rounds_ * round > longest) return true;
    queued_ = queued;
    return idle_rounds_ >= (queued > 0 ? stuck_rounds_max : quiet_rounds_max) ||
           (client_has_ended && queued == 0);
  }

  // What the client still sends is thrown away: too much of it?
  bool is_flooded(size_t bytes) {
    discarded_bytes_ += bytes;
    return discarded_bytes_ > discarded_bytes_max;
  }

 private:
  static constexpr uint32_t quiet_rounds_max = 4;
  static constexpr uint32_t stuck_rounds_max = 120;
  static constexpr size_t discarded_bytes_max = 16u << 20;

  uint32_t rounds_ = 0;       // in all
  uint32_t idle_rounds_ = 0;  // without progress
  size_t queued_ = 0;
  size_t discarded_bytes_ = 0;
};

}  // namespace causeway::router
