// A platform on a Redis primary with two replicas, watched by three Sentinels, each on a machine of
// its own, while the primary is killed, stopped, or cut off from all but the bbs, and while
// Sentinels are cut off.
#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "test/support/redis_farm.h"
#include "test/system/control/control_process.h"
#include "test/system/control/cut_network.h"
#include "test/system/control/fault_ground.h"
#include "test/system/control/remote_redis.h"

namespace causeway::platform {
namespace {

using namespace std::chrono_literals;

class SentinelFaults : public FaultGround {
 protected:
  static constexpr size_t sentinels = 3;

  SentinelFaults() {
    for (int i = 0; i < 3; ++i) add_redis();
    for (size_t i = 0; i < sentinels; ++i) {
      sentinel_at_.push_back(network_.add_machine());
      sentinel_.push_back(std::make_unique<RemoteSentinel>(sentinel_at_[i], *redis_[0], 2));
    }
    EXPECT_TRUE(until([this] {
      let_pass(100ms);
      for (size_t i = 0; i < sentinels; ++i) {
        const std::string said = ask_sentinel(i, "SENTINEL MASTER platform");
        if (said.find("num-slaves\n2\n") == std::string::npos ||
            said.find("num-other-sentinels\n2\n") == std::string::npos)
          return false;
      }
      return replicas_of(0) == 2;
    }));
    bbs_ = std::make_unique<ControlProcess>("bbs", "listen_address", bbs_configuration(),
                                            ControlProcess::Place{bbs_at_.address, bbs_at_.prefix});
    auctioneer_ = std::make_unique<ControlProcess>(
        "auctioneer", "health_address",
        R"({"log_level":"error","bbs_address":")" + bbs_->url() +
            R"(","listen_address":"0.0.0.0:9016")",
        ControlProcess::Place{auctioneer_at_.address, auctioneer_at_.prefix});
    begin(bbs_->url(), {{.bbs_url = bbs_->url(), .address = cells_}});
  }

  void add_redis() {
    machines_.push_back(network_.add_machine());
    std::vector<std::string> settings;
    if (!redis_.empty())
      settings = {"--replicaof", redis_[0]->address() + " " + std::to_string(redis_[0]->port())};
    redis_.push_back(std::make_unique<RemoteRedis>(machines_.back(), settings));
  }
  std::string bbs_configuration() const {
    std::string nodes;
    for (size_t i = 0; i < sentinels; ++i)
      nodes += (i == 0 ? "\"" : ",\"") + sentinel_at_[i].address + ":" +
               std::to_string(sentinel_[i]->port()) + "\"";
    return R"({"health_address":"127.0.0.1:8890","auctioneer_address":"http://)" +
           auctioneer_at_.address +
           R"(:9016","require_ssl":false,"converge_repeat_interval":"2s","log_level":"error",)" +
           R"("redis":{"topology":"sentinel","primary_name":"platform","wait_replicas":1,)" +
           R"("nodes":[)" + nodes + "]}";
  }
  std::string ask_sentinel(size_t sentinel, const std::string& words) const {
    return causeway::test::redis_cli(sentinel_[sentinel]->port(),
                                     "-h " + sentinel_at_[sentinel].address + " " + words);
  }
  std::string ask(size_t redis, const std::string& words) const {
    return causeway::test::redis_cli(redis_[redis]->port(),
                                     "-h " + redis_[redis]->address() + " " + words);
  }
  // That it has as a primary and that are up to date.
  size_t replicas_of(size_t redis) const {
    return causeway::test::replicas_in(ask(redis, "INFO replication"));
  }
  // The number of the primary, as the first Sentinel sees it.
  size_t primary() const {
    const std::string said = ask_sentinel(0, "SENTINEL GET-MASTER-ADDR-BY-NAME platform");
    for (size_t i = 0; i < redis_.size(); ++i)
      if (said.find(redis_[i]->address() + "\n") != std::string::npos) return i;
    ADD_FAILURE() << said;
    return 0;
  }
  [[nodiscard]] bool another_is_promoted(size_t old) {
    return until([this, old] {
      let_pass(100ms);
      return primary() != old && ask(primary(), "ROLE").starts_with("master");
    });
  }
  [[nodiscard]] bool both_follow() {
    return until([this] {
      let_pass(100ms);
      return replicas_of(primary()) == 2;
    });
  }
  // The third one. Were it still the old primary's, it would confirm what the new one never hears
  // of.
  [[nodiscard]] bool the_other_follows() {
    return until([this] {
      let_pass(100ms);
      return replicas_of(primary()) == 1;
    });
  }

  static std::vector<std::string> addresses_of(const std::vector<CutNetwork::Machine>& machines) {
    std::vector<std::string> addresses;
    for (const auto& machine : machines) addresses.push_back(machine.address);
    return addresses;
  }
  // What ran then was never started anew.
  void expect_to_run_on(const Containers& then) const {
    const Containers now = containers();
    for (const auto& [name, guid] : then) {
      const auto found = now.find(name);
      ASSERT_NE(found, now.end());
      EXPECT_EQ(found->second, guid);
    }
  }

  CutNetwork network_;
  const CutNetwork::Machine bbs_at_ = network_.add_machine();
  const CutNetwork::Machine auctioneer_at_ = network_.add_machine();
  const std::string cells_ = network_.add_address();
  std::vector<CutNetwork::Machine> machines_, sentinel_at_;
  std::vector<std::unique_ptr<RemoteRedis>> redis_;
  std::vector<std::unique_ptr<RemoteSentinel>> sentinel_;
  std::unique_ptr<ControlProcess> bbs_, auctioneer_;
};

