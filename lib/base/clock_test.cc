#include "base/clock.h"

#include <gtest/gtest.h>

namespace causeway {
namespace {

TEST(ManualClock, moves_only_when_told) {
  ManualClock clock;
  const Instant start = clock.now();
  const WallTime wall = clock.wall();
  clock.advance(std::chrono::seconds(2));
  EXPECT_EQ(clock.now() - start, std::chrono::seconds(2));
  EXPECT_EQ(clock.wall().unix_ns - wall.unix_ns, 2'000'000'000);
}

TEST(SystemClock, runs_forward) {
  SystemClock clock;
  const Instant first = clock.now();
  const Instant second = clock.now();
  EXPECT_LE(first, second);
  EXPECT_GT(clock.wall().unix_ns, 1'600'000'000'000'000'000);
}

}  // namespace
}  // namespace causeway
