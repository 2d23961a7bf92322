#include "control/route_emitter/watcher.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "cf/models/models.h"
#include "net/loop.h"

namespace causeway::route_emitter {

Watcher::Watcher(net::Loop& loop, const log::Logger& logger, Options options, RoutingTable& table,
                 EmitterMetrics& metrics, OnChanges on_changes)
    : logger_(logger.session("watcher")),
      options_(std::move(options)),
      table_(table),
      metrics_(metrics),
      on_changes_(std::move(on_changes)),
      loop_(loop),
      wait_(options_.first_wait),
      next_sync_(loop),
      // One attempt: our own come again soon enough, and keep no event waiting for them.
      bbs_(loop, {.url = options_.bbs_url,
                  .timeout = options_.call_timeout,
                  .attempts = 1,
                  .identity = options_.identity}) {
  logger_.info("subscribing-to-bbs-events",
               {{"bbs", options_.bbs_url}, {"cell-id", options_.cell_id}});
  feed_ = diego::follow_lrp_events(
      loop, options_.bbs_url, options_.cell_id,
      {.first_wait = options_.first_wait,
       .wait_max = options_.wait_max,
       .identity = options_.identity},
      {.on_open = [this] { on_open(); }, .on_lost = [this](const Error& error) { on_lost(error); }},
      [this](const diego::LrpEvent& event) { on_event(event); });
}

void Watcher::on_open() {
  logger_.info("succeeded-subscribing-to-bbs-events");
  metrics_.bbs_connected.set(1);
  sync();
}

void Watcher::on_lost(const Error& error) {
  // Nothing is taken away: the routes stay as they were until a fetch says otherwise.
  logger_.error("failed-subscribing-to-bbs-events", error);
  metrics_.bbs_connected.set(0);
}

void Watcher::on_event(const diego::LrpEvent& event) {
  metrics_.events.add();
  apply(event);
  flush();
  if (!is_syncing_) return;
  if (kept_.size() < options_.kept_events_max) {
    kept_.push_back(event);
  } else {
    syncs_again_ = true;
  }
}

void Watcher::flush() {
  const Changes changes = table_.take_changes();
  for (const Collision& collision : changes.collisions) {
    metrics_.collisions.add();
    logger_.warn("collision-detected-with-endpoint",
                 {{"address", collision.address},
                  {"instance_guid", collision.instance_guid},
                  {"other_instance_guid", collision.other_instance_guid}});
  }
  on_changes_(changes);
}

void Watcher::put_desired(const models::DesiredLRP& lrp) {
  const auto unknown = unknown_.find(lrp.process_guid());
  if (unknown != unknown_.end()) unknown->second = true;
  if (!options_.cell_id.empty() && !table_.knows(lrp.process_guid())) return;
  table_.put(read_desired(lrp));
}

Desired Watcher::read_desired(const models::DesiredLRP& lrp) {
  std::vector<Unrouted> unrouted;
  Desired desired = desired_of(lrp, options_.serves, unrouted);
  for (const Unrouted& routes : unrouted) {
    if (!routes.problem.empty()) {
      metrics_.unusable_routes.add();
      logger_.error("failed-unmarshalling-routes", {{"process-guid", desired.process_guid},
                                                    {"router", routes.router},
                                                    {"error", routes.problem}});
    } else if (told_unserved_.insert(routes.router).second) {
      logger_.warn("routes-not-emitted", {{"router", routes.router},
                                          {"reason", "switched off; told once"},
                                          {"process-guid", desired.process_guid}});
    }
  }
  return desired;
}

void Watcher::put_instance(Instance instance) {
  if (!is_ours(instance.cell_id)) return;
  const std::string process_guid = instance.process_guid;
  const bool is_placed = !instance.key.instance_guid.empty();
  table_.put(std::move(instance));
  if (is_placed && !options_.cell_id.empty() && !table_.has_desired(process_guid)) {
    fetch_unknown(process_guid);
  }
}

bool Watcher::is_ours(const std::string& cell_id) const {
  return options_.cell_id.empty() || options_.cell_id == cell_id;
}

void Watcher::apply_change(const models::ActualLRPInstanceChangedEvent& event) {
  Instance after = instance_of(event.actual_lrp_key(), event.actual_lrp_instance_key(),
                               event.after(), options_.reach);
  const Instance before = instance_of(event.actual_lrp_key(), event.actual_lrp_instance_key(),
                                      event.before(), options_.reach);
  const bool moved = before.key != after.key;  // ordinary to evacuating, suspect to ordinary
  put_instance(std::move(after));
  if (moved) table_.remove(before.process_guid, before.key, before.tag);
}

void Watcher::apply(const diego::LrpEvent& event) {
  if (const auto* created = std::get_if<models::DesiredLRPCreatedEvent>(&event)) {
    put_desired(created->desired_lrp());
  } else if (const auto* changed = std::get_if<models::DesiredLRPChangedEvent>(&event)) {
    put_desired(changed->after());
  } else if (const auto* removed = std::get_if<models::DesiredLRPRemovedEvent>(&event)) {
    const std::string& process_guid = removed->desired_lrp().process_guid();
    const auto unknown = unknown_.find(process_guid);
    if (unknown != unknown_.end()) unknown->second = true;
    table_.remove(process_guid, tag_of(removed->desired_lrp()));
  } else if (const auto* came = std::get_if<models::ActualLRPInstanceCreatedEvent>(&event)) {
    put_instance(instance_of(came->actual_lrp(), options_.reach));
  } else if (const auto* moved = std::get_if<models::ActualLRPInstanceChangedEvent>(&event)) {
    apply_change(*moved);
  } else if (const auto* gone = std::get_if<models::ActualLRPInstanceRemovedEvent>(&event)) {
    const Instance instance = instance_of(gone->actual_lrp(), options_.reach);
    table_.remove(instance.process_guid, instance.key, instance.tag);
  } else if (const auto* crashed = std::get_if<models::ActualLRPCrashedEvent>(&event)) {
    // Told first of all that a crash tells, and of an instance that never comes back.
    table_.remove(crashed->actual_lrp_key().process_guid(),
                  {crashed->actual_lrp_instance_key().instance_guid(), models::ActualLRP::ORDINARY},
                  {});
  }
}

void Watcher::sync() {
  if (is_syncing_) {
    syncs_again_ = true;
    return;
  }
  is_syncing_ = true;
  syncs_again_ = false;
  sync_began_ = loop_.now();
  snapshot_ = {};
  kept_.clear();
  next_sync_.disarm();
  logger_.debug("sync.starting");
  bbs_.domains([this](auto answer) {
    if (!answer) return fail_sync("failed-getting-domains", answer.error());
    for (const std::string& domain : answer->domains()) snapshot_.fresh_domains.insert(domain);
    fetch_instances();
  });
}

void Watcher::fetch_instances() {
  models::ActualLRPsRequest request;
  request.set_cell_id(options_.cell_id);
  bbs_.actual_lrps(request, [this](auto answer) {
    if (!answer) return fail_sync("failed-getting-actual-lrps", answer.error());
    for (const models::ActualLRP& lrp : answer->actual_lrps()) {
      Instance instance = instance_of(lrp, options_.reach);
      if (is_ours(instance.cell_id)) snapshot_.instances.push_back(std::move(instance));
    }
    fetch_desired();
  });
}

void Watcher::fetch_desired() {
  models::DesiredLRPsRequest request;
  if (!options_.cell_id.empty()) {
    snapshot_.is_of_one_cell = true;
    std::set<std::string> guids;
    for (const Instance& instance : snapshot_.instances) guids.insert(instance.process_guid);
    if (guids.empty()) return finish_sync();
    for (const std::string& guid : guids) request.add_process_guids(guid);
  }
  bbs_.routing_infos(request, [this](auto answer) {
    if (!answer) return fail_sync("failed-getting-scheduling-infos", answer.error());
    for (const models::DesiredLRP& lrp : answer->desired_lrps()) {
      snapshot_.desired.push_back(read_desired(lrp));
    }
    finish_sync();
  });
}

void Watcher::finish_sync() {
  const size_t desired = snapshot_.desired.size();
  const size_t instances = snapshot_.instances.size();
  table_.replace(std::exchange(snapshot_, {}));
  for (const diego::LrpEvent& event : kept_) apply(event);
  flush();
  metrics_.synced.add();
  const Duration took = loop_.now() - sync_began_;
  metrics_.sync_duration_ns.set(static_cast<double>(took.count()));
  logger_.info("sync.complete", {{"desired-lrps", desired},
                                 {"actual-lrps", instances},
                                 {"routes", table_.announced()},
                                 {"duration-ms", took.count() / 1'000'000}});
  is_sync_failing_ = false;
  wait_ = options_.first_wait;
  next_sync_.once(options_.sync_interval, [this] { sync(); });
  end_sync();
}

void Watcher::fail_sync(std::string_view step, const diego::BbsError& error) {
  metrics_.failed_syncs.add();
  if (!std::exchange(is_sync_failing_, true)) {
    logger_.error(step, error.cause, {{"answer", diego::to_string(error)}});
  }
  snapshot_ = {};
  next_sync_.once(wait_, [this] { sync(); });
  wait_ = std::min(wait_ * 2, options_.wait_max);
  // What was wanted meanwhile is wanted of the next attempt.
  syncs_again_ = false;
  end_sync();
}

void Watcher::end_sync() {
  is_syncing_ = false;
  kept_.clear();
  if (syncs_again_) sync();
}

void Watcher::fetch_unknown(const std::string& process_guid) {
  if (!unknown_.try_emplace(process_guid, false).second) return;
  models::DesiredLRPsRequest request;
  request.add_process_guids(process_guid);
  bbs_.routing_infos(request, [this, process_guid](auto answer) {
    const bool is_outdated = std::exchange(unknown_[process_guid], false);
    unknown_.erase(process_guid);
    if (!answer) {
      logger_.error("failed-getting-scheduling-infos", answer.error().cause,
                    {{"process-guid", process_guid}});
      return sync();
    }
    if (is_outdated) {
      if (table_.knows(process_guid)) fetch_unknown(process_guid);
      return;
    }
    for (const models::DesiredLRP& lrp : answer->desired_lrps()) {
      if (lrp.process_guid() == process_guid) put_desired(lrp);
    }
    flush();
  });
}

}  // namespace causeway::route_emitter
