#include "control/converge/crash_policy.h"

#include <gtest/gtest.h>

namespace causeway::converge {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;

TEST(CrashPolicy, waits_double_from_the_third_crash_up_to_16_minutes) {
  const struct {
    int32_t crashes;
    int64_t wait_s;
  } rows[] = {{1, 0},   {2, 0},   {3, 30},  {4, 60},  {5, 120},
              {6, 240}, {7, 480}, {8, 960}, {9, 960}, {199, 960}};
  for (const auto& row : rows) {
    EXPECT_TRUE(should_restart(row.crashes, 7, 7 + row.wait_s * kSecondNs)) << row.crashes;
    if (row.wait_s > 0) {
      EXPECT_FALSE(should_restart(row.crashes, 7, 6 + row.wait_s * kSecondNs)) << row.crashes;
    }
  }
}

TEST(CrashPolicy, gives_up_at_200) {
  EXPECT_TRUE(should_restart(199, 0, 100 * 24 * 3600 * kSecondNs));
  EXPECT_FALSE(should_restart(200, 0, 100 * 24 * 3600 * kSecondNs));
  EXPECT_FALSE(should_restart(2'000'000'000, 0, INT64_MAX));
}

TEST(CrashPolicy, five_minutes_of_running_forget_earlier_crashes) {
  EXPECT_EQ(count_crash(0, true, 0, kSecondNs), 1);
  EXPECT_EQ(count_crash(6, true, 0, 300 * kSecondNs), 7);
  EXPECT_EQ(count_crash(6, true, 0, 300 * kSecondNs + 1), 1);
  EXPECT_EQ(count_crash(6, false, 0, 3000 * kSecondNs), 7);
}

TEST(CrashPolicy, a_clock_that_was_set_back_lets_nobody_wait_for_hours) {
  constexpr int64_t second = 1'000'000'000, crashed_at = 100'000 * second;
  EXPECT_FALSE(should_restart(5, crashed_at, crashed_at));
  EXPECT_FALSE(should_restart(5, crashed_at, crashed_at - 9 * second)) << "another machine's clock";
  EXPECT_TRUE(should_restart(5, crashed_at, crashed_at - 3600 * second));
  EXPECT_FALSE(should_restart(kCrashesMax, crashed_at, crashed_at - 3600 * second));
  EXPECT_TRUE(has_passed(crashed_at, crashed_at + 31 * second, 30 * second));
  EXPECT_FALSE(has_passed(crashed_at, crashed_at + 30 * second, 30 * second));
}

}  // namespace
}  // namespace causeway::converge
