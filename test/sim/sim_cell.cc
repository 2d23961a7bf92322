#include "test/sim/sim_cell.h"

#include <utility>

#include "cf/models/models.h"
#include "control/bbs/rules/evacuation_rules.h"
#include "test/sim/world.h"

namespace causeway::sim {

namespace {

using namespace std::chrono_literals;

constexpr int32_t cell_memory_mb = 1000;
constexpr Duration stop_takes = 500ms;
constexpr Duration evacuation_repeat = 5s;

}  // namespace

SimCell::SimCell(World& world, std::string id, std::string zone)
    : world_(world), id_(std::move(id)), zone_(std::move(zone)) {}

models::ActualLRPInstanceKey SimCell::instance_key(const std::string& guid) const {
  models::ActualLRPInstanceKey key;
  key.set_instance_guid(guid);
  key.set_cell_id(id_);
  return key;
}

SimCell::Container* SimCell::find(const std::string& guid) {
  const auto found = containers_.find(guid);
  return found == containers_.end() ? nullptr : &found->second;
}

void SimCell::die() {
  is_up_ = false;
  is_evacuating_ = false;
  ++life_;
  unanswered_.clear();
  containers_.clear();
  tasks_.clear();
}

void SimCell::die_for_good() {
  die();
  is_gone_ = true;
}

void SimCell::come_back() {
  start_rep();
  is_cut_off_ = false;
}

void SimCell::stop_rep() {
  if (!is_up_) return;
  is_up_ = false;
  is_evacuating_ = false;
  ++life_;
  unanswered_.clear();
}

void SimCell::start_rep() {
  if (is_gone_ || std::exchange(is_up_, true)) return;
  std::erase_if(tasks_, [](const auto& task) { return !task.second.is_running; });
  for (const auto& [guid, task] : tasks_)
    if (!task.failed) finish_task_later(guid);
}

template <class Answer>
std::function<void(const Answer&)> SimCell::heard_once(std::function<void(const Answer&)> on) {
  const uint64_t request = ++requests_;
  unanswered_.insert(request);
  return [this, request, on = std::move(on), life = life_](const Answer& answer) {
    world_.network().answer([this, request, on, life, answer] {
      if (life == life_ && is_reachable() && unanswered_.erase(request) > 0) on(answer);
    });
  };
}

void SimCell::ask(const models::ActualLRPKey& key, const bbs::Ledger::Selection& selection,
                  const bbs::Rule& rule, const std::function<void(const Verdict&)>& on) {
  if (!is_reachable()) return;
  world_.network().send([this, key, selection, rule, heard = heard_once<Verdict>(on)] {
    world_.decide(key.process_guid(), selection, rule, heard);
  });
}

void SimCell::ask_task(const std::string& guid, const bbs::TaskRule& rule,
                       const std::function<void(const bbs::TaskVerdict&)>& on) {
  if (!is_reachable()) return;
  world_.network().send([this, guid, rule, heard = heard_once<bbs::TaskVerdict>(on)] {
    world_.decide_task(guid, rule, heard);
  });
}

cf::CellBrief SimCell::brief() const {
  cf::CellBrief brief;
  brief.facts.cell_id = id_;
  brief.facts.zone = zone_;
  brief.facts.root_fs_providers["preloaded"].names = {"stack"};
  const auto used = static_cast<int32_t>(containers_.size() + tasks_.size());
  brief.facts.total = {cell_memory_mb, cell_memory_mb, static_cast<int32_t>(containers_max)};
  brief.facts.available = {cell_memory_mb - 100 * used, cell_memory_mb - used,
                           static_cast<int32_t>(containers_max) - used};
  for (const auto& [guid, container] : containers_) {
    brief.processes.push_back(container.key.process_guid());
    brief.facts.starting_containers += container.is_running ? 0 : 1;
  }
  brief.tasks = static_cast<int64_t>(tasks_.size());
  brief.facts.is_evacuating = is_evacuating_;
  return brief;
}

cf::Work SimCell::take(const cf::Work& work) {
  cf::Work refused;
  for (const cf::LrpWork& lrp : work.lrps) {
    if (is_evacuating_ || containers_.size() + tasks_.size() >= containers_max) {
      refused.lrps.push_back(lrp);
      continue;
    }
    const std::string guid = id_ + "-" + std::to_string(life_) + "-" + std::to_string(++guids_);
    Container& container = containers_[guid];
    container.guid = guid;
    container.key.set_process_guid(lrp.process_guid);
    container.key.set_index(lrp.index);
    container.key.set_domain(lrp.domain);
    world_.story(id_ + " takes " + lrp.process_guid + "/" + std::to_string(lrp.index) + " as " +
                 guid);
    ++world_.counts().containers;
    claim(guid);
  }
  for (const cf::TaskWork& task : work.tasks) {
    if (is_evacuating_ || tasks_.contains(task.task_guid)) {
      refused.tasks.push_back(task);
    } else {
      run_task(task.task_guid);
    }
  }
  return refused;
}

void SimCell::claim(const std::string& guid) {
  const Container& container = containers_.at(guid);
  models::ClaimActualLRPRequest request;
  request.set_process_guid(container.key.process_guid());
  request.set_index(container.key.index());
  *request.mutable_actual_lrp_instance_key() = instance_key(guid);
  ask(
      container.key, {.index = container.key.index()},
      [request](const auto& state, const auto& moment) {
        return bbs::claim(state, request, moment);
      },
      [this, guid](const Verdict& verdict) {
        Container* const now = find(guid);
        if (now == nullptr || now->is_started) return;
        if (verdict.refusal) {
          if (verdict.refusal->type != models::Error::UnknownError) containers_.erase(guid);
          return;  // storage away: the next beat claims again
        }
        now->is_started = true;
        world_.timeline().after(std::chrono::milliseconds(100 + world_.rng().below(2'000)),
                                [this, guid, life = life_] {
                                  if (life != life_ || find(guid) == nullptr) return;
                                  if (!is_evacuating_) start(guid);
                                });
      });
}

void SimCell::start(const std::string& guid) {
  Container& container = containers_.at(guid);
  container.is_running = true;
  models::StartActualLRPRequest request;
  *request.mutable_actual_lrp_key() = container.key;
  *request.mutable_actual_lrp_instance_key() = instance_key(guid);
  request.mutable_actual_lrp_net_info()->set_address(id_);
  request.set_routable(true);
  (*request.mutable_metric_tags())["source_id"] = container.key.process_guid();
  ask(
      container.key, {.index = container.key.index()},
      [request](const auto& state, const auto& moment) {
        return bbs::start(state, request, moment);
      },
      [this, guid](const Verdict& verdict) {
        if (find(guid) == nullptr || !verdict.refusal) return;
        if (verdict.refusal->type == models::Error::UnknownError) return;
        world_.story(id_ + " drops " + guid + ": " + verdict.refusal->message);
        containers_.erase(guid);
      });
}

void SimCell::remove(const models::ActualLRPKey& key, const std::string& guid) {
  models::RemoveActualLRPRequest request;
  request.set_process_guid(key.process_guid());
  request.set_index(key.index());
  *request.mutable_actual_lrp_instance_key() = instance_key(guid);
  world_.story(id_ + " removes " + guid);
  ask(
      key, {.index = key.index(), .scheduling = true},
      [request](const auto& state, const auto& moment) {
        return bbs::remove(state, request, moment);
      },
      [](const Verdict&) {});
}

void SimCell::stop(const std::string& guid) {
  if (!is_reachable() || find(guid) == nullptr) return;
  world_.story(id_ + " is told to stop " + guid);
  world_.timeline().after(stop_takes, [this, guid, life = life_] {
    const Container* const container = life == life_ ? find(guid) : nullptr;
    if (container == nullptr) return;
    const models::ActualLRPKey key = container->key;
    containers_.erase(guid);
    remove(key, guid);
  });
}

void SimCell::crash_one() {
  if (containers_.empty()) return;
  auto chosen = containers_.begin();
  std::advance(chosen, static_cast<ptrdiff_t>(world_.rng().below(containers_.size())));
  const Container container = chosen->second;
  containers_.erase(chosen);
  world_.story(container.guid + " crashes");
  if (is_evacuating_) {
    models::EvacuateCrashedActualLRPRequest request;
    *request.mutable_actual_lrp_key() = container.key;
    *request.mutable_actual_lrp_instance_key() = instance_key(container.guid);
    return ask(
        container.key, {.index = container.key.index()},
        [request](const auto& state, const auto& moment) {
          return bbs::evacuate_crashed(state, request, moment);
        },
        [](const Verdict&) {});
  }
  models::CrashActualLRPRequest request;
  *request.mutable_actual_lrp_key() = container.key;
  *request.mutable_actual_lrp_instance_key() = instance_key(container.guid);
  request.set_error_message("exited");
  ask(
      container.key, {.index = container.key.index(), .scheduling = true},
      [request](const auto& state, const auto& moment) {
        return bbs::crash(state, request, moment);
      },
      [](const Verdict&) {});
}

void SimCell::evacuate() {
  if (!is_up_ || is_evacuating_) return;
  is_evacuating_ = true;
  world_.story(id_ + " evacuates");
  std::vector<std::string> guids;
  for (const auto& [guid, container] : containers_) guids.push_back(guid);
  for (const std::string& guid : guids) leave(guid);
}

// Asks until it may go. What does not run yet never will.
void SimCell::leave(const std::string& guid) {
  const Container* const container = find(guid);
  if (container == nullptr || !is_evacuating_) return;
  const auto drop = [this, guid] {
    world_.story(guid + " has left");
    containers_.erase(guid);
    // Drained: the machine is made anew.
    if (containers_.empty()) is_evacuating_ = false;
  };
  if (!container->is_running) {
    models::EvacuateClaimedActualLRPRequest request;
    *request.mutable_actual_lrp_key() = container->key;
    *request.mutable_actual_lrp_instance_key() = instance_key(guid);
    ask(
        container->key, {.index = container->key.index(), .scheduling = true},
        [request](const auto& state, const auto& moment) {
          return bbs::evacuate_claimed(state, request, moment);
        },
        [this, guid, drop](const Verdict& verdict) {
          const bool is_settled =
              !verdict.refusal || verdict.refusal->type == models::Error::ResourceNotFound;
          if (find(guid) != nullptr && is_settled) drop();
        });
  } else {
    models::EvacuateRunningActualLRPRequest request;
    *request.mutable_actual_lrp_key() = container->key;
    *request.mutable_actual_lrp_instance_key() = instance_key(guid);
    request.mutable_actual_lrp_net_info()->set_address(id_);
    request.set_routable(true);
    ask(
        container->key, {.scheduling = true},
        [request](const auto& state, const auto& moment) {
          return bbs::evacuate_running(state, request, moment);
        },
        [this, guid, drop](const Verdict& verdict) {
          const bool may_go = verdict.refusal
                                  ? verdict.refusal->type == models::Error::ResourceNotFound
                                  : !verdict.keep_container;
          if (find(guid) != nullptr && may_go) drop();
        });
  }
  world_.timeline().after(evacuation_repeat, [this, guid, life = life_] {
    if (life == life_) leave(guid);
  });
}

void SimCell::beat() {
  if (!is_up_) return;
  if (is_evacuating_ && containers_.empty()) is_evacuating_ = false;
  std::vector<std::string> guids;
  for (const auto& [guid, container] : containers_) guids.push_back(guid);
  for (const std::string& guid : guids) {
    const Container& container = containers_.at(guid);
    if (is_evacuating_) continue;  // leave() speaks for it
    if (container.is_started) {
      start(guid);
    } else {
      claim(guid);
    }
  }
  for (const auto& [guid, task] : tasks_)
    if (task.failed) complete(guid, *task.failed);
  look_for_leftovers();
}

// Rows and tasks that name this cell, of which it knows nothing.
void SimCell::look_for_leftovers() {
  if (!is_reachable()) return;
  world_.rows_of_cell(id_, [this, life = life_](const std::vector<models::ActualLRP>& rows) {
    if (life != life_ || !is_reachable()) return;
    for (const models::ActualLRP& row : rows) {
      const std::string& guid = row.actual_lrp_instance_key().instance_guid();
      if (find(guid) != nullptr) continue;
      if (row.presence() != models::ActualLRP::EVACUATING) {
        remove(row.actual_lrp_key(), guid);
        continue;
      }
      models::RemoveEvacuatingActualLRPRequest request;
      *request.mutable_actual_lrp_key() = row.actual_lrp_key();
      *request.mutable_actual_lrp_instance_key() = row.actual_lrp_instance_key();
      ask(
          row.actual_lrp_key(), {.index = row.actual_lrp_key().index()},
          [request](const auto& state, const auto&) {
            return bbs::remove_evacuating(state, request);
          },
          [](const Verdict&) {});
    }
  });
  world_.tasks_of_cell(id_, [this, life = life_](const std::vector<std::string>& guids) {
    if (life != life_ || !is_reachable()) return;
    for (const std::string& guid : guids)
      if (!tasks_.contains(guid)) complete(guid, true);
  });
}

void SimCell::run_task(const std::string& guid) {
  tasks_[guid];
  models::StartTaskRequest request;
  request.set_task_guid(guid);
  request.set_cell_id(id_);
  const auto heard = [this, guid, life = life_](const bbs::TaskVerdict& verdict) {
    if (life != life_ || !tasks_.contains(guid)) return;
    if (verdict.refusal || !verdict.should_start) {
      tasks_.erase(guid);
      return;
    }
    tasks_[guid].is_running = true;
    world_.task_runs(guid, id_);
    finish_task_later(guid);
  };
  // Nobody hears: it goes, and what the bbs believes is put right by a beat.
  world_.timeline().after(20s, [this, guid, life = life_] {
    if (life == life_ && tasks_.contains(guid) && !tasks_[guid].is_running) tasks_.erase(guid);
  });
  ask_task(
      guid,
      [request](const auto& task, int64_t now_ns) {
        return bbs::start_task(task, request, now_ns);
      },
      heard);
}

void SimCell::finish_task_later(const std::string& guid) {
  world_.timeline().after(std::chrono::milliseconds(500 + world_.rng().below(5'000)),
                          [this, guid, life = life_] {
                            if (life != life_ || !tasks_.contains(guid)) return;
                            tasks_[guid].failed = world_.rng().below(4) == 0;
                            complete(guid, *tasks_[guid].failed);
                          });
}

void SimCell::complete(const std::string& guid, bool failed) {
  models::CompleteTaskRequest request;
  request.set_task_guid(guid);
  request.set_cell_id(id_);
  request.set_failed(failed);
  request.set_failure_reason(failed ? "failed on " + id_ : "");
  request.set_result(failed ? "" : "result of " + id_);
  ask_task(
      guid,
      [request](const auto& task, int64_t now_ns) {
        return bbs::complete_task(task, request, now_ns);
      },
      [this, guid](const bbs::TaskVerdict& verdict) {
        if (verdict.refusal && verdict.refusal->type == models::Error::UnknownError) return;
        tasks_.erase(guid);
      });
}

void SimCell::cancel(const std::string& guid) {
  if (is_reachable() && tasks_.contains(guid)) complete(guid, true);
}

}  // namespace causeway::sim
