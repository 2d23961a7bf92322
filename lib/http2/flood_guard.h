#pragma once

#include <cstdint>

#include "base/clock.h"

namespace causeway::http2 {

// How much that serves no request a client may make the server do. Each bucket is full at first,
// and filled again evenly.
struct FloodLimits {
  // Frames that carry nothing: SETTINGS, PING, PRIORITY, WINDOW_UPDATE, unknown ones, DATA without
  // a byte. Each request and each full frame of its reply allow for some more.
  uint32_t idle_frames_burst = 2000;
  uint32_t idle_frames_per_second = 200;
  // Streams that end before their reply: cancelled by the client, or malformed.
  uint32_t broken_streams_burst = 200;
  uint32_t broken_streams_per_second = 20;
};

// Tokens that are spent and come back with time. A value.
class TokenBucket {
 public:
  TokenBucket(uint32_t burst, uint32_t per_second)
      : burst_(burst), per_second_(per_second), tokens_(burst) {}

  // False: there is none left.
  bool take(Instant now) {
    if (filled_at_ == Instant{}) filled_at_ = now;
    if (tokens_ == 0) refill(now);
    if (tokens_ == 0) return false;
    --tokens_;
    return true;
  }
  void give(uint32_t tokens) { tokens_ = tokens_ + tokens > burst_ ? burst_ : tokens_ + tokens; }

 private:
  void refill(Instant now);

  uint64_t burst_;
  uint64_t per_second_;
  uint64_t tokens_;
  Instant filled_at_{};  // never: it was full
};

// Counts the frames of one connection against FloodLimits. Owner: its session. Thread: the
// session's. Pure: time is handed in.
class FloodGuard {
 public:
  explicit FloodGuard(const FloodLimits& limits)
      : idle_frames_(limits.idle_frames_burst, limits.idle_frames_per_second),
        broken_streams_(limits.broken_streams_burst, limits.broken_streams_per_second) {}

  // False: that was too much.
  bool on_idle_frame(Instant now) { return idle_frames_.take(now); }
  bool on_broken_stream(Instant now) { return broken_streams_.take(now); }
  // A request or a good part of a reply went by: what belongs to it may follow.
  void on_work() { idle_frames_.give(frames_of_work); }

 private:
  // SETTINGS and PINGs that measure, PRIORITY, two windows.
  static constexpr uint32_t frames_of_work = 4;

  TokenBucket idle_frames_;
  TokenBucket broken_streams_;
};

}  // namespace causeway::http2
