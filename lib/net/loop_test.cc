#include "net/loop.h"

#include <thread>
#include <vector>

#include "net/loopback_test.h"

namespace causeway::net {

namespace {

struct Mortal {
  explicit Mortal(int& deaths_counted) : deaths(deaths_counted) {}
  ~Mortal() { ++deaths; }
  int& deaths;
};

}  // namespace

TEST(LoopTest, ends_at_once_when_nothing_can_wake_it) {
  Loop loop;
  loop.run();
}

TEST(LoopTest, waits_until_a_deadline_or_an_event) {
  Loop loop;
  const Instant begin = loop.now();
  loop.wait_until(begin + std::chrono::microseconds(1500));
  Timer first(loop), guard(loop);
  guard.once(loopback::patience, [] {});
  const Instant short_of = loop.now() + std::chrono::microseconds(1500);
  while (loop.now() < short_of) loop.wait_until(short_of);
  EXPECT_TRUE(guard.is_armed());
  bool has_fired = false;
  first.once(Milliseconds(2), [&] { has_fired = true; });
  const Instant far = loop.now() + loopback::patience;
  while (!has_fired && loop.now() < far) loop.wait_until(far);
  EXPECT_TRUE(has_fired);
  // Sockets that the loop has just taken up wake it as well.
  loopback::RawPair pair(loop);
  pair.raw->send("x");
  while (pair.server.bytes.empty() && loop.now() < far) loop.wait_until(far);
  EXPECT_EQ(pair.server.bytes, "x");
  EXPECT_LT(loop.now(), far);
}

TEST(LoopTest, buries_after_the_callback_and_before_it_waits_again) {
  Loop loop;
  int deaths = 0;
  int deaths_in_callback = -1;
  Timer first(loop), second(loop);
  first.once(Milliseconds(1), [&] {
    loop.bury(std::make_unique<Mortal>(deaths));
    deaths_in_callback = deaths;
    second.once(Milliseconds(1), [&] { EXPECT_EQ(deaths, 1); });
  });
  loop.run();
  EXPECT_EQ(deaths_in_callback, 0);
  EXPECT_EQ(deaths, 1);
}

TEST(LoopTest, what_is_buried_outside_of_any_run_ends_with_the_loop) {
  int deaths = 0;
  {
    Loop loop;
    loop.bury(std::make_unique<Mortal>(deaths));
    EXPECT_EQ(deaths, 0);
  }
  EXPECT_EQ(deaths, 1);
}

TEST(LoopTest, deferred_actions_run_in_order_and_before_the_dead_go) {
  Loop loop;
  std::vector<int> order;
  int deaths = 0;
  Timer timer(loop);
  timer.once(Milliseconds(1), [&] {
    auto mortal = std::make_unique<Mortal>(deaths);
    Mortal* raw = mortal.get();
    loop.bury(std::move(mortal));
    loop.defer([&, raw] {
      order.push_back(raw->deaths == 0 ? 1 : -1);
      loop.defer([&] { order.push_back(3); });
    });
    loop.defer([&] { order.push_back(2); });
    order.push_back(0);
  });
  loop.run();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3}));
  EXPECT_EQ(deaths, 1);
}

TEST(LoopTest, deferred_actions_run_without_any_handle) {
  Loop loop;
  int runs = 0;
  loop.defer([&] {
    ++runs;
    loop.defer([&] { ++runs; });
  });
  loop.run();
  EXPECT_EQ(runs, 2);
}

TEST(LoopTest, an_action_that_defers_itself_does_not_starve_timers) {
  Loop loop;
  bool is_over = false;
  std::function<void()> again = [&] {
    if (!is_over) loop.defer(again);
  };
  Timer timer(loop);
  timer.once(Milliseconds(5), [&] { is_over = true; });
  loop.defer(again);
  EXPECT_TRUE(loopback::run_until(loop, [&] { return is_over; }));
  loop.run();
}

TEST(LoopTest, stops_after_the_present_turn_and_can_run_again) {
  Loop loop;
  int fired = 0;
  Timer timer(loop);
  timer.every(Milliseconds(1), [&] {
    ++fired;
    loop.stop();
  });
  loop.run();
  EXPECT_EQ(fired, 1);
  loop.run();
  EXPECT_EQ(fired, 2);
  loop.defer([&] { loop.stop(); });
  loop.run();
  loop.run();
  EXPECT_GE(fired, 3);
}

TEST(LoopTest, now_stands_still_within_a_turn_and_moves_between_turns) {
  Loop loop;
  const Instant before = std::chrono::steady_clock::now();
  Instant first, second;
  Timer timer(loop);
  timer.once(Milliseconds(1), [&] {
    first = loop.now();
    while (std::chrono::steady_clock::now() < first + Milliseconds(2)) {
    }
    EXPECT_EQ(loop.now(), first);
    timer.once(Milliseconds(1), [&] { second = loop.now(); });
  });
  loop.run();
  EXPECT_GE(first, before);
  EXPECT_GE(second, first + Milliseconds(2));
  EXPECT_LE(second, std::chrono::steady_clock::now());
}

TEST(LoopTest, counts_and_tells_slow_turns) {
  Loop loop;
  std::vector<Duration> told;
  loop.on_slow_turn([&](Duration took) { told.push_back(took); });
  Timer timer(loop), later(loop);
  timer.once(Milliseconds(1), [&] {
    loop.defer([] {
      const Instant start = std::chrono::steady_clock::now();
      while (std::chrono::steady_clock::now() < start + Milliseconds(80)) {
      }
    });
  });
  later.once(Milliseconds(200), [] {});
  loop.run();
  // A loaded machine may add slow turns of its own.
  ASSERT_GE(told.size(), 1u);
  EXPECT_EQ(loop.slow_turns(), told.size());
  EXPECT_GE(*std::max_element(told.begin(), told.end()), Milliseconds(75));
}

TEST(LoopTest, belongs_to_the_thread_that_runs_it) {
  Loop loop;
  std::thread::id ran_on;
  std::thread worker([&] {
    loop.defer([&] {
      loop.check_thread();
      ran_on = std::this_thread::get_id();
    });
    loop.run();
  });
  const auto worker_id = worker.get_id();
  worker.join();
  EXPECT_EQ(ran_on, worker_id);
  loop.check_thread();
}

TEST(LoopDeathTest, aborts_when_a_handle_outlives_it) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(
      {
        auto loop = std::make_unique<Loop>();
        Timer timer(*loop);
        loop.reset();
      },
      "timer outlives its loop");
}

}  // namespace causeway::net
