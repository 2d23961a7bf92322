// What a rep does while its BBS is away, slow or forgetful: nothing is lost, nothing is doubled
// (diego.md section 17 over sections 8, 10 and 13).

#include <memory>

#include <gtest/gtest.h>

#include "cell/rep/bulk.h"
#include "cell/rep/rep_ground_test.h"
#include "metrics/registry.h"

namespace causeway::rep {
namespace {

using executor::State;

class OperationsFaults : public RepGround {
 protected:
  void begin_bulk(Duration interval) {
    bulk = std::make_unique<Bulk>(bed.loop(), bed.logger(), metrics, bbs, executor, operations,
                                  "cell-1");
    bulk->start(interval);
  }
  // The BBS cannot be reached for a while, in which the rep asks again and again.
  void away_for(Duration time) {
    bbs_service.stop();
    bed.until([] { return false; }, time);
    bbs_service.start();
    serve();
  }
  metrics::Registry metrics;
  std::unique_ptr<Bulk> bulk;
};

TEST_F(OperationsFaults, what_runs_goes_on_while_the_bbs_is_away_and_is_told_again_afterwards) {
  run_instance();
  reserve_task();
  ASSERT_TRUE(bed.until([&] { return executor.runs.size() == 2; }));
  executor.become("job", State::running);
  begin_bulk(std::chrono::milliseconds(100));
  ASSERT_TRUE(bed.until([&] { return times_asked("start.r1") >= 2; }));
  away_for(std::chrono::milliseconds(2500));
  EXPECT_EQ(executor.find("ig")->state, State::running);
  EXPECT_EQ(executor.find("job")->state, State::running);
  const int64_t before = times_asked("start.r1");
  ASSERT_TRUE(bed.until([&] { return times_asked("start.r1") > before; }));
  EXPECT_EQ(executor.runs.size(), 2u) << "nothing was run again";
  EXPECT_EQ(times_asked("crash") + times_asked("remove") + times_asked("complete"), 0);
}

TEST_F(OperationsFaults, a_reserved_instance_is_claimed_when_the_bbs_is_back) {
  bbs_service.stop();
  reserve_instance();
  bed.until([] { return false; }, std::chrono::milliseconds(300));
  EXPECT_TRUE(executor.runs.empty()) << "nothing runs that nobody has claimed";
  bbs_service.start();
  serve();
  ASSERT_TRUE(bed.until([&] { return executor.runs.size() == 1; }));
  EXPECT_EQ(times_asked("claim"), 1);
}

TEST_F(OperationsFaults, a_stop_during_an_outage_removes_the_row_afterwards) {
  run_instance();
  bbs_service.stop();
  ASSERT_TRUE(executor.stop("ig"));
  bed.until([] { return false; }, std::chrono::milliseconds(300));
  ASSERT_NE(executor.find("ig"), nullptr) << "its end is not forgotten";
  bbs_service.start();
  serve();
  ASSERT_TRUE(gone("ig"));
  EXPECT_EQ(times_asked("remove"), 1);
  EXPECT_EQ(times_asked("crash"), 0);
}

TEST_F(OperationsFaults, two_operations_on_a_container_never_overlap_however_slow_the_bbs_is) {
  run_instance();
  operations.take("ig");
  ASSERT_TRUE(bed.until([&] { return times_asked("start.r1") == 2; }));
  bed.turn(10);
  calls.clear();
  holds_back = true;
  for (int i = 0; i < 20; ++i) operations.take("ig");
  ASSERT_TRUE(bed.until([&] { return !held.empty(); }));
  bed.until([] { return false; }, std::chrono::milliseconds(200));
  EXPECT_EQ(calls, Calls{"start.r1"});
  holds_back = false;
  let_go("");
  ASSERT_TRUE(bed.until([&] { return times_asked("start.r1") == 2; }));
  bed.turn(10);
  EXPECT_EQ(times_asked("start.r1"), 2) << "all that was wanted meanwhile is one more";
}

TEST_F(OperationsFaults, an_end_that_comes_while_the_bbs_answers_slowly_is_told_after_it) {
  run_instance();
  calls.clear();
  holds_back = true;
  operations.take("ig");
  ASSERT_TRUE(bed.until([&] { return held.size() == 1; }));
  executor.containers["ig"].result = {.failed = true, .reason = "APP: Exited with status 1"};
  executor.become("ig", State::completed);
  bed.until([] { return false; }, std::chrono::milliseconds(100));
  EXPECT_EQ(calls, Calls{"start.r1"});
  holds_back = false;
  let_go("");
  ASSERT_TRUE(gone("ig"));
  EXPECT_EQ(calls, (Calls{"start.r1", "crash"}));
}

TEST_F(OperationsFaults, a_container_that_ends_while_it_is_claimed_runs_nothing) {
  holds_back = true;
  reserve_instance();
  ASSERT_TRUE(bed.until([&] { return held.size() == 1; }));
  executor.containers.erase("ig");  // expired and taken away meanwhile
  holds_back = false;
  let_go("");
  bed.until([] { return false; }, std::chrono::milliseconds(100));
  EXPECT_TRUE(executor.runs.empty());
  EXPECT_EQ(times_asked("get_by_process_guid.r3"), 0);
}

TEST_F(OperationsFaults,
       a_crash_whose_answer_was_lost_is_told_again_and_believed_to_have_happened) {
  run_instance();
  holds_back = true;
  executor.containers["ig"].result = {.failed = true, .reason = "gone"};
  executor.become("ig", State::completed);
  ASSERT_TRUE(bed.until([&] { return times_asked("crash") == 1; }));
  holds_back = false;
  held.clear();        // the BBS has heard it, its answer is 500
  bbs_service.stop();  // and it goes
  bbs_service.start();
  serve();
  refuse("crash", models::Error::ActualLRPCannotBeCrashed);  // done already
  ASSERT_TRUE(gone("ig"));
  EXPECT_EQ(times_asked("crash"), 2);
}

TEST_F(OperationsFaults, a_pass_that_could_not_list_touches_nothing) {
  run_instance();
  refuse("list", models::Error::UnknownError);
  begin_bulk(std::chrono::milliseconds(50));
  ASSERT_TRUE(bed.until([&] { return times_asked("list") >= 2; }));
  EXPECT_EQ(times_asked("list.r3"), 0);
  EXPECT_EQ(times_asked("start.r1"), 1);
  EXPECT_EQ(executor.find("ig")->state, State::running);
}

TEST_F(OperationsFaults, a_row_whose_container_has_appeared_meanwhile_is_no_residue) {
  models::ActualLRP row;
  row.mutable_actual_lrp_key()->set_process_guid("shop");
  row.mutable_actual_lrp_instance_key()->set_instance_guid("ig");
  run_instance();
  calls.clear();
  operations.take_residual(row);
  ASSERT_TRUE(bed.until([&] { return times_asked("start.r1") == 1; }));
  bed.turn(10);
  EXPECT_EQ(calls, Calls{"start.r1"});
}

TEST_F(OperationsFaults, a_residue_that_could_not_be_removed_is_left_to_the_next_pass) {
  models::ActualLRPsResponse lrps;
  models::ActualLRP& row = *lrps.add_actual_lrps();
  row.mutable_actual_lrp_key()->set_process_guid("old");
  row.mutable_actual_lrp_instance_key()->set_instance_guid("lost");
  answers["list"] = lrps.SerializeAsString();
  refuse("remove", models::Error::UnknownError);
  begin_bulk(std::chrono::milliseconds(50));
  ASSERT_TRUE(bed.until([&] { return times_asked("remove") >= 2; }));
}

TEST_F(OperationsFaults, residual_tasks_that_do_not_run_are_left_alone) {
  models::TasksResponse tasks;
  const std::pair<const char*, models::Task::State> rows[] = {
      {"done", models::Task::Completed},
      {"resolving", models::Task::Resolving},
      {"lost", models::Task::Running}};
  for (const auto& [guid, state] : rows) {
    models::Task& task = *tasks.add_tasks();
    task.set_task_guid(guid);
    task.set_state(state);
  }
  answers["list.r3"] = tasks.SerializeAsString();
  begin_bulk(std::chrono::hours(1));
  ASSERT_TRUE(bed.until([&] { return times_asked("complete") == 1; }));
  bed.turn(10);
  EXPECT_EQ(times_asked("complete"), 1);
  const auto request = last<models::CompleteTaskRequest>("complete");
  EXPECT_EQ(request.task_guid(), "lost");
  EXPECT_EQ(request.failure_reason(), "task container does not exist");
  EXPECT_TRUE(request.failed());
}

}  // namespace
}  // namespace causeway::rep
