#include <algorithm>

#include <gtest/gtest.h>

#include "cell/rep/bulk.h"
#include "cell/rep/cell_state.h"
#include "cell/rep/rep_ground_test.h"
#include "metrics/registry.h"

namespace causeway::rep {
namespace {

using executor::State;
using OperationsTest = RepGround;

TEST_F(OperationsTest, a_reserved_instance_is_claimed_fetched_and_run) {
  reserve_instance();
  ASSERT_TRUE(bed.until([&] { return executor.runs.size() == 1; }));
  EXPECT_EQ(calls[0], "claim");
  EXPECT_EQ(calls[1], "get_by_process_guid.r3");
  EXPECT_EQ(executor.runs[0].root_fs, "preloaded:base");
  EXPECT_EQ(executor.runs[0].env[1].name(), "INSTANCE_INDEX");
  EXPECT_EQ(executor.runs[0].env[1].value(), "2");
}

TEST_F(OperationsTest, an_instance_that_may_not_be_claimed_goes) {
  refuse("claim", models::Error::ActualLRPCannotBeClaimed);
  reserve_instance();
  ASSERT_TRUE(gone("ig"));
  EXPECT_TRUE(executor.runs.empty());
}

TEST_F(OperationsTest, a_running_instance_is_reported_with_address_tags_and_zone) {
  reserve_instance();
  ASSERT_TRUE(bed.until([&] { return executor.runs.size() == 1; }));
  executor.containers["ig"].net_info.set_address("10.0.0.1");
  executor.become("ig", State::running);
  ASSERT_TRUE(bed.until([&] { return bodies.contains("start.r1"); }));
  models::StartActualLRPRequest request;
  ASSERT_TRUE(request.ParseFromString(bodies["start.r1"]));
  EXPECT_EQ(request.actual_lrp_key().index(), 2);
  EXPECT_EQ(request.actual_lrp_instance_key().cell_id(), "cell-1");
  EXPECT_EQ(request.actual_lrp_net_info().address(), "10.0.0.1");
  EXPECT_EQ(request.metric_tags().at("instance_id"), "2");
  EXPECT_TRUE(request.routable());
  EXPECT_EQ(request.availability_zone(), "z1");
}

TEST_F(OperationsTest, an_instance_that_may_not_start_is_stopped_and_removed) {
  refuse("start.r1", models::Error::ActualLRPCannotBeStarted);
  reserve_instance();
  ASSERT_TRUE(bed.until([&] { return executor.runs.size() == 1; }));
  executor.become("ig", State::running);
  ASSERT_TRUE(gone("ig"));
  EXPECT_EQ(calls.back(), "remove");
}

TEST_F(OperationsTest, a_crash_is_reported_with_its_reason_and_the_container_goes) {
  reserve_instance();
  ASSERT_TRUE(bed.until([&] { return executor.runs.size() == 1; }));
  executor.containers["ig"].result = {.failed = true, .reason = "APP: Exited with status 1"};
  executor.become("ig", State::completed);
  ASSERT_TRUE(gone("ig"));
  models::CrashActualLRPRequest request;
  ASSERT_TRUE(request.ParseFromString(bodies["crash"]));
  EXPECT_EQ(request.error_message(), "APP: Exited with status 1");
}

TEST_F(OperationsTest, what_the_bbs_did_not_hear_is_told_again) {
  reserve_instance();
  ASSERT_TRUE(bed.until([&] { return executor.runs.size() == 1; }));
  bbs_service.stop();
  executor.containers["ig"].result = {.failed = true, .reason = "gone"};
  executor.become("ig", State::completed);
  bed.turn(20);
  EXPECT_NE(executor.find("ig"), nullptr);  // kept until the BBS knows
  bbs_service.start();
  serve();
  ASSERT_TRUE(gone("ig"));
  EXPECT_EQ(calls.back(), "crash");
}

TEST_F(OperationsTest, a_task_is_started_run_and_completed_with_its_result) {
  reserve_task();
  ASSERT_TRUE(bed.until([&] { return executor.runs.size() == 1; }));
  executor.files["/result"] = "42";
  executor.become("job", State::completed);
  ASSERT_TRUE(gone("job"));
  models::CompleteTaskRequest request;
  ASSERT_TRUE(request.ParseFromString(bodies["complete"]));
  EXPECT_FALSE(request.failed());
  EXPECT_EQ(request.result(), "42");
}

TEST_F(OperationsTest, a_task_without_its_result_fails) {
  reserve_task();
  ASSERT_TRUE(bed.until([&] { return executor.runs.size() == 1; }));
  executor.become("job", State::completed);
  ASSERT_TRUE(gone("job"));
  models::CompleteTaskRequest request;
  ASSERT_TRUE(request.ParseFromString(bodies["complete"]));
  EXPECT_TRUE(request.failed());
  EXPECT_EQ(request.failure_reason(), "failed to fetch result");
}

TEST_F(OperationsTest, a_task_that_could_not_be_made_is_rejected) {
  reserve_task();
  ASSERT_TRUE(bed.until([&] { return executor.runs.size() == 1; }));
  executor.containers["job"].result = {
      .failed = true, .reason = "failed to initialize container", .retryable = true};
  executor.become("job", State::completed);
  ASSERT_TRUE(gone("job"));
  EXPECT_EQ(calls.back(), "reject");
}

TEST_F(OperationsTest, a_task_that_should_not_start_goes) {
  answers["start"] = models::StartTaskResponse().SerializeAsString();
  reserve_task();
  ASSERT_TRUE(gone("job"));
  EXPECT_TRUE(executor.runs.empty());
}

TEST_F(OperationsTest, the_bulk_pass_removes_rows_without_containers) {
  models::ActualLRPsResponse lrps;
  models::ActualLRP& lrp = *lrps.add_actual_lrps();
  lrp.mutable_actual_lrp_key()->set_process_guid("old");
  lrp.mutable_actual_lrp_instance_key()->set_instance_guid("lost");
  models::ActualLRP& leaving = *lrps.add_actual_lrps();
  leaving = lrp;
  leaving.set_presence(models::ActualLRP::EVACUATING);
  answers["list"] = lrps.SerializeAsString();
  models::TasksResponse tasks;
  tasks.add_tasks()->set_task_guid("lost-task");
  tasks.mutable_tasks(0)->set_state(models::Task::Running);
  answers["list.r3"] = tasks.SerializeAsString();
  metrics::Registry metrics;
  Bulk bulk(bed.loop(), bed.logger(), metrics, bbs, executor, operations, "cell-1");
  bulk.start(std::chrono::hours(1));
  ASSERT_TRUE(bed.until([&] { return calls.size() >= 5; }));
  std::sort(calls.begin(), calls.end());
  EXPECT_EQ(calls, (Calls{"complete", "list", "list.r3", "remove", "remove_evacuating"}));
}

TEST_F(OperationsTest, an_evacuating_cell_keeps_an_instance_until_its_replacement_runs) {
  reserve_instance();
  ASSERT_TRUE(bed.until([&] { return executor.runs.size() == 1; }));
  models::EvacuationResponse keep;
  keep.set_keep_container(true);
  answers["evacuate_running.r1"] = keep.SerializeAsString();
  operations.evacuate();
  executor.become("ig", State::running);
  ASSERT_TRUE(bed.until([&] { return bodies.contains("evacuate_running.r1"); }));
  bed.turn(5);
  EXPECT_NE(executor.find("ig"), nullptr);
  answers["evacuate_running.r1"].clear();
  operations.take("ig");
  ASSERT_TRUE(gone("ig"));
  EXPECT_EQ(calls.back(), "evacuate_stopped");
}

TEST_F(OperationsTest, a_leaving_instance_keeps_its_internal_routes_tags_and_zone) {
  models::DesiredLRPResponse desired;
  ASSERT_TRUE(desired.ParseFromString(answers["get_by_process_guid.r3"]));
  (*desired.mutable_desired_lrp()->mutable_routes()->mutable_routes())["internal-router"] =
      R"([{"hostname":"shop.internal"}])";
  answers["get_by_process_guid.r3"] = desired.SerializeAsString();
  models::EvacuationResponse keep;
  keep.set_keep_container(true);
  answers["evacuate_running.r1"] = keep.SerializeAsString();
  run_instance();
  executor.containers["ig"].is_ready = false;
  operations.evacuate();
  operations.take("ig");
  ASSERT_TRUE(bed.until([&] { return times_asked("evacuate_running.r1") == 1; }));
  const auto request = last<models::EvacuateRunningActualLRPRequest>("evacuate_running.r1");
  ASSERT_EQ(request.actual_lrp_internal_routes_size(), 1);
  EXPECT_EQ(request.actual_lrp_internal_routes(0).hostname(), "shop.internal");
  EXPECT_EQ(request.metric_tags().at("instance_id"), "2");
  EXPECT_EQ(request.availability_zone(), "z1");
  EXPECT_TRUE(request.has_routable());
  EXPECT_FALSE(request.routable());
}

TEST_F(OperationsTest, an_instance_that_runs_is_not_stopped_because_the_store_is_away) {
  reserve_instance();
  ASSERT_TRUE(bed.until([&] { return executor.runs.size() == 1; }));
  operations.evacuate();
  refuse("evacuate_running.r1", models::Error::UnknownError);
  executor.become("ig", State::running);
  ASSERT_TRUE(bed.until([&] { return times_asked("evacuate_running.r1") == 1; }));
  refuse("evacuate_running.r1", models::Error::Deserialize);
  ASSERT_TRUE(bed.until([&] { return times_asked("evacuate_running.r1") == 2; }));
  bed.turn(5);
  ASSERT_NE(executor.find("ig"), nullptr);
  EXPECT_EQ(executor.find("ig")->state, State::running);
  refuse("evacuate_running.r1", models::Error::ResourceNotFound);
  ASSERT_TRUE(gone("ig"));
  EXPECT_EQ(calls.back(), "evacuate_stopped");
}

TEST_F(OperationsTest, the_result_of_a_task_outlasts_a_store_that_is_away) {
  reserve_task();
  ASSERT_TRUE(bed.until([&] { return executor.runs.size() == 1; }));
  executor.files["/result"] = "42";
  refuse("complete", models::Error::UnknownError);
  executor.become("job", State::completed);
  ASSERT_TRUE(bed.until([&] { return calls.back() == "complete"; }));
  bed.turn(5);
  ASSERT_NE(executor.find("job"), nullptr);
  bodies.clear();
  answers["complete"].clear();
  ASSERT_TRUE(gone("job"));
  models::CompleteTaskRequest request;
  ASSERT_TRUE(request.ParseFromString(bodies["complete"]));
  EXPECT_EQ(request.result(), "42");
}

TEST_F(OperationsTest, a_task_whose_start_may_have_been_heard_runs) {
  refuse("start", models::Error::UnknownError);
  reserve_task();
  ASSERT_TRUE(bed.until([&] { return calls == Calls{"start"}; }));
  answers["start"] = models::StartTaskResponse().SerializeAsString();  // it was: not to be started
  const std::string task = std::exchange(answers["get_by_task_guid.r3"], "");
  refuse("get_by_task_guid.r3", models::Error::UnknownError);
  ASSERT_TRUE(bed.until([&] { return calls.back() == "get_by_task_guid.r3"; }));
  answers["get_by_task_guid.r3"] = task;
  ASSERT_TRUE(bed.until([&] { return executor.runs.size() == 1; }));
  EXPECT_EQ(calls,
            (Calls{"start", "start", "get_by_task_guid.r3", "start", "get_by_task_guid.r3"}));
}

TEST_F(OperationsTest, work_without_room_is_handed_back) {
  cf::Work work{.lrps = {{.process_guid = "small"}, {.process_guid = "large"}},
                .tasks = {},
                .cell_id = "cell-1"};
  work.lrps[0].demand.memory_mb = 100;
  work.lrps[1].demand.memory_mb = 2000;  // more than the cell has
  int guids = 0;
  const auto new_guid = [&] { return "guid-" + std::to_string(++guids); };
  const cf::Work failed = reserve_work(executor, work, false, new_guid);
  ASSERT_EQ(failed.lrps.size(), 1u);
  EXPECT_EQ(failed.lrps[0].process_guid, "large");
  EXPECT_EQ(reserve_work(executor, work, true, new_guid), work);  // evacuating
}

}  // namespace
}  // namespace causeway::rep
