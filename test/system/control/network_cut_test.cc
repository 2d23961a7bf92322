// Real servers on machines of their own, under cells that act, while the network between them is
// cut: two bbs of which one leads, an auctioneer, Redis, and cells at two places.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <string>

#include <gtest/gtest.h>

#include "test/support/server_process.h"
#include "test/system/control/control_process.h"
#include "test/system/control/cut_network.h"
#include "test/system/control/fault_ground.h"
#include "test/system/control/remote_redis.h"

namespace causeway::platform {
namespace {

using namespace std::chrono_literals;

constexpr uint16_t bbs_port = 8889;
constexpr uint16_t auctioneer_port = 9016;
// The cells of one place are full with all that is desired of them.
constexpr int32_t cell_containers = 9;
constexpr uint64_t cut_lrps = 6;

class NetworkCut : public FaultGround {
 protected:
  NetworkCut() {
    lead_to(one_at_);
    const Seat near{.bbs_url = url_of(near_),
                    .address = near_cells_,
                    .cells = 2,
                    .containers = cell_containers,
                    .presence_ttl = 4s};
    Seat far = near;
    far.bbs_url = url_of(far_);
    far.address = far_cells_;
    begin(url_of(clients_), {near, far});
  }

  // One that waits counts as started when its health port answers.
  static std::string bbs_configuration(const RemoteRedis& redis,
                                       const CutNetwork::Machine& auctioneer) {
    return R"({"listen_address":"0.0.0.0:)" + std::to_string(bbs_port) +
           R"(","auctioneer_address":"http://)" + auctioneer.address + ":" +
           std::to_string(auctioneer_port) +
           R"(","require_ssl":false,"converge_repeat_interval":"2s","log_level":"info",)" +
           R"("locks_locket_enabled":true,"lock_ttl":"5s","lock_retry_interval":"500ms",)" +
           R"("redis":{"host":")" + redis.address() + R"(","port":)" +
           std::to_string(redis.port()) + "}";
  }
  static std::string url_of(const std::string& address) {
    return "http://" + address + ":" + std::to_string(bbs_port);
  }
  // The service's name leads there from now on.
  void lead_to(const CutNetwork::Machine& machine) {
    network_.lead(clients_, machine, client_at_);
    network_.lead(near_, machine, near_cells_);
    network_.lead(far_, machine, far_cells_);
    network_.lead(auctioneers_, machine, client_at_);
  }
  static bool serves(const CutNetwork::Machine& machine) {
    return causeway::test::accepts(bbs_port, machine.address);
  }

  CutNetwork network_;
  const CutNetwork::Machine redis_at_ = network_.add_machine();
  const CutNetwork::Machine auctioneer_at_ = network_.add_machine();
  const CutNetwork::Machine one_at_ = network_.add_machine();
  const CutNetwork::Machine other_at_ = network_.add_machine();
  // The bbs as clients, the two places and the auctioneer know it.
  const std::string clients_ = network_.add_service({one_at_, other_at_});
  const std::string near_ = network_.add_service({one_at_, other_at_});
  const std::string far_ = network_.add_service({one_at_, other_at_});
  const std::string auctioneers_ = network_.add_service({one_at_, other_at_});
  const std::string client_at_ = network_.add_address();
  const std::string near_cells_ = network_.add_address();
  const std::string far_cells_ = network_.add_address();

  RemoteRedis redis_{redis_at_, {}};
  ControlProcess one_{"bbs",
                      "health_address",
                      bbs_configuration(redis_, auctioneer_at_),
                      {one_at_.address, one_at_.prefix}};
  ControlProcess auctioneer_{"auctioneer",
                             "health_address",
                             R"({"log_level":"error","bbs_address":")" + url_of(auctioneers_) +
                                 R"(","listen_address":"0.0.0.0:)" +
                                 std::to_string(auctioneer_port) + "\"",
                             {auctioneer_at_.address, auctioneer_at_.prefix}};
};

