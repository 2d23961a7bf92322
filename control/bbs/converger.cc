#include "control/bbs/converger.h"

#include <algorithm>
#include <utility>

#include "control/bbs/convergence_rules.h"
#include "log/logger.h"

namespace causeway::bbs {

namespace {

using namespace std::chrono_literals;

constexpr Duration kSoonMin = 20ms;
constexpr Duration kGapMin = 1s;  // between passes that were asked for

}  // namespace

Converger::Converger(net::Loop& loop, store::Store& store, Ledger& ledger, Cells& cells,
                     Domains& domains, Errands& errands, const Clock& clock,
                     const log::Logger& logger, Options options)
    : store_(store),
      ledger_(ledger),
      cells_(cells),
      domains_(domains),
      errands_(errands),
      clock_(clock),
      logger_(logger),
      options_(std::move(options)),
      every_(loop),
      soon_(loop),
      look_(loop) {}

void Converger::start() {
  every_.every(options_.interval, [this] { begin("interval"); });
  soon("start");
}

void Converger::soon(const char* reason) {
  place_all_ = true;
  if (soon_.is_armed()) return;
  // A pass over a large system takes its time: at most a sixth of ours goes there.
  const Duration gap = std::max(kGapMin, 5 * counts_.lrp_duration);
  const Duration since = clock_.now() - lrp_pass_.ended;
  const Duration wait = counts_.lrp_runs == 0 || since > gap ? kSoonMin : gap - since;
  soon_.once(wait, [this, reason] { begin(reason); });
}

void Converger::begin(const char* reason) {
  if (preparing_ || is_running()) {
    again_ = true;
    return;
  }
  preparing_ = true;
  logger_.debug("converge-starting", {{"reason", reason}});
  const int64_t now_ns = clock_.wall().unix_ns;
  cells_.list([this, now_ns](auto cells) {
    // Not "no cells": that would move everything.
    if (!cells) return give_up("failed-listing-cells", cells.error());
    converge::World world;
    world.now_ns = now_ns;
    for (const auto& cell : *cells) world.cells.insert(cell.cell_id());
    domains_.sweep(now_ns, [this, world = std::move(world)](auto domains) mutable {
      if (!domains) return give_up("failed-listing-domains", domains.error());
      preparing_ = false;
      failing_ = false;
      world.fresh_domains = std::move(*domains);
      begin_with(std::move(world));
    });
  });
}

void Converger::give_up(const char* what, const Error& error) {
  ++counts_.skipped;
  preparing_ = false;
  if (!std::exchange(failing_, true)) logger_.error(what, error);
  if (!soon_.is_armed()) soon_.once(kGapMin, [this] { begin("given up before"); });
}

void Converger::begin_with(converge::World world) {
  world_ = std::move(world);
  limits_ = {};
  if (std::exchange(place_all_, false)) limits_.unclaimed_stale_ns = 0;
  lrps_ = {};
  fresh_ = {};
  for (Pass* pass : {&lrp_pass_, &task_pass_}) {
    pass->running = true;
    pass->after.clear();
    pass->last_page = false;
    pass->started = clock_.now();
  }
  counts_.cells = world_.cells.size();
  counts_.fresh_domains = world_.fresh_domains;
  next_lrp_page();
  next_task_page();
}

void Converger::next_lrp_page() {
  const store::ProcessQuery query{.parts = {.scheduling = true, .all_slots = true},
                                  .after = lrp_pass_.after};
  store_.page_processes(query, [this](Result<store::ProcessPage> page) {
    if (!page) return end(lrp_pass_, "failed-converging-lrps");
    for (const auto& rows : page->processes) plan(rows, lrps_, lrp_pass_.work);
    lrp_pass_.last_page = page->next.empty();
    lrp_pass_.after = std::move(page->next);
    pump(lrp_pass_);
  });
}

void Converger::next_task_page() {
  store_.page_tasks({.after = task_pass_.after}, [this](Result<store::TaskPage> page) {
    if (!page) return end(task_pass_, "failed-converging-tasks");
    for (const auto& row : page->tasks) plan_task(row);
    task_pass_.last_page = page->next.empty();
    task_pass_.after = std::move(page->next);
    pump(task_pass_);
  });
}

void Converger::plan(const store::ProcessRows& rows, converge::LrpCounts& counts,
                     std::deque<std::function<void(std::function<void()>)>>& work) {
  const StoredProcess process = decode_process(rows);
  if (process.undecodable > 0)
    return logger_.error("undecodable-row", {{"process_guid", rows.process_guid}});
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
  for (const auto& action : converge::converge_process(view, world_, limits_, counts)) {
    if (action.step == converge::LrpStep::auction_again) {
      place_again.push_back(action.index);
      continue;
    }
    work.push_back([this, guid = rows.process_guid, action](std::function<void()> done) {
      ledger_.decide(
          guid, {.index = action.index, .scheduling = true},
          [action](const ProcessState& now, const Moment& moment) {
            return carry_out(now, action, moment);
          },
          "",
          [this, guid, done = std::move(done)](const Verdict& verdict) {
            if (verdict.refusal)
              logger_.error("failed-converging-process",
                            {{"process_guid", guid}, {"error", verdict.refusal->message}});
            done();
          });
    });
  }
  if (!place_again.empty()) errands_.place(*state.scheduling, place_again);
}

void Converger::plan_task(const store::NamedRow& row) {
  models::Task task;
  if (!decode_row(row.bytes, task)) {
    ++counts_.tasks_pruned;
    logger_.error("undecodable-task-pruned", {{"task_guid", row.id}});
    task_pass_.work.push_back([this, row](std::function<void()> done) {
      store_.commit(
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
  if (step == converge::TaskStep::auction_again) return errands_.place(task);
  if (step == converge::TaskStep::kick) ++counts_.tasks_kicked;
  if (step == converge::TaskStep::remove || step == converge::TaskStep::demote_and_remove)
    ++counts_.tasks_pruned;
  task_pass_.work.push_back([this, guid = task.task_guid(), step](std::function<void()> done) {
    ledger_.decide_task(
        guid,
        [step](const std::optional<models::Task>& now, int64_t now_ns) {
          return carry_out_task(now, step, now_ns);
        },
        [done = std::move(done)](const TaskVerdict&) { done(); });
  });
}

void Converger::pump(Pass& pass) {
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
  if (&pass == &lrp_pass_) return next_lrp_page();
  next_task_page();
}

void Converger::end(Pass& pass, const char* failure) {
  pass.running = false;
  pass.ended = clock_.now();
  pass.work.clear();
  const Duration took = pass.ended - pass.started;
  if (failure != nullptr) {
    ++counts_.skipped;
    logger_.error(failure);
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
  if (!is_running() && std::exchange(again_, false)) soon("again");
}

void Converger::look_at(const std::string& process_guid) {
  look_at_.insert(process_guid);
  if (!look_.is_armed()) look_.once(Duration::zero(), [this] { look_at_pending(); });
}

void Converger::look_at_pending() {
  // Only what is missing is put right here, so neither cells nor domains need to be known.
  for (const std::string& guid : std::exchange(look_at_, {})) {
    store_.read_process(
        guid, {.scheduling = true, .all_slots = true}, [this](Result<store::ProcessRows> rows) {
          if (!rows) return;  // the next pass finds it
          const StoredProcess process = decode_process(*rows);
          if (!process.state.scheduling) return;
          for (int32_t index = 0; index < process.state.scheduling->instances(); ++index) {
            const auto found = process.state.indexes.find(index);
            if (found != process.state.indexes.end() && found->second.ordinary) continue;
            converge::LrpAction action{
                .step = converge::LrpStep::create, .index = index, .instance = {}};
            ledger_.decide(
                rows->process_guid, {.index = index, .scheduling = true},
                [action](const ProcessState& now, const Moment& moment) {
                  return carry_out(now, action, moment);
                },
                "", [](const Verdict&) {});
          }
        });
  }
}

}  // namespace causeway::bbs
