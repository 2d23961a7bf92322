// What convergence does to a whole bbs, seen from its API.
#include "control/bbs/bbs_under_test.h"

namespace causeway::bbs::test {
namespace {

using Convergence = BbsTest;

TEST_F(Convergence, the_instances_of_a_vanished_cell_are_replaced_and_stay_routed_meanwhile) {
  present("c1");
  present("c2");
  ASSERT_EQ(desire(lrp("p", 1)), "");
  ASSERT_EQ(run("p", 0, "i1", "c1"), "");
  outbox_.take_placed();
  subscribe();
  vanish("c1");
  EXPECT_EQ(rows("p"), "0:UNCLAIMED 0s:RUNNING@c1/i1");
  EXPECT_EQ(seen(), "changed RUNNING->RUNNING@i1; created UNCLAIMED@");
  EXPECT_EQ(outbox_.take_placed(), "p[0]");
  EXPECT_EQ(metric("LRPsRunning"), 1);
  ASSERT_EQ(claim("p", 0, "i2", "c2"), "");
  EXPECT_EQ(seen(), "changed UNCLAIMED->CLAIMED@i2");
  ASSERT_EQ(run("p", 0, "i2", "c2"), "");
  EXPECT_EQ(seen(), "changed CLAIMED->RUNNING@i2; removed RUNNING@i1")
      << "the new one is there first";
  EXPECT_EQ(rows("p"), "0:RUNNING@c2/i2");
}

TEST_F(Convergence, a_cell_that_comes_back_in_time_keeps_its_instances) {
  present("c1");
  ASSERT_EQ(desire(lrp("p", 1)), "");
  ASSERT_EQ(run("p", 0, "i1", "c1"), "");
  vanish("c1");
  ASSERT_EQ(rows("p"), "0:UNCLAIMED 0s:RUNNING@c1/i1");
  subscribe();
  EXPECT_EQ(run("p", 0, "i1", "c1"), "") << "accepted without effect";
  EXPECT_EQ(claim("p", 0, "i1", "c1"), "");
  EXPECT_EQ(seen(), "");
  const double before = metric("ConvergenceLRPRuns");
  present("c1");
  ASSERT_TRUE(until([&] { return metric("ConvergenceLRPRuns") > before; }));
  EXPECT_EQ(rows("p"), "0:RUNNING@c1/i1");
  EXPECT_EQ(seen(), "changed RUNNING->RUNNING@i1; removed UNCLAIMED@");
}

TEST_F(Convergence, the_suspects_own_crash_or_removal_ends_it) {
  present("c1");
  ASSERT_EQ(desire(lrp("p", 2)), "");
  ASSERT_EQ(run("p", 0, "i0", "c1"), "");
  ASSERT_EQ(run("p", 1, "i1", "c1"), "");
  vanish("c1");
  subscribe();
  EXPECT_EQ(crash("p", 0, "i0", "c1"), "");
  EXPECT_EQ(remove_actual("p", 1, "i1", "c1"), "");
  EXPECT_EQ(seen(), "removed RUNNING@i0; removed RUNNING@i1");
  EXPECT_EQ(rows("p"), "0:UNCLAIMED 1:UNCLAIMED");
}

TEST_F(Convergence, a_pass_that_breaks_off_is_made_up_for_with_all_that_it_was_to_place) {
  const double before = metric("ConvergenceLRPRuns");
  present("c1");
  present("c2");
  ASSERT_TRUE(until([&] { return metric("ConvergenceLRPRuns") > before; }));
  ASSERT_EQ(desire(lrp("p", 1)), "");
  EXPECT_EQ(outbox_.take_placed(), "p[0]");
  store_.fail_next_table();
  vanish("c1");
  EXPECT_EQ(outbox_.take_placed(), "p[0]") << "given up before it began";
  store_.fail_next_page();
  vanish("c2");
  EXPECT_EQ(outbox_.take_placed(), "p[0]") << "broken off on the way";
}

TEST_F(Convergence, missing_instances_are_created_whether_the_domain_is_fresh_or_not) {
  read_all_from_store();
  ASSERT_EQ(desire(lrp("p", 2)), "");
  outbox_.take_placed();
  store_.put({.key = {store::Table::actual, "p", "1"}, .before = "x", .domain = "cf-apps"});
  ASSERT_EQ(rows("p"), "0:UNCLAIMED");
  converge();
  EXPECT_EQ(rows("p"), "0:UNCLAIMED 1:UNCLAIMED");
  EXPECT_EQ(metric("LRPsMissing"), 1);
  converge();
  EXPECT_EQ(metric("LRPsMissing"), 0);
}

TEST_F(Convergence, orphans_are_retired_only_in_fresh_domains) {
  present("c1");
  ASSERT_EQ(run("p", 0, "i0", "c1"), "") << "nobody desired it";
  ASSERT_EQ(run("p", 1, "i1", "gone"), "");
  converge();
  EXPECT_EQ(rows("p"), "0:RUNNING@c1/i0 1:RUNNING@gone/i1");
  EXPECT_EQ(metric("LRPsExtra"), 2);
  fresh_domain(60);
  converge();
  EXPECT_EQ(rows("p"), "0:RUNNING@c1/i0");
  EXPECT_EQ(outbox_.told, std::vector<std::string>{"stop p/i0 at http://c1:1801"});
  EXPECT_EQ(remove_actual("p", 0, "i0", "c1"), "");
  EXPECT_EQ(rows("p"), "");
  // The domain goes stale again.
  clock_.advance(std::chrono::seconds(61));
  ASSERT_EQ(run("p", 0, "i0", "gone"), "");
  converge();
  EXPECT_EQ(rows("p"), "0:RUNNING@gone/i0");
  EXPECT_EQ(
      post<models::DomainsResponse>("/v1/domains/list", models::PingResponse()).domains_size(), 0);
}

TEST_F(Convergence, a_converged_system_is_not_written_to) {
  present("c1");
  ASSERT_EQ(desire(lrp("p", 3)), "");
  for (int32_t index = 0; index < 3; ++index)
    ASSERT_EQ(run("p", index, "i" + std::to_string(index), "c1"), "");
  converge();
  subscribe();
  outbox_.take_placed();
  const size_t commits = store_.commits();
  present("c2");
  settle();
  EXPECT_EQ(store_.commits(), commits + 1) << "the presence";
  EXPECT_EQ(outbox_.take_placed(), "");
  EXPECT_EQ(seen(), "");
}

TEST_F(Convergence, a_restarted_bbs_asks_again_for_what_has_no_place) {
  ASSERT_EQ(desire(lrp("p", 2)), "");
  outbox_.take_placed();
  start();
  EXPECT_EQ(outbox_.take_placed(), "p[0,1]");
}

TEST_F(Convergence, a_new_cell_is_offered_what_found_no_place) {
  ASSERT_EQ(desire(lrp("p", 1)), "");
  ASSERT_EQ(desire(lrp("on-its-way", 1)), "");
  models::FailActualLRPRequest fail;
  fail.mutable_actual_lrp_key()->set_process_guid("p");
  fail.mutable_actual_lrp_key()->set_domain("cf-apps");
  fail.set_error_message("insufficient resources: memory");
  ASSERT_EQ(
      post<models::ActualLRPLifecycleResponse>("/v1/actual_lrps/fail", fail).error().message(), "");
  outbox_.take_placed();
  const double before = metric("ConvergenceLRPRuns");
  present("c1");
  ASSERT_TRUE(until([&] { return metric("ConvergenceLRPRuns") > before; }));
  EXPECT_EQ(outbox_.take_placed(), "p[0]");
}

TEST_F(Convergence, a_row_that_cannot_be_read_harms_nobody_else) {
  for (const bool keeps : {false, true}) {
    SCOPED_TRACE(keeps);
    const std::string a = keeps ? "c" : "a", b = keeps ? "d" : "b";
    ASSERT_EQ(desire(lrp(a, 1)), "");
    ASSERT_EQ(desire(lrp(b, 1)), "");
    store_.put({.key = {store::Table::actual, a, "0"}, .after = "rubbish", .domain = "cf-apps"});
    // It is read by one that begins.
    config_.keep_rows_in_memory = keeps;
    start();
    EXPECT_EQ(rows(a), "");
    EXPECT_EQ(rows(b), "0:UNCLAIMED");
    EXPECT_EQ(claim(a, 0, "i", "c"), "27 could not deserialize record");
    EXPECT_EQ(claim(b, 0, "i", "c"), "");
    converge();
    EXPECT_GE(metric("UndecodableRows"), 1);
  }
}

TEST_F(Convergence, what_somebody_else_has_changed_is_found_and_put_right) {
  config_.kept_rows_reread_interval = std::chrono::milliseconds(50);
  start();
  ASSERT_EQ(desire(lrp("p", 2)), "");
  subscribe();
  outbox_.take_placed();
  store_.put({.key = {store::Table::actual, "p", "1"}, .before = "x", .domain = "cf-apps"});
  ASSERT_TRUE(until([&] { return metric("KeptRowsCorrected") > 0; }));
  EXPECT_TRUE(until([&] { return closed_; })) << "subscribers read anew";
  ASSERT_TRUE(until([&] { return metric("LRPsMissing") == 1; }));
  EXPECT_EQ(rows("p"), "0:UNCLAIMED 1:UNCLAIMED");
}

TEST_F(Convergence, small_rows_are_read_from_memory_once_they_are_known) {
  ASSERT_EQ(desire(lrp("p", 1)), "");
  ASSERT_EQ(run("p", 0, "i", "c"), "");
  ASSERT_TRUE(until([&] { return metric("KeptRowsComplete") == 1; }));
  EXPECT_EQ(metric("KeptRows"), 2);
  EXPECT_GT(metric("KeptRowBytes"), 100);
  const size_t reads = store_.reads(), commits = store_.commits();
  const double from_memory = metric("StoreReadsFromMemory");
  EXPECT_EQ(run("p", 0, "i", "c"), "") << "a heart-beat";
  EXPECT_EQ(rows("", "c"), "p/0:RUNNING@c/i");
  EXPECT_EQ(rows(), "p/0:RUNNING@c/i");
  EXPECT_EQ(rows("p"), "0:RUNNING@c/i");
  EXPECT_EQ(store_.reads(), reads);
  EXPECT_EQ(store_.commits(), commits);
  EXPECT_EQ(metric("StoreReadsFromMemory"), from_memory + 4);
}

TEST_F(Convergence, when_cells_cannot_be_listed_nothing_happens) {
  present("c1");
  ASSERT_EQ(desire(lrp("p", 1)), "");
  ASSERT_EQ(run("p", 0, "i1", "c1"), "");
  store_.set_usable(false);
  clock_.advance(std::chrono::minutes(5));
  for (int turn = 0; turn < 50; ++turn) loop_.run_once();
  store_.set_usable(true);
  settle();
  EXPECT_EQ(rows("p"), "0:RUNNING@c1/i1") << "presences start anew when the store is back";
}

TEST_F(Convergence, presences_and_locks_live_as_long_as_they_are_refreshed) {
  present("c1");
  EXPECT_EQ(lock("l", "me"), 200);
  EXPECT_EQ(lock("l", "me"), 200);
  EXPECT_EQ(lock("l", "you"), 409);
  EXPECT_EQ(lock("l", "me", "", models::Resource::LOCK, 0), 400);
  EXPECT_EQ(lock("l", "", ""), 400);
  EXPECT_EQ(lock("l", "me", "", models::Resource::UNKNOWN), 400);
  models::FetchRequest fetch;
  fetch.set_key("l");
  models::FetchResponse fetched;
  ASSERT_TRUE(cf::decode(post_raw("/models.Locket/Fetch", cf::encode(fetch)).body, fetched));
  EXPECT_EQ(fetched.resource().owner(), "me");
  EXPECT_EQ(fetched.resource().type(), "lock");
  fetch.set_key("nothing");
  const rpc::Reply missing = post_raw("/models.Locket/Fetch", cf::encode(fetch));
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing.body, "resource-not-found");

