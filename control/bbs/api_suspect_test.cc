// Instances whose cell is gone, for as long as they may come back: every way in which that ends,
// with what subscribers are told and in which order.
#include "control/bbs/bbs_under_test.h"

namespace causeway::bbs::test {
namespace {

class Suspects : public BbsTest {
 protected:
  // "p" runs on c1 as i1, and c1 vanishes.
  void make_suspect() {
    present("c1");
    present("c2");
    ASSERT_EQ(desire(lrp("p", 1)), "");
    ASSERT_EQ(run("p", 0, "i1", "c1"), "");
    vanish("c1");
    ASSERT_EQ(rows("p"), "0:UNCLAIMED 0s:RUNNING@c1/i1");
    outbox_.take_placed();
  }
  // The cell is there (again), and a pass has seen it.
  void come_back(const std::string& cell) {
    const double before = metric("ConvergenceLRPRuns");
    present(cell);
    ASSERT_TRUE(until([&] { return metric("ConvergenceLRPRuns") > before; }));
  }
  // keep_container of an evacuation by the suspect's cell, or the error.
  template <class Request>
  std::string evacuate(const std::string& how, Request request = {}) {
    fill_keys(request, "p", 0, "i1", "c1");
    const auto response =
        post<models::EvacuationResponse>("/v1/actual_lrps/evacuate_" + how, request);
    if (response.has_error()) return response.error().message();
    return response.keep_container() ? "keep" : "go";
  }
};

TEST_F(Suspects, a_replacement_whose_cell_goes_too_is_placed_again) {
  make_suspect();
  ASSERT_EQ(claim("p", 0, "i2", "c2"), "");
  subscribe();
  vanish("c2");
  EXPECT_EQ(rows("p"), "0:UNCLAIMED 0s:RUNNING@c1/i1") << "never two suspects of an index";
  EXPECT_EQ(outbox_.take_placed(), "p[0]");
  EXPECT_EQ(seen(), "created UNCLAIMED@; removed CLAIMED@i2");
}

TEST_F(Suspects, who_comes_back_is_preferred_to_a_replacement_that_only_began) {
  make_suspect();
  ASSERT_EQ(claim("p", 0, "i2", "c2"), "");
  subscribe();
  come_back("c1");
  EXPECT_EQ(rows("p"), "0:RUNNING@c1/i1");
  EXPECT_EQ(outbox_.told, std::vector<std::string>{"stop p/i2 at http://c2:1801"});
  EXPECT_EQ(seen(), "changed RUNNING->RUNNING@i1; removed CLAIMED@i2");
  EXPECT_EQ(run("p", 0, "i2", "c2"), "16 cannot start actual LRP") << "too late";
}

TEST_F(Suspects, a_replacement_that_crashes_leaves_the_suspect_where_it_is) {
  make_suspect();
  ASSERT_EQ(claim("p", 0, "i2", "c2"), "");
  subscribe();
  EXPECT_EQ(crash("p", 0, "i2", "c2"), "");
  EXPECT_EQ(rows("p"), "0:UNCLAIMED 0s:RUNNING@c1/i1");
  EXPECT_EQ(seen(), "actual_lrp_crashed 1@i2; created UNCLAIMED@; removed CLAIMED@i2");
}

TEST_F(Suspects, evacuation_by_its_own_cell_ends_it) {
  make_suspect();
  subscribe();
  EXPECT_EQ(evacuate<models::EvacuateClaimedActualLRPRequest>("claimed"), "go");
  EXPECT_EQ(seen(), "removed RUNNING@i1");
  EXPECT_EQ(rows("p"), "0:UNCLAIMED");
  EXPECT_EQ(outbox_.take_placed(), "") << "its replacement was asked for long ago";
}

TEST_F(Suspects, a_crash_or_stop_while_its_cell_evacuates_ends_it_too) {
  make_suspect();
  subscribe();
  models::EvacuateCrashedActualLRPRequest crashed;
  crashed.set_error_message("APP: Exited");
  EXPECT_EQ(evacuate("crashed", crashed), "go");
  EXPECT_EQ(seen(), "removed RUNNING@i1") << "no crash is told of";
  EXPECT_EQ(evacuate<models::EvacuateStoppedActualLRPRequest>("stopped"),
            "the requested resource could not be found");
}

TEST_F(Suspects, a_cell_that_evacuates_keeps_it_until_its_replacement_runs) {
  make_suspect();
  subscribe();
  models::EvacuateRunningActualLRPRequest leave;
  leave.mutable_actual_lrp_net_info()->set_address("10.0.0.1");
  EXPECT_EQ(evacuate("running.r1", leave), "keep");
  EXPECT_EQ(rows("p"), "0:UNCLAIMED 0e:RUNNING@c1/i1");
  EXPECT_EQ(seen(), "changed RUNNING->RUNNING@i1");
  ASSERT_EQ(run("p", 0, "i2", "c2"), "");
  EXPECT_EQ(seen(), "changed UNCLAIMED->RUNNING@i2; removed RUNNING@i1");
  EXPECT_EQ(evacuate("running.r1", leave), "go");
}

TEST_F(Suspects, of_an_lrp_that_nobody_wants_any_more_there_are_none) {
  make_suspect();
  subscribe();
  ASSERT_EQ(remove("p"), "");
  EXPECT_EQ(rows("p"), "");
  EXPECT_EQ(seen(), "desired_lrp_removed; removed UNCLAIMED@; removed RUNNING@i1");
}

// Whether its domain is fresh or not.
TEST_F(Suspects, orphans_among_them_go_with_the_next_pass) {
  make_suspect();
  for (const auto table : {store::Table::scheduling, store::Table::run})
    store_.put({.key = {table, "p", ""}, .before = "x", .domain = "cf-apps"});
  start();
  EXPECT_EQ(rows("p"), "0:UNCLAIMED") << "its domain is not fresh";
  EXPECT_EQ(scale("p", 2), "13 the requested resource could not be found") << "an orphan it was";
}

TEST_F(Suspects, are_counted_with_their_cells) {
  present("c1");
  ASSERT_EQ(desire(lrp("p", 3)), "");
  ASSERT_EQ(run("p", 0, "i0", "c1"), "");
  ASSERT_EQ(run("p", 1, "i1", "c1"), "");
  ASSERT_EQ(claim("p", 2, "i2", "c1"), "");
  vanish("c1");
  converge();
  EXPECT_EQ(metric("SuspectRunningActualLRPs"), 2);
  EXPECT_EQ(metric("SuspectClaimedActualLRPs"), 1);
  EXPECT_EQ(metric("SuspectCells"), 1);
  EXPECT_EQ(metric("PresentCells"), 0);
  EXPECT_EQ(metric("LRPsUnclaimed"), 3);
  come_back("c1");
  come_back("c2");
  EXPECT_EQ(metric("SuspectRunningActualLRPs"), 0);
  EXPECT_EQ(metric("LRPsRunning"), 2);
  EXPECT_EQ(metric("LRPsClaimed"), 1);
}

TEST_F(Suspects, old_clients_see_it_as_the_instance_until_its_replacement_runs) {
  make_suspect();
  ASSERT_EQ(claim("p", 0, "i2", "c2"), "");
  models::ActualLRPGroupByProcessGuidAndIndexRequest one;
  one.set_process_guid("p");
  const auto instance = [&] {
    return post<models::ActualLRPGroupResponse>(
               "/v1/actual_lrp_groups/get_by_process_guid_and_index", one)
        .actual_lrp_group()
        .instance()
        .actual_lrp_instance_key()
        .instance_guid();
  };
  EXPECT_EQ(instance(), "i1");
  ASSERT_EQ(run("p", 0, "i2", "c2"), "");
  EXPECT_EQ(instance(), "i2");
}

// --- Other things that a pass puts right ---------------------------------------------------------

TEST_F(Suspects, evacuating_instances_of_a_vanished_cell_are_dropped) {
  present("c1");
  present("c2");
  ASSERT_EQ(desire(lrp("p", 1)), "");
  ASSERT_EQ(run("p", 0, "i1", "c1"), "");
  models::EvacuateRunningActualLRPRequest leave;
  leave.mutable_actual_lrp_net_info()->set_address("10.0.0.1");
  ASSERT_EQ(evacuate("running.r1", leave), "keep");
  ASSERT_EQ(claim("p", 0, "i2", "c2"), "");
  subscribe();
  vanish("c1");
  EXPECT_EQ(rows("p"), "0:CLAIMED@c2/i2");
  EXPECT_EQ(seen(), "removed RUNNING@i1");
  EXPECT_EQ(metric("StrandedEvacuatingActualLRPs"), 1);
}

TEST_F(Suspects, a_lost_auction_request_heals) {
  ASSERT_EQ(desire(lrp("p", 2)), "");
  outbox_.take_placed();
  clock_.advance(std::chrono::seconds(31));
  come_back("c1");
  EXPECT_EQ(outbox_.take_placed(), "p[0,1]") << "both in one request";
}

TEST_F(Suspects, a_lost_stop_heals) {
  fresh_domain();
  present("c1");
  ASSERT_EQ(run("p", 0, "i1", "c1"), "") << "nobody desires it";
  come_back("c2");
  EXPECT_EQ(outbox_.told, std::vector<std::string>{"stop p/i1 at http://c1:1801"});
}

TEST_F(Suspects, an_instance_with_other_internal_routes_is_told_in_each_pass_until_it_has_them) {
  auto wanted = lrp("p", 1);
  (*wanted.mutable_routes()->mutable_routes())["internal-router"] = R"([{"hostname":"p.x"}])";
  present("c1");
  ASSERT_EQ(desire(wanted), "");
  ASSERT_EQ(run("p", 0, "i1", "c1"), "");
  for (const char* cell : {"c2", "c3"}) {
    outbox_.told.clear();
    come_back(cell);
    EXPECT_EQ(outbox_.told, std::vector<std::string>{"update p/i1 at http://c1:1801"});
  }
}

}  // namespace
}  // namespace causeway::bbs::test