TEST_F(NetworkCut, whatever_is_cut_all_instances_run_once_and_tasks_end_once) {
  desire_lrps(4);
  desire_tasks(4);
  network_.cut({auctioneer_at_.address}, {one_at_.address, auctioneers_});
  let_pass(1500ms);
  network_.heal();
  desire_lrps(4);
  desire_tasks(4);
  network_.cut({redis_at_.address}, {one_at_.address});
  let_pass(2s);
  network_.heal();
  network_.cut({auctioneer_at_.address}, {near_cells_});
  desire_lrps(4);
  let_pass(2s);
  network_.heal();
  ASSERT_TRUE(becomes_whole());
  expect_tasks_to_have_ended_once();
}

TEST_F(NetworkCut, cells_that_are_cut_off_are_replaced_and_stop_what_they_ran_when_they_return) {
  const auto all_are = [this](models::ActualLRP::Presence presence) {
    let_pass(100ms);
    const auto rows = running_rows();
    return rows.size() == cut_lrps * instances &&
           std::all_of(rows.begin(), rows.end(),
                       [presence](const auto& row) { return row.presence() == presence; });
  };
  desire_lrps(cut_lrps);
  ASSERT_TRUE(becomes_whole());
  const Containers unreachable = containers(1);
  ASSERT_FALSE(unreachable.empty());
  network_.cut({far_cells_}, {one_at_.address, far_, auctioneer_at_.address});
  // Every instance runs where it can be reached; the others, nobody can stop.
  ASSERT_TRUE(until([&] { return containers(0).size() == cut_lrps * instances; }));
  ASSERT_TRUE(until([&] { return all_are(models::ActualLRP::ORDINARY); }));
  EXPECT_EQ(containers(1), unreachable);
  const Containers reachable = containers(0);
  network_.heal();
  ASSERT_TRUE(becomes_whole());
  EXPECT_EQ(containers(0), reachable);
  EXPECT_TRUE(containers(1).empty());

  // Cells that have nowhere to go: all they run is suspect, and as before when they are back.
  network_.cut({near_cells_, far_cells_}, {one_at_.address, near_, far_, auctioneer_at_.address});
  ASSERT_TRUE(until([&] { return all_are(models::ActualLRP::SUSPECT); }));
  EXPECT_EQ(containers(), reachable);
  network_.heal({near_cells_}, {one_at_.address, near_, far_, auctioneer_at_.address});
  ASSERT_TRUE(until([&] { return all_are(models::ActualLRP::ORDINARY); }));
  network_.heal();
  ASSERT_TRUE(becomes_whole());
  EXPECT_EQ(containers(), reachable);
}

TEST_F(NetworkCut, a_leader_cut_from_its_store_is_followed_and_changes_nothing_any_more) {
  desire_lrps(4);
  ASSERT_TRUE(becomes_whole());
  const Containers running = containers();
  ControlProcess other("bbs", "health_address", bbs_configuration(redis_, auctioneer_at_),
                       {other_at_.address, other_at_.prefix});
  EXPECT_FALSE(serves(other_at_));
  network_.cut({redis_at_.address}, {one_at_.address});
  desire_lrps(4);
  desire_tasks(4);
  // Clients, cells and the auctioneer still ask the old one.
  ASSERT_TRUE(until([&] { return serves(other_at_); })) << other.log();
  ASSERT_TRUE(until([&] { return one_.exit_code().has_value(); })) << one_.log();
  EXPECT_EQ(one_.exit_code(), 1);
  EXPECT_NE(one_.log().find("lost-lock"), std::string::npos) << one_.log();
  lead_to(other_at_);
  ASSERT_TRUE(becomes_whole());
  for (const auto& [name, guid] : running) {
    const Containers now = containers();
    const auto found = now.find(name);
    ASSERT_NE(found, now.end());
    EXPECT_EQ(found->second, guid) << "it was started anew";
  }
  // Back again, it waits.
  network_.heal();
  one_.restart();
  EXPECT_FALSE(serves(one_at_));
  expect_tasks_to_have_ended_once();
  EXPECT_TRUE(becomes_whole());
}

}  // namespace
}  // namespace causeway::platform
