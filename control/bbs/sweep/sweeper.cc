#include "control/bbs/sweep/sweeper.h"

#include <utility>

#include "base/check.h"
#include "control/bbs/rules/convergence_rules.h"
#include "log/logger.h"

namespace causeway::bbs {

void Sweeper::begin(Again again) {
  CHECK(!is_running());
  preparing_ = true;
  limits_ = {};
  if (again != Again::stale) limits_.unplaced_stale_ns = 0;
  if (again == Again::all) limits_.unclaimed_stale_ns = 0;
  const int64_t now_ns = to_.clock.wall().unix_ns;
  to_.cells.list([this, now_ns](auto cells) {
    // Not "no cells": that would move everything.
    if (!cells) return give_up("failed-listing-cells", cells.error());
    converge::World world;
    world.now_ns = now_ns;
    for (const auto& cell : *cells) world.cells.insert(cell.cell_id());
    to_.domains.sweep(now_ns, [this, world = std::move(world)](auto domains) mutable {
      if (!domains) return give_up("failed-listing-domains", domains.error());
      preparing_ = false;
      failing_ = false;
      world.fresh_domains = std::move(*domains);
      begin_with(std::move(world));
    });
  });
}

void Sweeper::give_up(const char* what, const Error& error) {
  ++counts_.skipped;
  preparing_ = false;
  if (!std::exchange(failing_, true)) to_.logger.error(what, error);
  events_.on_given_up();
}

void Sweeper::begin_with(converge::World world) {
  world_ = std::move(world);
  lrps_ = {};
  fresh_ = {};
  whole_ = true;
  for (Pass* pass : {&lrp_pass_, &task_pass_}) {
    pass->running = true;
    pass->after.clear();
    pass->last_page = false;
    pass->started = to_.clock.now();
  }
  counts_.cells = world_.cells.size();
  counts_.fresh_domains = world_.fresh_domains;
  next_lrp_page();
  next_task_page();
}

void Sweeper::next_page(Pass& pass) {
  if (&pass == &lrp_pass_) return next_lrp_page();
  next_task_page();
}

void Sweeper::next_lrp_page() {
  lrp_pass_.page_began = to_.clock.now();
  const store::ProcessQuery query{.parts = {.scheduling = true, .all_slots = true},
                                  .after = lrp_pass_.after};
  to_.store.page_processes(query, [this](Result<store::ProcessPage> page) {
    if (!page) return end(lrp_pass_, "failed-converging-lrps");
    for (const auto& rows : page->processes) plan(rows);
    lrp_pass_.last_page = page->next.empty();
    lrp_pass_.after = std::move(page->next);
    pump(lrp_pass_);
  });
}

void Sweeper::next_task_page() {
  task_pass_.page_began = to_.clock.now();
  to_.store.page_tasks({.after = task_pass_.after}, [this](Result<store::TaskPage> page) {
    if (!page) return end(task_pass_, "failed-converging-tasks");
    for (const auto& row : page->tasks) plan_task(row);
    task_pass_.last_page = page->next.empty();
    task_pass_.after = std::move(page->next);
    pump(task_pass_);
  });
}

// Counted then as converge_process() does.
bool Sweeper::is_settled(const store::ProcessRows& rows) {
  models::DesiredLRP scheduling;
  if (!rows.scheduling || !decode_row(*rows.scheduling, scheduling)) return false;
  const bool is_at_home = rows.domain.empty() || scheduling.domain() == rows.domain;
  if (!is_at_home || !settled_.is(scheduling, rows.actual, world_)) return false;
  lrps_.desired += scheduling.instances();
  lrps_.running += scheduling.instances();
  return true;
}

void Sweeper::plan(const store::ProcessRows& rows) {
  if (is_settled(rows)) return;
  const StoredProcess process = decode_process(rows);
  if (process.undecodable > 0)
    return to_.logger.error("undecodable-row", {{"process_guid", rows.process_guid}});
  const ProcessState& state = process.state;
  // A process listed under two domains is looked at once: where its desired LRP belongs.
  const bool elsewhere =
      state.scheduling && !rows.domain.empty() && state.scheduling->domain() != rows.domain;
  if (elsewhere) return;
  converge::ProcessView view;
  if (state.scheduling) view.scheduling = &*state.scheduling;
  for (const auto& [index, of_index] : state.indexes) {
    for (const Presence presence : kPresences)
      if (of_index.of(presence)) view.rows.push_back(&*of_index.of(presence));
  }
  std::vector<int32_t> place_again;
  for (const auto& action : converge::converge_process(view, world_, limits_, lrps_)) {
    if (action.step == converge::LrpStep::auction_again) {
      place_again.push_back(action.index);
    } else {
      put_right(rows.process_guid, action);
    }
  }
  if (!place_again.empty()) to_.errands.place(*state.scheduling, place_again);
}

void Sweeper::put_right(const std::string& process_guid, const converge::LrpAction& action) {
  lrp_pass_.work.push_back([this, guid = process_guid, action](std::function<void()> done) {
    to_.ledger.decide(
        guid, {.index = action.index, .scheduling = true},
        [action](const ProcessState& now, const Moment& moment) {
          return carry_out(now, action, moment);
        },
        "",
        [this, guid, done = std::move(done)](const Verdict& verdict) {
          if (verdict.refusal)
            to_.logger.error("failed-converging-process",
                             {{"process_guid", guid}, {"error", verdict.refusal->message}});
          done();
        });
  });
}

void Sweeper::plan_task(const store::NamedRow& row) {
  models::Task task;
  if (!decode_row(row.bytes, task)) {
    ++counts_.tasks_pruned;
    to_.logger.error("undecodable-task-pruned", {{"task_guid", row.id}});
    task_pass_.work.push_back([this, row](std::function<void()> done) {
      to_.store.commit(
          {{.key = {store::Table::task, row.id}, .before = row.bytes, .domain = row.domain}},
          [done = std::move(done)](const Result<void>&) { done(); });
    });
    return;
  }
  fresh_.tasks_pending += task.state() == models::Task::Pending ? 1 : 0;
  fresh_.tasks_running += task.state() == models::Task::Running ? 1 : 0;
  fresh_.tasks_completed += task.state() == models::Task::Completed ? 1 : 0;
  fresh_.tasks_resolving += task.state() == models::Task::Resolving ? 1 : 0;
  const converge::TaskStep step = converge::converge_task(task, world_, options_.tasks);
  if (step == converge::TaskStep::none) return;
  if (step == converge::TaskStep::auction_again) return to_.errands.place(task);
  if (step == converge::TaskStep::kick) ++counts_.tasks_kicked;
  if (step == converge::TaskStep::remove || step == converge::TaskStep::demote_and_remove)
    ++counts_.tasks_pruned;
  task_pass_.work.push_back([this, guid = task.task_guid(), step](std::function<void()> done) {
    to_.ledger.decide_task(
        guid,
        [step](const std::optional<models::Task>& now, int64_t now_ns) {
          return carry_out_task(now, step, now_ns);
        },
        [done = std::move(done)](const TaskVerdict&) { done(); });
  });
}

void Sweeper::pump(Pass& pass) {
  while (pass.under_way < options_.workers && !pass.work.empty()) {
    const auto next = std::move(pass.work.front());
    pass.work.pop_front();
    ++pass.under_way;
    next([this, &pass] {
      --pass.under_way;
      pump(pass);
    });
  }
  if (pass.under_way > 0 || !pass.work.empty()) return;
  if (pass.last_page) return end(pass, nullptr);
  events_.rest(to_.clock.now() - pass.page_began, [this, &pass] { next_page(pass); });
}

void Sweeper::end(Pass& pass, const char* failure) {
  pass.running = false;
  pass.ended = to_.clock.now();
  pass.work.clear();
  const Duration took = pass.ended - pass.started;
  if (failure != nullptr) {
    ++counts_.skipped;
    whole_ = false;
    to_.logger.error(failure);
  } else if (&pass == &lrp_pass_) {
    ++counts_.lrp_runs;
    counts_.lrp_duration = took;
    counts_.lrps = lrps_;
  } else {
    ++counts_.task_runs;
    counts_.task_duration = took;
    counts_.tasks_pending = fresh_.tasks_pending;
    counts_.tasks_running = fresh_.tasks_running;
    counts_.tasks_completed = fresh_.tasks_completed;
    counts_.tasks_resolving = fresh_.tasks_resolving;
  }
  if (!is_running()) events_.on_end(whole_);
}

}  // namespace causeway::bbs
