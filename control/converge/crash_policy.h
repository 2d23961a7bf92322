#pragma once

#include <cstdint>

namespace causeway::converge {

// When a crashed instance is started again. The first two crashes: at once. From the third on after
// 30 s, doubling up to 16 min; after 200 crashes never. An instance that ran for more than 5 min
// begins to count anew.
inline constexpr int32_t kImmediateRestarts = 3;  // the third crash waits
inline constexpr int64_t kBackoffBaseNs = 30'000'000'000;
inline constexpr int64_t kBackoffMaxNs = 16 * 60'000'000'000;
inline constexpr int32_t kCrashesMax = 200;
inline constexpr int64_t kCrashResetNs = 5 * 60'000'000'000;

// Two machines' clocks may differ by so much.
inline constexpr int64_t kClockDifferenceNs = 10'000'000'000;

// Whether more than `wait_ns` have gone by. What lies in the future was written before the clock
// was set back: nobody knows when that was, so it has passed, and what waits for it is done rather
// than left for hours.
bool has_passed(int64_t since_ns, int64_t now_ns, int64_t wait_ns);

// `crash_count` includes the last crash, which was at `crashed_at_ns`.
bool should_restart(int32_t crash_count, int64_t crashed_at_ns, int64_t now_ns);

// The count after a crash. `ran`: it was RUNNING, since `since_ns`.
int32_t count_crash(int32_t crash_count, bool ran, int64_t since_ns, int64_t now_ns);

}  // namespace causeway::converge