TEST_F(SentinelFaults, a_platform_goes_on_whether_its_primary_is_killed_stopped_or_cut_off) {
  desire_lrps(4);
  desire_tasks(4);
  ASSERT_TRUE(becomes_whole());
  const Containers first = containers();

  const size_t killed = primary();
  redis_[killed]->kill(SIGKILL);
  desire_lrps(2);
  desire_tasks(4);
  ASSERT_TRUE(another_is_promoted(killed));
  ASSERT_TRUE(the_other_follows());
  redis_[killed]->start();

  const size_t stopped = primary();
  ASSERT_TRUE(both_follow());
  redis_[stopped]->kill(SIGSTOP);
  desire_lrps(2);
  desire_tasks(4);
  ASSERT_TRUE(another_is_promoted(stopped));
  ASSERT_TRUE(the_other_follows());
  redis_[stopped]->kill(SIGCONT);

  // The bbs sits with the old primary, everybody else with the new one: nothing that it writes is
  // confirmed, so nothing is lost when the old one follows.
  const size_t alone = primary();
  ASSERT_TRUE(both_follow());
  std::vector<std::string> others = addresses_of(sentinel_at_);
  for (size_t i = 0; i < redis_.size(); ++i)
    if (i != alone) others.push_back(redis_[i]->address());
  network_.cut({redis_[alone]->address(), bbs_at_.address}, others);
  desire_lrps(2);
  desire_tasks(4);
  ASSERT_TRUE(another_is_promoted(alone));
  ASSERT_TRUE(the_other_follows());
  network_.heal();
  ASSERT_TRUE(becomes_whole());
  expect_tasks_to_have_ended_once();
  expect_to_run_on(first);
}

TEST_F(SentinelFaults, sentinels_that_are_cut_off_hold_nothing_up_and_their_return_is_enough) {
  desire_lrps(4);
  ASSERT_TRUE(becomes_whole());
  const Containers first = containers();

  // The bbs knows the primary, and nobody can tell it of another one.
  network_.cut({bbs_at_.address}, addresses_of(sentinel_at_));
  desire_lrps(2);
  desire_tasks(4);
  ASSERT_TRUE(becomes_whole());
  const size_t killed = primary();
  redis_[killed]->kill(SIGKILL);
  desire_lrps(2);
  desire_tasks(4);
  ASSERT_TRUE(another_is_promoted(killed));
  ASSERT_TRUE(the_other_follows());
  network_.heal();
  ASSERT_TRUE(becomes_whole());
  redis_[killed]->start();
  // As an operator does it; Sentinels take ten seconds.
  const RemoteRedis& promoted = *redis_[primary()];
  EXPECT_EQ(ask(killed, "REPLICAOF " + promoted.address() + " " + std::to_string(promoted.port())),
            "OK\n");
  ASSERT_TRUE(both_follow());

  // Most Sentinels are gone: the one that is left tells of the primary, and may not promote.
  std::vector<std::string> rest = addresses_of(machines_);
  rest.insert(rest.end(), {bbs_at_.address, sentinel_at_[0].address});
  network_.cut({sentinel_at_[1].address, sentinel_at_[2].address}, rest);
  desire_lrps(2);
  desire_tasks(4);
  ASSERT_TRUE(becomes_whole());
  const size_t dead = primary();
  redis_[dead]->kill(SIGKILL);
  desire_lrps(2);
  desire_tasks(4);
  let_pass(3s);
  EXPECT_EQ(primary(), dead) << "by one of three";
  network_.heal();
  ASSERT_TRUE(another_is_promoted(dead));
  ASSERT_TRUE(the_other_follows());
  ASSERT_TRUE(becomes_whole());
  expect_tasks_to_have_ended_once();
  expect_to_run_on(first);
}

}  // namespace
}  // namespace causeway::platform
