#include "control/converge/crash_policy.h"

#include <algorithm>

namespace causeway::converge {

bool has_passed(int64_t since_ns, int64_t now_ns, int64_t wait_ns) {
  const int64_t elapsed = now_ns - since_ns;
  return elapsed > wait_ns || elapsed < -kClockDifferenceNs;
}

bool should_restart(int32_t crash_count, int64_t crashed_at_ns, int64_t now_ns) {
  if (crash_count < kImmediateRestarts) return true;
  if (crash_count >= kCrashesMax) return false;
  // 30 s * 2^5 = 16 min: more doublings would overflow for nothing.
  const int32_t doublings = std::min(crash_count - kImmediateRestarts, 5);
  const int64_t wait = std::min(kBackoffBaseNs << doublings, kBackoffMaxNs);
  return has_passed(crashed_at_ns, now_ns, wait - 1);
}

int32_t count_crash(int32_t crash_count, bool ran, int64_t since_ns, int64_t now_ns) {
  if (ran && now_ns - since_ns > kCrashResetNs) return 1;
  return crash_count + 1;
}

}  // namespace causeway::converge
