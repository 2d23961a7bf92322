#include "http2/flood_guard.h"

#include <algorithm>
#include <chrono>

namespace causeway::http2 {

void TokenBucket::refill(Instant now) {
  const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(now - filled_at_);
  constexpr int64_t long_enough_ms = 3'600'000;
  const auto ms = static_cast<uint64_t>(std::clamp<int64_t>(elapsed.count(), 0, long_enough_ms));
  const uint64_t due = ms * per_second_ / 1000;
  if (due == 0) return;
  filled_at_ = now;
  tokens_ = std::min(burst_, tokens_ + due);
}

}  // namespace causeway::http2
