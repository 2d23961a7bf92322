#include "control/bbs/events/event_streams.h"

#include <initializer_list>
#include <utility>

#include "cf/models/models.h"
#include "control/bbs/events/group_events.h"
#include "control/bbs/events/lrp_events.h"
#include "control/bbs/rows/fold_layers.h"

namespace causeway::bbs {

namespace {

template <class Event>
auto for_cell_of(const Event& event) {
  return [&event](const std::string& cell) { return concerns_cell(event, cell); };
}

// In the old form; nothing to do for actual LRPs.
struct Folded {
  void operator()(models::DesiredLRPCreatedEvent& event) const {
    fold_layers(*event.mutable_desired_lrp());
  }
  void operator()(models::DesiredLRPRemovedEvent& event) const {
    fold_layers(*event.mutable_desired_lrp());
  }
  void operator()(models::DesiredLRPChangedEvent& event) const {
    fold_layers(*event.mutable_before());
    fold_layers(*event.mutable_after());
  }
  template <class Event>
  void operator()(Event&) const {}
};

bool is_of_desired(const LrpEvent& event) {
  return std::holds_alternative<models::DesiredLRPCreatedEvent>(event) ||
         std::holds_alternative<models::DesiredLRPChangedEvent>(event) ||
         std::holds_alternative<models::DesiredLRPRemovedEvent>(event);
}

// Grouped streams carry them too.
bool is_in_groups(const LrpEvent& event) {
  return is_of_desired(event) || std::holds_alternative<models::ActualLRPCrashedEvent>(event);
}

std::pair<std::string_view, std::string> task_event(const std::optional<models::Task>& before,
                                                    const std::optional<models::Task>& after) {
  if (before && after) {
    models::TaskChangedEvent event;
    *event.mutable_before() = *before;
    *event.mutable_after() = *after;
    return {"task_changed", cf::encode(event)};
  }
  if (after) {
    models::TaskCreatedEvent event;
    *event.mutable_task() = *after;
    return {"task_created", cf::encode(event)};
  }
  models::TaskRemovedEvent event;
  *event.mutable_task() = *before;
  return {"task_removed", cf::encode(event)};
}

std::optional<models::Task> folded(std::optional<models::Task> task) {
  if (task) fold_layers(*task);
  return task;
}

}  // namespace

void EventStreams::subscribe(Kind kind, std::unique_ptr<rpc::Responder::EventStream> stream,
                             std::string cell_id) {
  hub(kind).subscribe(std::move(stream), std::move(cell_id));
}

void EventStreams::publish(const ProcessState& before, const Verdict& part,
                           const std::string& trace_id) {
  const bool has_new = has_subscribers(Kind::instances) || has_subscribers(Kind::groups);
  const bool has_old = has_subscribers(Kind::instances_r0) || has_subscribers(Kind::groups_r0);
  if (!has_new && !has_old) return;
  for (auto& event : events_of(before, part, trace_id)) {
    const std::string_view name = event_name(event);
    const auto concerns = for_cell_of(event);
    std::string bytes = encode_event(event);
    hub(Kind::instances).publish(name, bytes, concerns);
    if (is_in_groups(event)) hub(Kind::groups).publish(name, bytes, concerns);
    if (!has_old) continue;
    if (is_of_desired(event)) {
      std::visit(Folded(), event);
      bytes = encode_event(event);
    }
    hub(Kind::instances_r0).publish(name, bytes, concerns);
    if (is_in_groups(event)) hub(Kind::groups_r0).publish(name, bytes, concerns);
  }
  if (has_subscribers(Kind::groups) || has_subscribers(Kind::groups_r0))
    publish_groups(before, part);
}

void EventStreams::publish_groups(const ProcessState& before, const Verdict& part) {
  static const IndexRows none;
  for (const auto& [index, rows] : part.after.indexes) {
    const auto old = before.indexes.find(index);
    for (const auto& event : group_events(old == before.indexes.end() ? none : old->second, rows)) {
      const std::string bytes = encode_event(event);
      for (const Kind kind : {Kind::groups, Kind::groups_r0})
        hub(kind).publish(event_name(event), bytes, for_cell_of(event));
    }
  }
}

void EventStreams::publish(const std::optional<models::Task>& before,
                           const std::optional<models::Task>& after) {
  const auto everybody = [](const std::string&) { return true; };
  if (has_subscribers(Kind::tasks)) {
    const auto [name, bytes] = task_event(before, after);
    hub(Kind::tasks).publish(name, bytes, everybody);
  }
  if (!has_subscribers(Kind::tasks_r0)) return;
  const auto [name, bytes] = task_event(folded(before), folded(after));
  hub(Kind::tasks_r0).publish(name, bytes, everybody);
}

void EventStreams::cut_all() {
  for (Hub& hub : hubs_) hub.cut_all();
}

size_t EventStreams::subscribers() const {
  size_t sum = 0;
  for (const Hub& hub : hubs_) sum += hub.subscribers();
  return sum;
}

uint64_t EventStreams::cut_off() const {
  uint64_t sum = 0;
  for (const Hub& hub : hubs_) sum += hub.cut_off();
  return sum;
}

}  // namespace causeway::bbs
