#include "net/timer.h"

#include "net/loopback_test.h"

namespace causeway::net {

TEST(TimerTest, fires_once_and_not_early) {
  Loop loop;
  Timer timer(loop);
  int fired = 0;
  const Instant start = loop.now();
  EXPECT_FALSE(timer.is_armed());
  timer.once(Milliseconds(20), [&] { ++fired; });
  EXPECT_TRUE(timer.is_armed());
  loop.run();
  EXPECT_EQ(fired, 1);
  EXPECT_FALSE(timer.is_armed());
  EXPECT_GE(std::chrono::steady_clock::now() - start, Milliseconds(17));
}

TEST(TimerTest, repeats_until_disarmed_in_its_own_callback) {
  Loop loop;
  Timer timer(loop);
  int fired = 0;
  timer.every(Milliseconds(1), [&] {
    if (++fired == 5) timer.disarm();
  });
  loop.run();
  EXPECT_EQ(fired, 5);
}

TEST(TimerTest, rearming_replaces_callback_and_deadline) {
  Loop loop;
  Timer timer(loop);
  std::string fired;
  timer.once(Milliseconds(1), [&] { fired += "a"; });
  timer.once(Milliseconds(2), [&] {
    fired += "b";
    timer.once(Milliseconds(1), [&] { fired += "c"; });
  });
  loop.run();
  EXPECT_EQ(fired, "bc");
}

TEST(TimerTest, rearming_at_once_for_ever_leaves_others_their_turn) {
  Loop loop;
  Timer busy(loop), other(loop);
  std::function<void()> again = [&] { busy.once(Duration::zero(), [&] { again(); }); };
  again();
  other.once(Milliseconds(5), [&] { busy.disarm(); });
  loop.run();
  EXPECT_FALSE(busy.is_armed());
}

TEST(TimerTest, extending_moves_the_deadline) {
  Loop loop;
  Timer idle(loop), traffic(loop);
  int fired = 0, extended = 0;
  idle.once(Milliseconds(200), [&] { ++fired; });
  traffic.every(Milliseconds(20), [&] {
    EXPECT_EQ(fired, 0);
    idle.extend(std::chrono::seconds(30));
    if (++extended == 20) {
      idle.extend(Milliseconds(1));
      traffic.disarm();
    }
  });
  loop.run();
  EXPECT_EQ(fired, 1);
}

TEST(TimerTest, extending_in_its_own_callback_arms_it_again) {
  Loop loop;
  Timer timer(loop);
  int fired = 0;
  timer.once(Milliseconds(1), [&] {
    if (++fired < 3) timer.extend(Milliseconds(1));
  });
  loop.run();
  EXPECT_EQ(fired, 3);
}

TEST(TimerTest, extending_a_disarmed_timer_does_nothing) {
  Loop loop;
  Timer timer(loop);
  timer.extend(Milliseconds(1));
  timer.once(Milliseconds(1), [] { FAIL(); });
  timer.disarm();
  timer.extend(Milliseconds(1));
  EXPECT_FALSE(timer.is_armed());
  loop.run();
}

TEST(TimerTest, may_end_in_its_own_callback) {
  Loop loop;
  auto timer = std::make_unique<Timer>(loop);
  int fired = 0;
  timer->every(Milliseconds(1), [&, text = std::string(100, 'x')] {
    timer.reset();
    fired += static_cast<int>(text.size());
  });
  loop.run();
  EXPECT_EQ(fired, 100);
}

TEST(TimerTest, many_come_and_go) {
  Loop loop;
  int fired = 0;
  for (int round = 0; round < 3; ++round) {
    std::vector<std::unique_ptr<Timer>> timers;
    for (int i = 0; i < 1000; ++i) {
      timers.push_back(std::make_unique<Timer>(loop));
      timers.back()->once(Milliseconds(i % 7), [&] { ++fired; });
      if (i % 2 == 1) timers.pop_back();
    }
    loop.run();
  }
  EXPECT_EQ(fired, 1500);
}

}  // namespace causeway::net
