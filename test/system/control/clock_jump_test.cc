// Real servers whose wall clocks are set hours forward and back, one and all: what is held by time
// (locks, presences, streams) stands on clocks that nobody sets.
#include <chrono>
#include <csignal>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "test/support/server_process.h"
#include "test/system/clock/wall_clock.h"
#include "test/system/control/control_process.h"
#include "test/system/control/fault_ground.h"

namespace causeway::platform {
namespace {

using namespace std::chrono_literals;

class RedisOnAClock final : public causeway::test::ServerProcess {
 public:
  explicit RedisOnAClock(std::vector<std::string> prefix) : prefix_(std::move(prefix)) {
    start_somewhere();
  }

 private:
  std::vector<std::string> command(uint16_t port) const override {
    std::vector<std::string> words = prefix_;
    words.insert(words.end(), {"redis-server", "--port", std::to_string(port), "--bind",
                               "127.0.0.1", "--dir", folder(), "--save", ""});
    return words;
  }
  const std::vector<std::string> prefix_;
};

class ClockJump : public FaultGround {
 protected:
  ClockJump() {
    begin(bbs_.url(), {{.bbs_url = bbs_.url(), .presence_ttl = 6s}});
    EXPECT_TRUE(
        until([this] { return auctioneer_.log().find("acquired-lock") != std::string::npos; }));
  }
  static std::string loopback(uint16_t port) { return "127.0.0.1:" + std::to_string(port); }
  // What the new time of day has ended would end in that time: there are several passes, renewals
  // and heart-beats in it.
  void let_all_expire() { let_pass(3s); }

  WallClock bbs_clock_, auctioneer_clock_, redis_clock_;
  RedisOnAClock redis_{redis_clock_.prefix()};
  const uint16_t auctioneer_port_ = causeway::test::free_port();
  ControlProcess bbs_{"bbs",
                      "listen_address",
                      R"({"health_address":")" + loopback(causeway::test::free_port()) +
                          R"(","auctioneer_address":"http://)" + loopback(auctioneer_port_) +
                          R"(","require_ssl":false,"converge_repeat_interval":"1s",)" +
                          R"("locks_locket_enabled":true,"lock_ttl":"6s",)" +
                          R"("lock_retry_interval":"1s","redis":{"port":)" +
                          std::to_string(redis_.port()) + "}",
                      {.prefix = bbs_clock_.prefix()}};
  ControlProcess auctioneer_{"auctioneer",
                             "health_address",
                             R"({"locks_locket_enabled":true,"lock_ttl":"6s",)"
                             R"("lock_retry_interval":"1s","locket_address":")" +
                                 bbs_.url() + R"(","bbs_address":")" + bbs_.url() +
                                 R"(","listen_address":")" + loopback(auctioneer_port_) + "\"",
                             {.prefix = auctioneer_clock_.prefix()}};
};

TEST_F(ClockJump, nothing_is_started_anew_and_nobody_loses_a_lock) {
  desire_lrps(6);
  ASSERT_TRUE(becomes_whole());
  const Containers running = containers();
  const auto jump = [this](std::chrono::hours bbs, std::chrono::hours auctioneer,
                           std::chrono::hours redis) {
    bbs_clock_.shift(bbs);
    auctioneer_clock_.shift(auctioneer);
    redis_clock_.shift(redis);
    desire_tasks(2);
    let_all_expire();
  };
  jump(5h, 0h, 0h);
  jump(-7h, 5h, 0h);
  jump(-7h, -7h, 5h);
  jump(0h, 0h, -7h);
  EXPECT_FALSE(bbs_.exit_code()) << bbs_.log();
  EXPECT_FALSE(auctioneer_.exit_code()) << auctioneer_.log();
  EXPECT_EQ(bbs_.log().find("lost-lock"), std::string::npos);
  EXPECT_EQ(followers_[0]->cuts(), 0u);
  ASSERT_TRUE(becomes_whole());
  EXPECT_EQ(containers(), running);
  // And work goes on.
  desire_lrps(2);
  ASSERT_TRUE(becomes_whole());
}

TEST_F(ClockJump, what_waits_when_a_clock_is_set_back_waits_no_longer_than_it_would_have) {
  bbs_clock_.shift(5h);
  auctioneer_.kill(SIGKILL);
  desire_lrps(2);
  desire_tasks(2);
  ASSERT_TRUE(until([this] {
    let_pass(100ms);
    const auto list =
        post<models::ActualLRPsResponse>("/v1/actual_lrps/list", models::ActualLRPsRequest());
    return list && list->actual_lrps_size() == 2 * instances;
  }));
  bbs_clock_.shift(0h);
  auctioneer_.start();
  ASSERT_TRUE(becomes_whole());
  expect_tasks_to_have_ended_once();
}

}  // namespace
}  // namespace causeway::platform
