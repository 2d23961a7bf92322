// The rep's endpoints as auctioneer, bbs and operators call them.

#include "cell/rep/api.h"

#include <gtest/gtest.h>

#include "cell/rep/rep_ground_test.h"
#include "cf/wire/rep_messages.h"
#include "rpc/client.h"

namespace causeway::rep {
namespace {

using executor::State;

class ApiTest : public RepGround {
 protected:
  ApiTest() {
    config.cell_id = "cell-1";
    config.cell_index = 7;
    config.zone = "z1";
    config.preloaded_root_fs = {"base:/roots/base"};
    config.placement_tags = {"a"};
    config.optional_placement_tags = {"b"};
    const Cell cell{.config = config,
                    .logger = bed.logger(),
                    .executor = executor,
                    .operations = operations,
                    .rep_url = "https://cell-1.cell.service.cf.internal:1801",
                    .is_evacuating = [this] { return is_evacuating; },
                    .evacuate =
                        [this] {
                          ++evacuations;
                          is_evacuating = true;
                        },
                    .new_guid = [this] { return "guid-" + std::to_string(++guids); },
                    .container_metrics = [] { return std::string("{}"); }};
    serve_cell(*rep_service.server, cell);
    serve_admin(*rep_service.server, cell);
  }

  rpc::Reply call(const std::string& method, const std::string& path,
                  const std::string& body = "") {
    std::optional<Result<rpc::Reply>> reply;
    client.send({.method = method, .url = rep_service.url() + path, .body = body},
                [&](Result<rpc::Reply> answer) { reply = std::move(answer); });
    EXPECT_TRUE(bed.until([&] { return reply.has_value(); }));
    EXPECT_TRUE(reply->has_value());
    return reply->value_or(rpc::Reply{});
  }
  cf::CellState state() {
    const Result<cf::CellState> parsed = cf::parse_cell_state(call("GET", "/state").body);
    EXPECT_TRUE(parsed);
    return parsed.value_or(cf::CellState{});
  }

