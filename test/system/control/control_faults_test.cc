// Real servers under cells that act, while processes are killed and stopped.
#include <chrono>
#include <csignal>
#include <string>

#include <gtest/gtest.h>

#include "test/support/server_process.h"
#include "test/system/control/control_process.h"
#include "test/system/control/fault_ground.h"

namespace causeway::platform {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t lrps = 12;

std::string loopback(uint16_t port) { return "127.0.0.1:" + std::to_string(port); }

class ControlFaults : public FaultGround {
 protected:
  ControlFaults() { begin(bbs_.url(), {{.bbs_url = bbs_.url()}}); }

  causeway::test::RedisServer redis_{{.persist = true}};
  // The two name each other: this port is chosen first.
  const uint16_t auctioneer_port_ = causeway::test::free_port();
  ControlProcess bbs_{"bbs", "listen_address",
                      R"({"health_address":")" + loopback(causeway::test::free_port()) +
                          R"(","auctioneer_address":"http://)" + loopback(auctioneer_port_) +
                          R"(","require_ssl":false,"converge_repeat_interval":"2s",)" +
                          R"("log_level":"error","redis":{"port":)" +
                          std::to_string(redis_.port()) + "}"};
  ControlProcess auctioneer_{"auctioneer", "health_address",
                             R"({"log_level":"error","bbs_address":")" + bbs_.url() +
                                 R"(","listen_address":")" + loopback(auctioneer_port_) + "\""};
};

TEST_F(ControlFaults, whatever_is_killed_or_stopped_all_instances_run_once_and_tasks_end_once) {
  desire_lrps(lrps);
  desire_tasks(lrps);
  let_pass(200ms);
  bbs_.kill(SIGKILL);
  let_pass(300ms);
  bbs_.start();
  let_pass(300ms);
  auctioneer_.kill(SIGKILL);
  let_pass(500ms);
  auctioneer_.start();
  let_pass(300ms);
  redis_.kill(SIGKILL);
  let_pass(500ms);
  redis_.start();
  let_pass(300ms);
  for (causeway::test::ServerProcess* stopped :
       {static_cast<causeway::test::ServerProcess*>(&bbs_),
        static_cast<causeway::test::ServerProcess*>(&auctioneer_),
        static_cast<causeway::test::ServerProcess*>(&redis_)}) {
    stopped->kill(SIGSTOP);
    let_pass(1500ms);
    stopped->kill(SIGCONT);
    let_pass(200ms);
  }
  ASSERT_TRUE(becomes_whole());
  EXPECT_GT(followers_[0]->cuts(), 0u);
  expect_tasks_to_have_ended_once();
}

TEST_F(ControlFaults, what_runs_goes_on_whatever_dies) {
  desire_lrps(lrps);
  ASSERT_TRUE(becomes_whole());
  const auto running = containers();
  bbs_.restart();
  auctioneer_.restart();
  redis_.restart();
  bbs_.kill(SIGSTOP);
  let_pass(3s);
  bbs_.kill(SIGCONT);
  // Two passes and heart-beats of all cells.
  let_pass(5s);
  ASSERT_TRUE(becomes_whole());
  EXPECT_EQ(containers(), running);
}

}  // namespace
}  // namespace causeway::platform
