#include "test/sim/world.h"

#include <cstdio>
#include <utility>

#include "cf/models/models.h"
#include "control/bbs/rules/desired_rules.h"

namespace causeway::sim {

namespace {

using namespace std::chrono_literals;

constexpr const char* domain = "d";
constexpr Duration presence_beat = 5s;
constexpr Duration beat = 30s;
constexpr Duration pass = 30s;

models::DesiredLRP lrp_of(const std::string& guid, int32_t instances) {
  models::DesiredLRP lrp;
  lrp.set_process_guid(guid);
  lrp.set_domain(domain);
  lrp.set_root_fs("preloaded:stack");
  lrp.set_instances(instances);
  lrp.set_memory_mb(100);
  lrp.mutable_action()->mutable_run_action()->set_path("/bin/app");
  (*lrp.mutable_metric_tags())["source_id"].set_static_(guid);
  return lrp;
}

}  // namespace

World::World(const Scenario& scenario, const log::Logger& logger)
    : scenario_(scenario), rng_(scenario.seed), logger_(logger) {
  for (int i = 0; i < scenario_.cells; ++i)
    cells_.push_back(
        std::make_unique<SimCell>(*this, "c" + std::to_string(i), i % 2 == 0 ? "z1" : "z2"));
  for (const auto kind : {Reader::Kind::instances, Reader::Kind::tasks}) {
    readers_.push_back(std::make_unique<Reader>(
        Reader::Surroundings{
            timeline_, network_, rng_,
            [this] { return !is_healing_ && scenario_.has_faults && rng_.below(400) == 0; },
            [this](const std::string& what) { wrong(what); }},
        kind));
  }
}

World::~World() = default;

void World::story(const std::string& line) const {
  if (scenario_.tells)
    std::printf("%8.3f %s\n", std::chrono::duration<double>(timeline_.now() - Instant{}).count(),
                line.c_str());
}

SimCell* World::cell(const std::string& id) {
  for (const auto& one : cells_)
    if (one->id() == id) return one.get();
  return nullptr;
}

void World::every(Duration interval, const std::function<void()>& action) {
  timeline_.after(interval, [this, interval, action] {
    action();
    every(interval, action);
  });
}

void World::decide(const std::string& process, const bbs::Ledger::Selection& selection,
                   const bbs::Rule& rule, const bbs::Ledger::OnVerdict& on) {
  at_bbs([process, selection, rule, on](SimBbs& bbs) {
    bbs.ledger().decide(process, selection, rule, "", on);
  });
}

void World::decide_task(const std::string& guid, const bbs::TaskRule& rule,
                        const bbs::Ledger::OnTaskVerdict& on) {
  at_bbs([guid, rule, on](SimBbs& bbs) { bbs.ledger().decide_task(guid, rule, on); });
}

void World::rows_of_cell(const std::string& id,
                         const std::function<void(const std::vector<models::ActualLRP>&)>& on) {
  const auto answer = [this, id, on](const Result<std::vector<store::CellRow>>& found) {
    if (!found) return;
    std::vector<models::ActualLRP> rows;
    for (const auto& row : *found) {
      models::ActualLRP lrp;
      if (bbs::decode_row(row.bytes, lrp) && lrp.actual_lrp_instance_key().cell_id() == id)
        rows.push_back(std::move(lrp));
    }
    network_.answer([on, rows] { on(rows); });
  };
  network_.send([this, id, answer] {
    at_bbs([id, answer](SimBbs& bbs) { bbs.store().read_cell(id, answer); });
  });
}

void World::tasks_of_cell(const std::string& id,
                          const std::function<void(const std::vector<std::string>&)>& on) {
  const auto answer = [this, id, on](const Result<std::vector<store::NamedRow>>& found) {
    if (!found) return;
    std::vector<std::string> guids;
    for (const auto& row : *found) {
      models::Task task;
      if (bbs::decode_row(row.bytes, task) && task.cell_id() == id &&
          task.state() == models::Task::Running)
        guids.push_back(row.id);
    }
    network_.answer([on, guids] { on(guids); });
  };
  network_.send([this, id, answer] {
    at_bbs([id, answer](SimBbs& bbs) { bbs.store().read_cell_tasks(id, answer); });
  });
}

void World::task_runs(const std::string& guid, const std::string& on_cell) {
  ++counts_.tasks_run;
  const auto [at, is_first] = ran_on_.emplace(guid, on_cell);
  if (!is_first && !doubtful_tasks_.contains(guid))
    wrong("task " + guid + " runs on " + on_cell + ", and ran on " + at->second);
}

void World::place(cf::LrpStartRequest request) {
  network_.send([this, request = std::move(request)] {
    for (const int32_t index : request.indices)
      lrp_requests_[request.process_guid][index] = request;
    auction();
  });
}

void World::place(cf::TaskStartRequest request) {
  network_.send([this, request = std::move(request)] {
    task_requests_[request.task_guid] = request;
    auction();
  });
}

void World::stop(const std::string& rep_url, const std::string&, const std::string& instance_guid,
                 const std::string&, OnDone on_done) {
  network_.send([this, rep_url, instance_guid] {
    if (SimCell* const at = cell(rep_url)) at->stop(instance_guid);
  });
  on_done({});
}

void World::update(const std::string&, const cf::LrpUpdate&, OnDone on_done) { on_done({}); }

void World::cancel_task(const std::string& rep_url, const std::string& task_guid,
                        const std::string&, OnDone on_done) {
  network_.send([this, rep_url, task_guid] {
    if (SimCell* const at = cell(rep_url)) at->cancel(task_guid);
  });
  on_done({});
}

// Answers 200, 500 (as good), 503, or not at all.
void World::call_back(const std::string&, std::string body,
                      std::function<void(Result<int>)> on_status) {
  ++counts_.callbacks;
  check_callback(body);
  const uint64_t luck = is_healing_ ? 9 : rng_.below(10);
  const Result<int> status = luck == 0   ? Result<int>(503)
                             : luck == 1 ? Result<int>(500)
                             : luck == 2 ? Result<int>(Error{.fault = Fault::timeout})
                                         : Result<int>(200);
  timeline_.after(network_.delay(),
                  [status, on_status = std::move(on_status)] { on_status(status); });
}

void World::beat_presences() {
  for (const auto& one : cells_) {
    if (!one->is_reachable()) continue;
    network_.send([this, id = one->id(), zone = one->brief().facts.zone] {
      at_bbs([id, zone](SimBbs& bbs) { bbs.presences().refresh(id, zone); });
    });
  }
}

// One round after the other while there is something to place.
void World::auction() {
  if (is_auctioning_ || (lrp_requests_.empty() && task_requests_.empty())) return;
  is_auctioning_ = true;
  timeline_.after(network_.delay() + network_.delay(), [this] {
    std::vector<cf::CellBrief> briefs;
    for (const auto& one : cells_) {
      const bool answers = one->is_reachable() && (is_healing_ || rng_.below(20) > 0);
      if (answers && !one->is_evacuating()) briefs.push_back(one->brief());
    }
    std::vector<place::LrpDemand> lrps;
    for (const auto& [guid, indexes] : std::exchange(lrp_requests_, {}))
      for (const auto& [index, request] : indexes)
        lrps.push_back({guid, index, request.domain, request.demand});
    std::vector<place::TaskDemand> tasks;
    for (const auto& [guid, request] : std::exchange(task_requests_, {}))
      tasks.push_back({guid, request.domain, request.demand});
    hand_out(place::place(briefs, std::move(lrps), std::move(tasks), {}), briefs);
    is_auctioning_ = false;
    auction();
  });
}

void World::hand_out(place::Placement placement, const std::vector<cf::CellBrief>& briefs) {
  for (auto& failure : placement.failed_lrps) {
    models::FailActualLRPRequest request;
    request.mutable_actual_lrp_key()->set_process_guid(failure.demand.process_guid);
    request.mutable_actual_lrp_key()->set_index(failure.demand.index);
    request.mutable_actual_lrp_key()->set_domain(domain);
    request.set_error_message(failure.reason);
    story("no place for " + failure.demand.process_guid + "/" +
          std::to_string(failure.demand.index) + ": " + failure.reason);
    network_.send([this, request] {
      decide(
          request.actual_lrp_key().process_guid(), {.index = request.actual_lrp_key().index()},
          [request](const auto& state, const auto& moment) {
            return bbs::fail(state, request, moment);
          },
          [](const bbs::Verdict&) {});
    });
  }
  for (auto& failure : placement.failed_tasks) {
    network_.send([this, guid = failure.demand.task_guid, reason = failure.reason] {
      decide_task(
          guid,
          [this, reason](const auto& task, int64_t now_ns) {
            // A round of long ago: the task begins anew all the same.
            if (task && task->state() == models::Task::Running)
              doubtful_tasks_.insert(task->task_guid());
            return bbs::reject_task(task, reason, 3, now_ns);
          },
          [](const bbs::TaskVerdict&) {});
    });
  }
  for (const auto& work : placement.works) {
    cf::Work message;
    for (const auto& lrp : work.lrps)
      message.lrps.push_back(
          {.process_guid = lrp.process_guid, .index = lrp.index, .domain = lrp.domain});
    for (const auto& task : work.tasks) message.tasks.push_back({.task_guid = task.task_guid});
    network_.send([this, message, id = briefs[work.cell].facts.cell_id] {
      SimCell* const to = cell(id);
      if (to->is_reachable()) to->take(message);
    });
  }
}

void World::desire(const std::string& guid, int32_t instances) {
  story("desire " + guid + " with " + std::to_string(instances));
  decide(
      guid, {.scheduling = true, .run = true},
      [lrp = lrp_of(guid, instances)](const auto& state, const auto& moment) {
        return bbs::desire(state, lrp, moment);
      },
      [](const bbs::Verdict&) {});
}

void World::desire_task() {
  models::DesireTaskRequest request;
  request.set_task_guid("t" + std::to_string(++tasks_));
  request.set_domain(domain);
  auto& definition = *request.mutable_task_definition();
  definition.set_root_fs("preloaded:stack");
  definition.set_memory_mb(100);
  if (rng_.below(3) > 0) definition.set_completion_callback_url("http://client/done");
  decide_task(
      request.task_guid(),
      [request](const auto& task, int64_t now_ns) {
        return bbs::desire_task(task, request, now_ns);
      },
      [](const bbs::TaskVerdict&) {});
}

void World::client_acts() {
  if (is_healing_) return;
  const std::string guid =
      "p" + std::to_string(rng_.below(static_cast<uint64_t>(scenario_.processes)));
  switch (rng_.below(scenario_.has_faults ? 8 : 4)) {
    case 0:
    case 1:
      return desire(guid, static_cast<int32_t>(rng_.below(4)));
    case 2:
    case 3:
      return desire_task();
    case 4:
    case 5: {
      models::DesiredLRPUpdate update;
      update.set_instances(static_cast<int32_t>(rng_.below(4)));
      story("scale " + guid + " to " + std::to_string(update.instances()));
      return decide(
          guid, {.scheduling = true, .run = true},
          [update](const auto& state, const auto& moment) {
            return bbs::update(state, update, moment);
          },
          [](const bbs::Verdict&) {});
    }
    case 6:
      story("remove " + guid);
      return decide(
          guid, {.scheduling = true, .run = true},
          [](const auto& state, const auto&) { return bbs::remove_desired(state); },
          [](const bbs::Verdict&) {});
    default:
      if (tasks_ == 0) return;
      decide_task(
          "t" + std::to_string(rng_.below(tasks_) + 1),
          [](const auto& task, int64_t now_ns) { return bbs::cancel_task(task, now_ns); },
          [](const bbs::TaskVerdict&) {});
  }
}

std::string World::run() {
  if (scenario_.has_faults) network_.faults({.lost = 0.02, .doubled = 0.02});
  look_after_locks();
  beat_presences();
  every(presence_beat, [this] { beat_presences(); });
  every(1s, [this] {
    look_after_locks();
    if (SimBbs* const bbs = leader())
      for (const auto& reader : readers_) reader->follow(*bbs);
  });
  every(pass, [this] {
    for (const Machine& machine : machines_)
      if (machine.bbs)
        machine.bbs->process().run([bbs = machine.bbs.get()] { bbs->converge(false); });
  });
  every(30s, [this] {
    if (upserts_domain_)
      at_bbs([this](SimBbs& bbs) {
        bbs.domains().upsert(domain, 120, timeline_.wall().unix_ns, [](const Result<void>&) {});
      });
  });
  for (size_t i = 0; i < cells_.size(); ++i)
    timeline_.after(std::chrono::seconds(i * 7),
                    [this, i] { every(beat, [&one = *cells_[i]] { one.beat(); }); });
  every(3s, [this] { client_acts(); });
  every(4s, [this] { trouble(); });
  every(5s, [this] { check(); });
  const Instant end_of_trouble = timeline_.now() + scenario_.troubled;
  while (wrong_.empty() && timeline_.step(end_of_trouble))
    if (!scenario_.has_faults) check_calm();
  heal();
  const Instant end = timeline_.now() + scenario_.healing;
  while (wrong_.empty() && timeline_.step(end)) {
  }
  check_healed();
  if (SimBbs* const bbs = leader()) count(*bbs);
  return wrong_;
}

}  // namespace causeway::sim
