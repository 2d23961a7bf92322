#include "bench/load/drive/slow_stream.h"

#include <string>

#include <gtest/gtest.h>

#include "net/loopback_test.h"

namespace causeway::load {
namespace {

using net::loopback::RawPair;
using net::loopback::run_until;

TEST(SlowStream, sends_no_faster_than_it_is_told) {
  net::Loop loop;
  RawPair pair(loop);
  auto slow = std::make_unique<SlowStream>(std::move(pair.server.stream), Speed{.send = 10'000});
  slow->listen(pair.server);
  const Instant begun = SystemClock().now();
  slow->write(std::string(2000, 'x'));
  slow->shutdown();
  net::Timer nudge(loop);
  nudge.every(Milliseconds(5), [] {});
  std::string got;
  const bool ended = run_until(loop, [&] {
    const std::string bytes = pair.raw->receive(65536, MSG_DONTWAIT);
    got += bytes;
    return bytes.empty() && pair.raw->last_errno() == 0;
  });
  EXPECT_TRUE(ended);
  EXPECT_EQ(got, std::string(2000, 'x'));
  EXPECT_GE(SystemClock().now() - begun, Milliseconds(150));  // 200 ms but for the first steps
}

TEST(SlowStream, reads_no_faster_than_it_is_told_and_tells_of_the_end_after_the_bytes) {
  net::Loop loop;
  RawPair pair(loop);
  auto slow = std::make_unique<SlowStream>(std::move(pair.server.stream), Speed{.read = 10'000});
  slow->listen(pair.server);
  const Instant begun = SystemClock().now();
  pair.raw->send(std::string(2000, 'y'));
  pair.raw->shutdown();
  EXPECT_TRUE(run_until(loop, [&] { return pair.server.ends == 1; }));
  EXPECT_EQ(pair.server.bytes, std::string(2000, 'y'));
  EXPECT_GE(SystemClock().now() - begun, Milliseconds(150));
}

TEST(SlowStream, may_end_inside_its_own_delivery) {
  net::Loop loop;
  RawPair pair(loop);
  auto slow = std::make_unique<SlowStream>(std::move(pair.server.stream), Speed{.read = 1000});
  struct Ender : net::loopback::Recorder {
    explicit Ender(std::unique_ptr<SlowStream>& ended) : ended_(ended) {}
    void on_read(std::span<char>) override { ended_.reset(); }
    std::unique_ptr<SlowStream>& ended_;
  } ender(slow);
  slow->listen(ender);
  pair.raw->send("some bytes");
  EXPECT_TRUE(run_until(loop, [&] { return slow == nullptr; }));
}

}  // namespace
}  // namespace causeway::load
