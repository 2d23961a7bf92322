// Real servers under cells that act, while processes are killed and stopped.
#include <chrono>
#include <csignal>
#include <string>

#include <gtest/gtest.h>

#include "test/support/redis_farm.h"
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

  causeway::test::RedisNode redis_{{"--appendonly", "yes", "--appendfsync", "always"}};
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

// Its fence is that of the bbs that leads: nothing but the rows tells that they are old.
TEST_F(ControlFaults, a_redis_restored_from_an_old_snapshot_is_noticed_and_made_up_for) {
  desire_lrps(lrps);
  ASSERT_TRUE(becomes_whole());
  const auto running = containers();
  EXPECT_EQ(causeway::test::redis_cli(redis_.port(), "SAVE"), "OK\n");
  models::UpsertDomainRequest forgotten;
  forgotten.set_domain("forgotten");
  ASSERT_TRUE(post<models::UpsertDomainResponse>("/v1/domains/upsert", forgotten));
  const auto cuts = followers_[0]->cuts();
  redis_.kill(SIGKILL);
  redis_.settings({"--appendonly", "no"});
  redis_.start();
  ASSERT_TRUE(until([&] {
    let_pass(100ms);
    return bbs_.log().find("acknowledged-writes-lost") != std::string::npos;
  })) << bbs_.log();
  EXPECT_TRUE(until([&] { return followers_[0]->cuts() > cuts; }));
  desire_lrps(2);
  desire_tasks(lrps);
  ASSERT_TRUE(becomes_whole());
  expect_tasks_to_have_ended_once();
  const auto now = containers();
  for (const auto& [name, guid] : running) {
    const auto found = now.find(name);
    ASSERT_NE(found, now.end());
    EXPECT_EQ(found->second, guid) << "it was started anew";
  }
}

}  // namespace
}  // namespace causeway::platform