  const auto cells = post<models::CellsResponse>("/v1/cells/list.r1", models::PingResponse());
  ASSERT_EQ(cells.cells_size(), 1);
  EXPECT_EQ(cells.cells(0).cell_id(), "c1");
  EXPECT_EQ(cells.cells(0).rep_url(), "http://c1:1801");
  EXPECT_EQ(cells.cells(0).zone(), "z1");

  models::FetchAllRequest all;
  all.set_type_code(models::Resource::PRESENCE);
  models::FetchAllResponse found;
  ASSERT_TRUE(cf::decode(post_raw("/models.Locket/FetchAll", cf::encode(all)).body, found));
  EXPECT_EQ(found.resources_size(), 1);

  // Ten seconds at a time, so that it does not look as if this process had slept... it may have, so
  // far.
  EXPECT_EQ(metric("ActiveLocks"), 1);
  models::ReleaseRequest release;
  *release.mutable_resource() = fetched.resource();
  release.mutable_resource()->set_owner("you");
  EXPECT_EQ(post_raw("/models.Locket/Release", cf::encode(release)).status, 409);
  release.mutable_resource()->set_owner("me");
  EXPECT_EQ(post_raw("/models.Locket/Release", cf::encode(release)).status, 200);
  EXPECT_EQ(post_raw("/models.Locket/Release", cf::encode(release)).status, 200) << "of none";
  EXPECT_EQ(lock("l", "you"), 200);
}

TEST_F(Convergence, a_presence_that_is_not_refreshed_goes) {
  const std::string value = R"({"cell_id":"c1"})";
  EXPECT_EQ(lock("c1", "rep", value, models::Resource::PRESENCE, 1), 200);
  EXPECT_TRUE(until([&] {
    return post<models::CellsResponse>("/v1/cells/list.r1", models::PingResponse()).cells_size() ==
           0;
  }));
  EXPECT_EQ(metric("PresenceExpired"), 1);
}

TEST_F(Convergence, a_presence_whose_write_was_not_confirmed_goes_as_well) {
  const std::string value = R"({"cell_id":"c1"})";
  store_.lose_next_answer();
  EXPECT_EQ(lock("c1", "rep", value, models::Resource::PRESENCE, 1), 503);
  EXPECT_EQ(lock("c2", "rep", value, models::Resource::PRESENCE, 1), 200);
  store_.lose_next_answer();
  EXPECT_EQ(lock("c2", "rep", value, models::Resource::PRESENCE, 1), 503) << "not refreshed either";
  EXPECT_TRUE(until([&] {
    return post<models::CellsResponse>("/v1/cells/list.r1", models::PingResponse()).cells_size() ==
           0;
  }));
}

TEST_F(Convergence, a_process_that_slept_gives_everybody_their_time_back) {
  present("c1");
  clock_.advance(std::chrono::minutes(10));
  for (int turn = 0; turn < 200; ++turn) loop_.run_once();
  EXPECT_EQ(post<models::CellsResponse>("/v1/cells/list.r1", models::PingResponse()).cells_size(),
            1);
}

}  // namespace
}  // namespace causeway::bbs::test
