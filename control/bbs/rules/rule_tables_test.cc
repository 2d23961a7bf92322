// Row by row: what convergence does when it acts on what it found, and what every call does to a
// task in every state.
#include <gtest/gtest.h>

#include "cf/models/models.h"
#include "control/bbs/rules/convergence_rules.h"
#include "control/bbs/rules/task_rules.h"

namespace causeway::bbs {
namespace {

using converge::LrpStep;
using converge::TaskStep;

constexpr int64_t table_now_ns = 1'000'000'000'000;

models::ActualLRPInstanceKey table_instance(const std::string& name) {
  models::ActualLRPInstanceKey key;
  if (name.empty()) return key;
  key.set_instance_guid(name);
  key.set_cell_id("cell-" + name);
  return key;
}

// "RUNNING a", "" for none.
std::optional<models::ActualLRP> table_row(const std::string& text, Presence presence) {
  if (text.empty()) return std::nullopt;
  models::ActualLRP row;
  row.mutable_actual_lrp_key()->set_process_guid("p");
  row.mutable_actual_lrp_key()->set_domain("d");
  const size_t space = text.find(' ');
  row.set_state(text.substr(0, space));
  row.set_presence(presence);
  row.mutable_modification_tag()->set_epoch("old");
  if (space != std::string::npos)
    *row.mutable_actual_lrp_instance_key() = table_instance(text.substr(space + 1));
  return row;
}

std::string shown(const std::optional<models::ActualLRP>& row) {
  if (!row) return "-";
  const std::string& guid = row->actual_lrp_instance_key().instance_guid();
  return row->state() + (guid.empty() ? "" : " " + guid);
}

// The row may have moved on since the page was read: then nothing happens.
TEST(ConvergenceRules, every_step_on_what_is_there_by_now) {
  const struct {
    LrpStep step;
    const char* about;  // the instance that the step is about
    bool cell_present;
    int instances;         // -1: not desired any more
    const char* ordinary;  // index 0, now
    const char* evacuating;
    const char* suspect;
    const char* expected;  // "ordinary | suspect | evacuating", and what follows
  } cases[] = {
      {LrpStep::create, "", false, 1, "", "", "", "UNCLAIMED | - | - placed"},
      {LrpStep::create, "", false, 1, "RUNNING a", "", "", "RUNNING a | - | -"},
      {LrpStep::create, "", false, 0, "", "", "", "- | - | -"},
      {LrpStep::create, "", false, -1, "", "", "", "- | - | -"},
      {LrpStep::create, "", false, 1, "", "RUNNING e", "", "UNCLAIMED | - | RUNNING e placed"},
      {LrpStep::suspect, "a", false, 1, "RUNNING a", "", "", "UNCLAIMED | RUNNING a | - placed"},
      {LrpStep::suspect, "a", false, 1, "CLAIMED a", "", "", "UNCLAIMED | CLAIMED a | - placed"},
      {LrpStep::suspect, "a", false, 1, "RUNNING b", "", "", "RUNNING b | - | -"},
      {LrpStep::suspect, "a", false, 1, "UNCLAIMED", "", "", "UNCLAIMED | - | -"},
      {LrpStep::suspect, "a", false, 1, "RUNNING a", "", "RUNNING s", "RUNNING a | RUNNING s | -"},
      {LrpStep::suspect, "a", false, 0, "RUNNING a", "", "", "RUNNING a | - | -"},
      {LrpStep::unclaim, "a", false, 1, "CLAIMED a", "", "RUNNING s",
       "UNCLAIMED | RUNNING s | - placed"},
      {LrpStep::unclaim, "a", false, 1, "CLAIMED b", "", "RUNNING s", "CLAIMED b | RUNNING s | -"},
      {LrpStep::promote_suspect, "s", true, 1, "UNCLAIMED", "", "RUNNING s", "RUNNING s | - | -"},
      {LrpStep::promote_suspect, "s", true, 1, "", "", "RUNNING s", "RUNNING s | - | -"},
      {LrpStep::promote_suspect, "s", true, 1, "CLAIMED a", "", "RUNNING s",
       "RUNNING s | - | - stop a"},
      {LrpStep::promote_suspect, "s", true, 1, "RUNNING a", "", "", "RUNNING a | - | -"},
      {LrpStep::promote_suspect, "s", true, -1, "", "", "RUNNING s", "- | RUNNING s | -"},
      {LrpStep::restart, "", false, 1, "CRASHED", "", "", "UNCLAIMED | - | - placed"},
      {LrpStep::restart, "", false, 1, "RUNNING a", "", "", "RUNNING a | - | -"},
      {LrpStep::restart, "", false, 0, "CRASHED", "", "", "CRASHED | - | -"},
      {LrpStep::retire, "a", true, 0, "RUNNING a", "", "", "RUNNING a | - | - stop a"},
      {LrpStep::retire, "a", false, 0, "RUNNING a", "", "", "- | - | -"},
      {LrpStep::retire, "a", true, -1, "CLAIMED a", "", "", "CLAIMED a | - | - stop a"},
      {LrpStep::retire, "", false, -1, "UNCLAIMED", "", "", "- | - | -"},
      {LrpStep::retire, "", false, -1, "CRASHED", "", "", "- | - | -"},
      {LrpStep::retire, "a", true, 1, "RUNNING a", "", "", "RUNNING a | - | -"},
      {LrpStep::retire, "a", true, 0, "RUNNING b", "", "", "RUNNING b | - | -"},
      {LrpStep::drop_suspect, "s", false, 1, "RUNNING a", "", "RUNNING s", "RUNNING a | - | -"},
      {LrpStep::drop_suspect, "s", false, -1, "", "", "RUNNING s", "- | - | -"},
      {LrpStep::drop_suspect, "s", false, 1, "", "", "RUNNING t", "- | RUNNING t | -"},
      {LrpStep::drop_evacuating, "e", false, 1, "RUNNING a", "RUNNING e", "", "RUNNING a | - | -"},
      {LrpStep::drop_evacuating, "e", false, -1, "", "RUNNING f", "", "- | - | RUNNING f"},
      {LrpStep::update_cell, "a", true, 1, "RUNNING a", "", "", "RUNNING a | - | - update a"},
      {LrpStep::update_cell, "a", true, 1, "RUNNING b", "", "", "RUNNING b | - | -"},
      {LrpStep::auction_again, "", false, 1, "UNCLAIMED", "", "", "UNCLAIMED | - | - placed"},
      {LrpStep::auction_again, "", false, 1, "CLAIMED a", "", "", "CLAIMED a | - | -"},
  };
  for (const auto& one : cases) {
    ProcessState state;
    IndexRows& rows = state.indexes[0];
    rows.ordinary = table_row(one.ordinary, models::ActualLRP::ORDINARY);
    rows.evacuating = table_row(one.evacuating, models::ActualLRP::EVACUATING);
    rows.suspect = table_row(one.suspect, models::ActualLRP::SUSPECT);
    if (one.instances >= 0) {
      state.scheduling.emplace().set_process_guid("p");
      state.scheduling->set_domain("d");
      state.scheduling->set_instances(one.instances);
    }
    const converge::LrpAction action{.step = one.step,
                                     .index = 0,
                                     .instance = table_instance(one.about),
                                     .cell_present = one.cell_present};
    const Verdict verdict = carry_out(state, action, {table_now_ns, "new"});
    const IndexRows& after = verdict.after.indexes.at(0);
    std::string found =
        shown(after.ordinary) + " | " + shown(after.suspect) + " | " + shown(after.evacuating);
    if (!verdict.auction.empty()) found += " placed";
    for (const auto& row : verdict.stop)
      found += " stop " + row.actual_lrp_instance_key().instance_guid();
    for (const auto& row : verdict.update)
      found += " update " + row.actual_lrp_instance_key().instance_guid();
    EXPECT_EQ(found, one.expected)
        << "step " << static_cast<int>(one.step) << " on " << one.ordinary << ", " << one.suspect;
  }
}

std::optional<models::Task> table_task(models::Task::State state) {
  models::Task task;
  task.set_task_guid("t");
  task.set_state(state);
  if (state == models::Task::Running) task.set_cell_id("here");
  if (state == models::Task::Completed || state == models::Task::Resolving) {
    task.set_result("first");
    task.set_first_completed_at(5);
  }
  return task;
}

std::string shown(const TaskVerdict& verdict) {
  if (verdict.refusal)
    return std::to_string(verdict.refusal->type) + " " + verdict.refusal->message;
  if (!verdict.after) return "gone";
  std::string text(task_state_name(verdict.after->state()));
  if (verdict.after->failed()) text += " failed: " + verdict.after->failure_reason();
  if (verdict.should_start) text += " start";
  if (!verdict.cancel_on_cell.empty()) text += " cancel at " + verdict.cancel_on_cell;
  return text;
}

TEST(TaskRules, every_call_in_every_state) {
  const auto start = [](const char* cell) {
    return [cell](const auto& task, int64_t now) {
      models::StartTaskRequest request;
      request.set_cell_id(cell);
      return start_task(task, request, now);
    };
  };
  const auto complete = [](const char* cell) {
    return [cell](const auto& task, int64_t now) {
      models::CompleteTaskRequest request;
      request.set_cell_id(cell);
      request.set_result("second");
      return complete_task(task, request, now);
    };
  };
  const auto step = [](TaskStep what) {
    return [what](const auto& task, int64_t now) { return carry_out_task(task, what, now); };
  };
  const std::string bad = "9 Cannot transition from ",
                    missing = "13 the requested resource could not be found";
  const std::string elsewhere = "24 Running on cell here not there";
  const std::string invalid = "4 the request received is invalid";
  const struct {
    const char* what;
    TaskRule rule;
    // Pending, Running (here), Completed, Resolving
    std::string pending, running, completed, resolving;
  } cases[] = {
      {"start here", start("here"), "Running start", "Running", bad + "Completed to Running",
       bad + "Resolving to Running"},
      {"start there", start("there"), "Running start", bad + "Running to Running",
       bad + "Completed to Running", bad + "Resolving to Running"},
      {"complete here", complete("here"), bad + "Pending to Completed", "Completed",
       bad + "Completed to Completed", bad + "Resolving to Completed"},
      {"complete there", complete("there"), bad + "Pending to Completed", elsewhere,
       bad + "Completed to Completed", bad + "Resolving to Completed"},
      {"cancel", [](const auto& task, int64_t now) { return cancel_task(task, now); },
       "Completed failed: task was cancelled",
       "Completed failed: task was cancelled cancel at here", bad + "Completed to Completed",
       bad + "Resolving to Completed"},
      {"fail", [](const auto& task, int64_t now) { return fail_task(task, "why", now); },
       "Completed failed: why", "Completed failed: why", bad + "Completed to Completed",
       bad + "Resolving to Completed"},
      {"reject", [](const auto& task, int64_t now) { return reject_task(task, "why", 3, now); },
       "Pending", "Pending", invalid, invalid},
      {"last rejection",
       [](const auto& task, int64_t now) { return reject_task(task, "why", 0, now); },
       "Completed failed: why", "Completed failed: why", invalid, invalid},
      {"resolve", [](const auto& task, int64_t now) { return resolve_task(task, now); },
       bad + "Pending to Resolving", bad + "Running to Resolving", "Resolving",
       bad + "Resolving to Resolving"},
      {"delete", [](const auto& task, int64_t) { return delete_task(task); },
       bad + "Pending to Resolving", bad + "Running to Resolving", bad + "Completed to Resolving",
       "gone"},
      {"pending too long", step(TaskStep::fail_pending),
       "Completed failed: not started within time limit", "Running", "Completed", "Resolving"},
      {"cell disappeared", step(TaskStep::fail_disappeared), "Pending",
       "Completed failed: cell disappeared before completion", "Completed", "Resolving"},
      {"demote", step(TaskStep::demote), "Pending", "Running", "Completed", "Completed"},
      {"remove", step(TaskStep::remove), "Pending", "Running", "gone", "Resolving"},
  };
  for (const auto& one : cases) {
    const auto in = [&](models::Task::State state) {
      return shown(one.rule(table_task(state), table_now_ns));
    };
    EXPECT_EQ(in(models::Task::Pending), one.pending) << one.what;
    EXPECT_EQ(in(models::Task::Running), one.running) << one.what;
    EXPECT_EQ(in(models::Task::Completed), one.completed) << one.what;
    EXPECT_EQ(in(models::Task::Resolving), one.resolving) << one.what;
    // Whatever happens to it, an outcome stays.
    const auto after = one.rule(table_task(models::Task::Completed), table_now_ns).after;
    if (after) {
      EXPECT_EQ(after->result(), "first") << one.what;
      EXPECT_EQ(after->first_completed_at(), 5) << one.what;
    }
    const TaskVerdict nothing = one.rule(std::nullopt, table_now_ns);
    EXPECT_TRUE(nothing.refusal ? shown(nothing) == missing : !nothing.after) << one.what;
  }
}

}  // namespace
}  // namespace causeway::bbs
