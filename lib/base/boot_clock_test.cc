#include "base/boot_clock.h"

#include <gtest/gtest.h>

namespace causeway {
namespace {

using namespace std::chrono_literals;

TEST(SystemBootClock, runs_forward_and_is_not_behind_the_clock_that_stands_still) {
  const SystemBootClock clock;
  const BootInstant first = clock.now();
  const Instant monotonic = SystemClock().now();
  EXPECT_LE(first, clock.now());
  EXPECT_GE(clock.now().time_since_epoch(), monotonic.time_since_epoch());
}

TEST(GrantedTime, is_sure_until_shortly_before_its_end) {
  ManualBootClock clock;
  GrantedTime granted(&clock);
  EXPECT_FALSE(granted.is_sure());
  EXPECT_EQ(granted.left(), 0s);
  const BootInstant asked = granted.now();
  clock.advance(2s);  // until the answer
  granted.grant(asked, 10s);
  EXPECT_TRUE(granted.is_sure());
  EXPECT_EQ(granted.left(), 8s);
  clock.advance(6999ms);
  EXPECT_TRUE(granted.is_sure());
  clock.advance(1ms);
  EXPECT_FALSE(granted.is_sure()) << "what leaves now may arrive when it is over";
  EXPECT_EQ(granted.left(), 1s);
  granted.grant(granted.now(), 2s);
  clock.advance(1499ms);
  EXPECT_TRUE(granted.is_sure());
  clock.advance(1ms);
  EXPECT_FALSE(granted.is_sure()) << "a quarter, of a short time";
  granted.grant(granted.now(), 10s);
  granted.end();
  EXPECT_FALSE(granted.is_sure());
}

}  // namespace
}  // namespace causeway