  Config config;
  diego::test::FakeService rep_service{bed};
  rpc::Client client{bed.loop()};
  bool is_evacuating = false;
  int evacuations = 0, guids = 0;
};

TEST_F(ApiTest, state_tells_all_that_an_auctioneer_asks_for) {
  run_instance();
  reserve_task();
  const cf::CellState told = state();
  EXPECT_EQ(told.cell_id, "cell-1");
  EXPECT_EQ(told.cell_index, 7);
  EXPECT_EQ(told.rep_url, "https://cell-1.cell.service.cf.internal:1801");
  EXPECT_EQ(told.zone, "z1");
  EXPECT_EQ(told.placement_tags, std::vector<std::string>{"a"});
  EXPECT_EQ(told.optional_placement_tags, std::vector<std::string>{"b"});
  EXPECT_TRUE(told.root_fs_providers.at("preloaded").names.contains("base"));
  EXPECT_EQ(told.total.memory_mb, 1024);
  EXPECT_EQ(told.available.memory_mb, 1024 - 2 * 64);
  EXPECT_EQ(told.available.containers, 8);
  ASSERT_EQ(told.lrps.size(), 1u);
  EXPECT_EQ(told.lrps[0].process_guid, "shop");
  EXPECT_EQ(told.lrps[0].index, 2);
  EXPECT_EQ(told.lrps[0].instance_guid, "ig");
  EXPECT_EQ(told.lrps[0].demand.memory_mb, 64);
  EXPECT_EQ(told.lrps[0].state, "RUNNING");
  ASSERT_EQ(told.tasks.size(), 1u);
  EXPECT_EQ(told.tasks[0].task_guid, "job");
  EXPECT_EQ(told.tasks[0].state, "Running");
  EXPECT_FALSE(told.is_evacuating);
}

TEST_F(ApiTest, state_names_what_a_container_is_at_as_diego_does) {
  executor::Container container;
  container.tags = tags_of(cf::LrpWork{.process_guid = "shop", .index = 0, .domain = "apps"});
  const auto state_of = [&](State now, executor::RunResult result = {}) {
    container.state = now;
    container.result = std::move(result);
    return lrp_of(container).state;
  };
  EXPECT_EQ(state_of(State::reserved), "CLAIMED");
  EXPECT_EQ(state_of(State::initializing), "CLAIMED");
  EXPECT_EQ(state_of(State::created), "CLAIMED");
  EXPECT_EQ(state_of(State::running), "RUNNING");
  EXPECT_EQ(state_of(State::completed, {.failed = true, .reason = "x"}), "CRASHED");
  EXPECT_EQ(state_of(State::completed), "SHUTDOWN");
}

TEST_F(ApiTest, an_unwell_cell_says_so_and_still_tells_its_state) {
  executor.is_well = false;
  const rpc::Reply reply = call("GET", "/state");
  EXPECT_EQ(reply.status, 503);
  const Result<cf::CellState> told = cf::parse_cell_state(reply.body);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->cell_id, "cell-1");
}

TEST_F(ApiTest, work_is_reserved_and_what_does_not_fit_comes_back) {
  cf::Work work{.lrps = {{.process_guid = "small", .domain = "apps"},
                         {.process_guid = "huge", .domain = "apps"}},
                .tasks = {{.task_guid = "job", .domain = "apps"}},
                .cell_id = "cell-1"};
  work.lrps[0].demand.memory_mb = 64;
  work.lrps[1].demand.memory_mb = 4096;
  work.tasks[0].demand.memory_mb = 64;
  const rpc::Reply reply = call("POST", "/work", cf::to_json(work));
  EXPECT_EQ(reply.status, 200);
  const Result<cf::Work> failed = cf::parse_work(reply.body);
  ASSERT_TRUE(failed);
  ASSERT_EQ(failed->lrps.size(), 1u);
  EXPECT_EQ(failed->lrps[0].process_guid, "huge");
  EXPECT_TRUE(failed->tasks.empty());
  EXPECT_NE(executor.find("job"), nullptr);
  EXPECT_NE(executor.find("guid-2"), nullptr);
}

TEST_F(ApiTest, the_largest_work_is_placed_first) {
  cf::Work work{.lrps = {{.process_guid = "small"}, {.process_guid = "large"}},
                .tasks = {},
                .cell_id = "cell-1"};
  work.lrps[0].demand.memory_mb = 100;
  work.lrps[1].demand.memory_mb = 1000;
  const Result<cf::Work> failed = cf::parse_work(call("POST", "/work", cf::to_json(work)).body);
  ASSERT_TRUE(failed);
  ASSERT_EQ(failed->lrps.size(), 1u);
  EXPECT_EQ(failed->lrps[0].process_guid, "small");
}

TEST_F(ApiTest, work_for_another_cell_and_rubbish_are_refused) {
  const cf::Work work{.lrps = {{.process_guid = "p"}}, .tasks = {}, .cell_id = "cell-2"};
  const rpc::Reply reply = call("POST", "/work", cf::to_json(work));
  EXPECT_EQ(reply.status, 500);
  EXPECT_EQ(reply.body, "workload cell ID does not match this cell\n");
  EXPECT_EQ(call("POST", "/work", "{\"LRPs\":7}").status, 400);
  EXPECT_TRUE(executor.containers.empty());
  const cf::Work unnamed{.lrps = {{.process_guid = "p"}}, .tasks = {}, .cell_id = ""};
  EXPECT_EQ(call("POST", "/work", cf::to_json(unnamed)).status, 200);
  EXPECT_EQ(executor.containers.size(), 1u);
}

TEST_F(ApiTest, an_evacuating_cell_takes_no_work) {
  is_evacuating = true;
  const cf::Work work{
      .lrps = {{.process_guid = "p"}}, .tasks = {{.task_guid = "job"}}, .cell_id = "cell-1"};
  const Result<cf::Work> failed = cf::parse_work(call("POST", "/work", cf::to_json(work)).body);
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->lrps.size(), 1u);
  EXPECT_EQ(failed->tasks.size(), 1u);
  EXPECT_TRUE(executor.containers.empty());
  EXPECT_TRUE(state().is_evacuating);
}

