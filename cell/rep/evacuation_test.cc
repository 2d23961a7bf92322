#include "cell/rep/evacuation.h"

#include <memory>

#include <gtest/gtest.h>

#include "cell/rep/bulk.h"
#include "cell/rep/rep_ground_test.h"
#include "metrics/registry.h"

namespace causeway::rep {
namespace {

using executor::State;

class EvacuationTest : public RepGround {
 protected:
  EvacuationTest() {
    models::EvacuationResponse keep;
    keep.set_keep_container(true);
    answers["evacuate_running.r1"] = keep.SerializeAsString();
  }
  void begin(Duration timeout, Duration polling_interval = std::chrono::hours(1)) {
    evacuation = std::make_unique<Evacuation>(
        bed.loop(), bed.logger(), executor, operations, bulk, bbs,
        Evacuation::Options{
            .cell_id = "cell-1", .polling_interval = polling_interval, .timeout = timeout},
        Evacuation::Events{.on_empty = [this] { is_empty = true; },
                           .on_timed_out = [this] { is_timed_out = true; }});
    evacuation->start();
  }
  void leaving_row_of_ig() {
    models::ActualLRPsResponse lrps;
    models::ActualLRP& leaving = *lrps.add_actual_lrps();
    leaving.mutable_actual_lrp_key()->set_process_guid("shop");
    leaving.mutable_actual_lrp_key()->set_index(2);
    leaving.mutable_actual_lrp_instance_key()->set_instance_guid("ig");
    leaving.set_presence(models::ActualLRP::EVACUATING);
    models::ActualLRP& ordinary = *lrps.add_actual_lrps();
    ordinary = leaving;
    ordinary.set_presence(models::ActualLRP::ORDINARY);
    answers["list"] = lrps.SerializeAsString();
  }

  metrics::Registry metrics;
  Bulk bulk{bed.loop(), bed.logger(), metrics, bbs, executor, operations, "cell-1"};
  std::unique_ptr<Evacuation> evacuation;
  bool is_empty = false, is_timed_out = false;
};

TEST_F(EvacuationTest, an_empty_cell_has_left_at_once) {
  begin(std::chrono::hours(1));
  ASSERT_TRUE(bed.until([&] { return is_empty; }));
  EXPECT_FALSE(is_timed_out);
}

TEST_F(EvacuationTest, tasks_run_on_to_their_end) {
  reserve_task();
  ASSERT_TRUE(bed.until([&] { return executor.runs.size() == 1; }));
  executor.become("job", State::running);
  executor.files["/result"] = "42";
  begin(std::chrono::hours(1));
  ASSERT_TRUE(bed.until([&] { return times_asked("list.r3") == 1; }));
  bed.turn(10);
  EXPECT_EQ(executor.find("job")->state, State::running);
  EXPECT_FALSE(is_empty);
  executor.become("job", State::completed);
  ASSERT_TRUE(bed.until([&] { return is_empty; }));
  EXPECT_EQ(last<models::CompleteTaskRequest>("complete").result(), "42");
}

TEST_F(EvacuationTest, it_is_over_when_the_replacement_has_let_go_of_the_last_instance) {
  run_instance();
  begin(std::chrono::hours(1));
  ASSERT_TRUE(bed.until([&] { return times_asked("evacuate_running.r1") >= 1; }));
  EXPECT_FALSE(is_empty);
  answers["evacuate_running.r1"].clear();
  operations.take("ig");
  ASSERT_TRUE(bed.until([&] { return is_empty; }));
  EXPECT_EQ(times_asked("remove_evacuating"), 0);
  EXPECT_EQ(evacuation->stranded(), 0u);
}

TEST_F(EvacuationTest, when_the_time_is_up_rows_go_before_containers_are_stopped) {
  run_instance();
  leaving_row_of_ig();
  begin(std::chrono::milliseconds(300));
  ASSERT_TRUE(bed.until([&] { return times_asked("remove_evacuating") == 1; }));
  EXPECT_EQ(executor.find("ig")->state, State::running);
  ASSERT_TRUE(bed.until([&] { return is_timed_out; }));
  const auto removal = last<models::RemoveEvacuatingActualLRPRequest>("remove_evacuating");
  EXPECT_EQ(removal.actual_lrp_instance_key().instance_guid(), "ig");
  EXPECT_EQ(times_asked("remove"), 0) << "only rows that leave";
  EXPECT_EQ(evacuation->stranded(), 1u);
  EXPECT_EQ(executor.said, Calls{"ig: reached evacuation timeout for instance ig"});
  EXPECT_FALSE(is_empty);
}

// As a container does that ends only some time after it is asked to.
TEST_F(EvacuationTest, removed_rows_do_not_come_back_while_containers_end) {
  run_instance();
  leaving_row_of_ig();
  begin(std::chrono::milliseconds(300), std::chrono::milliseconds(20));
  operations.take("ig");
  ASSERT_TRUE(bed.until([&] { return is_timed_out; }));
  EXPECT_GE(times_asked("evacuate_running.r1"), 1);
  const int64_t passes = times_asked("list.r3");
  operations.take("ig");
  ASSERT_TRUE(bed.until([&] { return times_asked("list.r3") >= passes + 5; }));
  EXPECT_EQ(executor.find("ig")->state, State::running);
  const auto removal = std::find(calls.begin(), calls.end(), "remove_evacuating");
  ASSERT_NE(removal, calls.end());
  EXPECT_EQ(std::count(removal, calls.end(), "evacuate_running.r1"), 0);
}

TEST_F(EvacuationTest, rows_are_removed_after_the_last_answer_that_could_bring_one_back) {
  run_instance();
  holds_back = true;
  begin(std::chrono::milliseconds(300));
  operations.take("ig");
  ASSERT_TRUE(bed.until([&] { return times_asked("evacuate_running.r1") == 1; }));
  bed.until([] { return false; }, std::chrono::seconds(1));
  EXPECT_EQ(times_asked("list"), 1) << "of the pass, none for the removals";
  EXPECT_FALSE(is_timed_out);
  holds_back = false;
  leaving_row_of_ig();
  let_go(answers["evacuate_running.r1"]);
  ASSERT_TRUE(bed.until([&] { return is_timed_out; }));
  EXPECT_EQ(times_asked("remove_evacuating"), 1);
  EXPECT_EQ(times_asked("evacuate_running.r1"), 1);
}

TEST_F(EvacuationTest, a_bbs_that_is_away_does_not_keep_the_cell_for_ever) {
  run_instance();
  begin(std::chrono::milliseconds(300));
  bbs_service.stop();
  ASSERT_TRUE(bed.until([&] { return is_timed_out; }));
  EXPECT_EQ(evacuation->stranded(), 0u);
}

TEST_F(EvacuationTest, being_asked_again_changes_nothing) {
  run_instance();
  begin(std::chrono::hours(1));
  evacuation->start();
  evacuation->start();
  ASSERT_TRUE(bed.until([&] { return times_asked("evacuate_running.r1") == 1; }));
  bed.turn(10);
  EXPECT_EQ(times_asked("evacuate_running.r1"), 1);
}

}  // namespace
}  // namespace causeway::rep
