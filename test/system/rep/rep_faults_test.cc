#include <algorithm>
#include <csignal>
#include <set>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "test/system/rep/cell_ground.h"

namespace causeway::platform {
namespace {

using namespace std::chrono_literals;

class RepFaults : public CellGround {
 protected:
  // All have ended, as they would have without harm.
  bool have_succeeded(size_t count) {
    return until([&] {
      let_pass(100ms);
      const auto all = tasks();
      return all && all->size() == count &&
             std::all_of(all->begin(), all->end(), [](const models::Task& task) {
               return task.state() == models::Task::Completed;
             });
    });
  }
  void expect_no_crashes() {
    const auto all = rows();
    ASSERT_TRUE(all);
    for (const models::ActualLRP& row : *all) EXPECT_EQ(row.crash_count(), 0) << row.DebugString();
  }
};

TEST_F(RepFaults, a_time_of_day_set_by_hours_ends_nothing_doubles_nothing_and_fails_no_task) {
  WallClock clock;
  RealCell& cell = add_cell({.prefix = clock.prefix()});
  desire_lrps(2, 2);
  ASSERT_TRUE(becomes_whole()) << why_not_ << cell.rep().log();
  const auto running = instances();
  desire_tasks(2, "6");
  for (const auto hours : {5h, -7h, 48h}) {
    clock.shift(hours);
    // Several heart-beats, renewals of the presence and tries of the runtime.
    let_pass(2500ms);
    EXPECT_FALSE(cell.rep().exit_code()) << cell.rep().log();
    EXPECT_EQ(instances(), running);
  }
  ASSERT_TRUE(have_succeeded(2));
  const auto ended = tasks();
  ASSERT_TRUE(ended);
  for (const models::Task& task : *ended) {
    EXPECT_FALSE(task.failed()) << task.failure_reason();
    EXPECT_EQ(task.result(), "once");
    EXPECT_EQ(task.rejection_count(), 0);
  }
  // And work goes on, under any time of day, through a restart too.
  clock.shift(-100h);
  desire_lrps(1, 2);
  ASSERT_TRUE(becomes_whole()) << why_not_;
  const auto more = instances();
  cell.rep().restart();
  clock.shift(0h);
  ASSERT_TRUE(becomes_whole()) << why_not_;
  EXPECT_EQ(instances(), more);
  expect_no_crashes();
  EXPECT_EQ(cell.rep().log().find("presence.lost"), std::string::npos);
}

TEST_F(RepFaults, a_bbs_that_is_away_and_one_that_is_slow_cost_no_instance_and_no_task) {
  RealCell& cell = add_cell();
  desire_lrps(2, 2);
  ASSERT_TRUE(becomes_whole()) << why_not_ << cell.rep().log();
  const auto running = instances();
  desire_tasks(2, "3");
  ASSERT_TRUE(until([&] {
    const auto all = tasks();
    return all && std::all_of(all->begin(), all->end(), [](const models::Task& task) {
             return task.state() != models::Task::Pending;
           });
  }));
  bbs_.kill(SIGKILL);  // the tasks end in this time
  let_pass(6s);
  EXPECT_EQ(instances(), running);
  bbs_.start();
  ASSERT_TRUE(have_succeeded(2));
  const auto ended = tasks();
  ASSERT_TRUE(ended);
  for (const models::Task& task : *ended) EXPECT_EQ(task.result(), "once");
  ASSERT_TRUE(becomes_whole()) << why_not_;
  redis_.kill(SIGSTOP);  // every answer of the bbs waits
  let_pass(4s);
  EXPECT_EQ(instances(), running);
  redis_.kill(SIGCONT);
  ASSERT_TRUE(becomes_whole()) << why_not_;
  EXPECT_EQ(instances(), running);
  expect_no_crashes();
}

TEST_F(RepFaults, reps_killed_in_mid_everything_lose_nothing_and_double_nothing) {
  RealCell& cell = add_cell();
  desire_lrps(1, 2);
  ASSERT_TRUE(becomes_whole()) << why_not_ << cell.rep().log();
  const auto running = instances();
  for (const auto after : {0ms, 150ms, 400ms}) {
    desire_lrps(1, 3);
    desire_tasks(1, "1");
    let_pass(after);
    cell.rep().restart();
  }
  ASSERT_TRUE(becomes_whole()) << why_not_ << cell.rep().log();
  ASSERT_TRUE(have_succeeded(3));
  const auto now = instances();
  ASSERT_TRUE(now);
  for (const auto& [key, instance] : *running) {
    const auto found = now->find(key);
    ASSERT_NE(found, now->end());
    EXPECT_EQ(found->second, instance) << "what ran at the first kill runs still";
  }
  const auto ended = tasks();
  ASSERT_TRUE(ended);
  for (const models::Task& task : *ended) {
    // One that was being made is reported as lost, and no result comes twice.
    if (task.failed()) {
      EXPECT_EQ(task.failure_reason(), "task container does not exist");
    } else {
      EXPECT_EQ(task.result(), "once");
    }
  }
}

TEST_F(RepFaults, a_rep_that_wakes_up_after_its_cell_was_replaced_stops_what_runs_elsewhere) {
  RealCell& asleep = add_cell({.presence_ttl = "4s"});
  desire_lrps(2, 2);
  ASSERT_TRUE(becomes_whole()) << why_not_ << asleep.rep().log();
  const RealCell& other = add_cell();
  asleep.rep().kill(SIGSTOP);
  ASSERT_TRUE(until([&] {
    let_pass(100ms);
    const auto all = rows();
    return all && all->size() == 4 &&
           std::all_of(all->begin(), all->end(), [&](const models::ActualLRP& row) {
             return row.state() == "RUNNING" &&
                    row.actual_lrp_instance_key().cell_id() == other.id();
           });
  }));
  asleep.rep().kill(SIGCONT);
  ASSERT_TRUE(becomes_whole()) << why_not_ << asleep.rep().log();
  const auto moved = rows();
  ASSERT_TRUE(moved);
  for (const models::ActualLRP& row : *moved)
    EXPECT_EQ(row.actual_lrp_instance_key().cell_id(), other.id());
  EXPECT_FALSE(asleep.rep().exit_code()) << asleep.rep().log();
}

TEST_F(RepFaults, a_cell_empties_itself_into_another_and_ends) {
  RealCell& leaving = add_cell();
  desire_lrps(2, 2);
  ASSERT_TRUE(becomes_whole()) << why_not_ << leaving.rep().log();
  add_cell();
  const auto reply = call("POST", leaving.admin_url() + "/evacuate");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 202);
  EXPECT_EQ(reply->body, R"({"ping_path":"/ping"})");
  size_t least = 4;
  ASSERT_TRUE(until([&] {
    const auto all = rows();
    if (!all) return false;
    std::set<std::pair<std::string, int32_t>> routed;
    for (const models::ActualLRP& row : *all) {
      if (row.state() == "RUNNING")
        routed.emplace(row.actual_lrp_key().process_guid(), row.actual_lrp_key().index());
    }
    least = std::min(least, routed.size());
    return leaving.rep().exit_code().has_value();
  })) << leaving.rep().log();
  EXPECT_EQ(leaving.rep().exit_code(), 0);
  EXPECT_EQ(least, 4u) << "never fewer than before";
  EXPECT_FALSE(call("GET", leaving.admin_url() + "/ping")) << "how a drain script knows";
  ASSERT_TRUE(becomes_whole()) << why_not_;
  const auto moved = rows();
  ASSERT_TRUE(moved);
  for (const models::ActualLRP& row : *moved)
    EXPECT_EQ(row.actual_lrp_instance_key().cell_id(), cells_[1]->id());
  expect_no_crashes();
}

}  // namespace
}  // namespace causeway::platform