TEST_F(ApiTest, work_that_comes_twice_is_done_once) {
  const std::string body =
      cf::to_json(cf::Work{.lrps = {}, .tasks = {{.task_guid = "job"}}, .cell_id = "cell-1"});
  for (int i = 0; i < 2; ++i) {
    const Result<cf::Work> failed = cf::parse_work(call("POST", "/work", body).body);
    ASSERT_TRUE(failed);
    EXPECT_TRUE(failed->tasks.empty());
  }
  EXPECT_EQ(executor.containers.size(), 1u);
}

TEST_F(ApiTest, stop_and_cancel_are_accepted_even_if_nothing_is_there) {
  run_instance();
  EXPECT_EQ(call("POST", "/v1/lrps/shop/instances/absent/stop").status, 202);
  EXPECT_EQ(call("POST", "/v1/tasks/absent/cancel").status, 202);
  EXPECT_EQ(executor.find("ig")->state, State::running);
  EXPECT_EQ(call("POST", "/v1/lrps/shop/instances/ig/stop").status, 202);
  ASSERT_TRUE(gone("ig"));
  EXPECT_EQ(times_asked("remove"), 1) << "a clean stop removes the row";
  reserve_task();
  ASSERT_TRUE(bed.until([&] { return executor.runs.size() == 2; }));
  EXPECT_EQ(call("POST", "/v1/tasks/job/cancel").status, 202);
  ASSERT_TRUE(gone("job"));
  EXPECT_TRUE(last<models::CompleteTaskRequest>("complete").failed());
}

TEST_F(ApiTest, an_update_replaces_routes_and_tags_and_tells_the_bbs) {
  run_instance();
  const auto update = [&](const std::string& version, const std::string& body) {
    const int64_t starts = times_asked("start.r1");
    EXPECT_EQ(call("PUT", version + "/lrps/shop/instances/ig", body).status, 202);
    EXPECT_TRUE(bed.until([&] { return times_asked("start.r1") == starts + 1; }));
    return last<models::StartActualLRPRequest>("start.r1");
  };
  auto told =
      update("/v2", R"({"instance_guid":"ig","process_guid":"shop","index":2,"domain":"apps",
      "internal_routes":[{"hostname":"new.internal"}],"metric_tags":{"a":"1","b":"2"}})");
  ASSERT_EQ(told.actual_lrp_internal_routes_size(), 1);
  EXPECT_EQ(told.actual_lrp_internal_routes(0).hostname(), "new.internal");
  EXPECT_EQ(told.metric_tags_size(), 2);
  told =
      update("/v2", R"({"internal_routes":[{"hostname":"new.internal"}],"metric_tags":{"b":"3"}})");
  ASSERT_EQ(told.metric_tags_size(), 1) << "what is no longer desired is gone";
  EXPECT_EQ(told.metric_tags().at("b"), "3");
  told = update("/v1", R"({"internal_routes":[]})");
  EXPECT_EQ(told.actual_lrp_internal_routes_size(), 0);
  EXPECT_EQ(told.metric_tags_size(), 1) << "the first version knows of none";
  EXPECT_EQ(state().lrps.at(0).process_guid, "shop") << "the rep's own tags stay";
}

TEST_F(ApiTest, an_update_of_what_is_not_here_or_of_rubbish_is_refused) {
  EXPECT_EQ(call("PUT", "/v2/lrps/shop/instances/ig", "{}").status, 404);
  EXPECT_EQ(call("PUT", "/v2/lrps/shop/instances/ig", "{").status, 400);
}

TEST_F(ApiTest, the_operator_pings_and_evacuates) {
  EXPECT_EQ(call("GET", "/ping").status, 200);
  for (int i = 0; i < 2; ++i) {
    const rpc::Reply reply = call("POST", "/evacuate");
    EXPECT_EQ(reply.status, 202);
    EXPECT_EQ(reply.body, R"({"ping_path":"/ping"})");
  }
  EXPECT_EQ(evacuations, 2);  // the second has no effect: evacuation_test
  EXPECT_EQ(call("POST", "/sim/reset").status, 404) << "no simulation";
  EXPECT_EQ(call("GET", "/container_metrics").body, "{}");
}

}  // namespace
}  // namespace causeway::rep
