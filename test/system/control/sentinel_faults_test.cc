// A platform on a Redis primary with two replicas, watched by a Sentinel, each on a machine of its
// own, while the primary is killed, stopped, or cut off from all but the bbs.
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
  SentinelFaults() {
    for (int i = 0; i < 3; ++i) add_redis();
    sentinel_ = std::make_unique<RemoteSentinel>(sentinel_at_, *redis_[0]);
    EXPECT_TRUE(until([this] {
      let_pass(100ms);
      const std::string said = ask_sentinel("SENTINEL REPLICAS platform");
      return said.find(redis_[1]->address()) != std::string::npos &&
             said.find(redis_[2]->address()) != std::string::npos && replicas_of(0) == 2;
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
    return R"({"health_address":"127.0.0.1:8890","auctioneer_address":"http://)" +
           auctioneer_at_.address +
           R"(:9016","require_ssl":false,"converge_repeat_interval":"2s","log_level":"error",)" +
           R"("redis":{"topology":"sentinel","primary_name":"platform","wait_replicas":1,)" +
           R"("nodes":[")" + sentinel_at_.address + ":" + std::to_string(sentinel_->port()) +
           R"("]})";
  }
  std::string ask_sentinel(const std::string& words) const {
    return causeway::test::redis_cli(sentinel_->port(), "-h " + sentinel_at_.address + " " + words);
  }
  std::string ask(size_t redis, const std::string& words) const {
    return causeway::test::redis_cli(redis_[redis]->port(),
                                     "-h " + redis_[redis]->address() + " " + words);
  }
  // That it has as a primary and that are up to date.
  size_t replicas_of(size_t redis) const {
    const std::string said = ask(redis, "INFO replication");
    size_t online = 0;
    for (size_t at = 0; (at = said.find("state=online", at)) != std::string::npos; ++at) ++online;
    return online;
  }
  // The number of the primary, as the Sentinel sees it.
  size_t primary() const {
    const std::string said = ask_sentinel("SENTINEL GET-MASTER-ADDR-BY-NAME platform");
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
  // The third one. Were it still the old primary's, it would confirm what the new one never hears
  // of.
  [[nodiscard]] bool the_other_follows() {
    return until([this] {
      let_pass(100ms);
      return replicas_of(primary()) == 1;
    });
  }

  CutNetwork network_;
  const CutNetwork::Machine sentinel_at_ = network_.add_machine();
  const CutNetwork::Machine bbs_at_ = network_.add_machine();
  const CutNetwork::Machine auctioneer_at_ = network_.add_machine();
  const std::string cells_ = network_.add_address();
  std::vector<CutNetwork::Machine> machines_;
  std::vector<std::unique_ptr<RemoteRedis>> redis_;
  std::unique_ptr<RemoteSentinel> sentinel_;
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
  ASSERT_TRUE(until([&] {
    let_pass(100ms);
    return replicas_of(stopped) == 2;
  }));
  redis_[stopped]->kill(SIGSTOP);
  desire_lrps(2);
  desire_tasks(4);
  ASSERT_TRUE(another_is_promoted(stopped));
  ASSERT_TRUE(the_other_follows());
  redis_[stopped]->kill(SIGCONT);

  // The bbs sits with the old primary, everybody else with the new one: nothing that it writes is
  // confirmed, so nothing is lost when the old one follows.
  const size_t alone = primary();
  ASSERT_TRUE(until([&] {
    let_pass(100ms);
    return replicas_of(alone) == 2;
  }));
  std::vector<std::string> others{sentinel_at_.address};
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
  // What ran before any of it was never started anew.
  const Containers last = containers();
  for (const auto& [name, guid] : first) {
    const auto found = last.find(name);
    ASSERT_NE(found, last.end());
    EXPECT_EQ(found->second, guid);
  }
}

}  // namespace
}  // namespace causeway::platform
