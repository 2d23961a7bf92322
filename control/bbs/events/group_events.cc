#include "control/bbs/events/group_events.h"

#include <algorithm>
#include <utility>

#include "cf/models/models.h"
#include "control/bbs/rules/lrp_rules.h"

namespace causeway::bbs {

namespace {

models::ActualLRPGroup as_group(const models::ActualLRP& row) {
  models::ActualLRPGroup group;
  auto& place = row.presence() == models::ActualLRP::EVACUATING ? *group.mutable_evacuating()
                                                                : *group.mutable_instance();
  place = row;
  cf::set_always_written(place);
  return group;
}

GroupEvent group_created(const models::ActualLRP& row) {
  models::ActualLRPCreatedEvent event;
  *event.mutable_actual_lrp_group() = as_group(row);
  return event;
}

GroupEvent group_removed(const models::ActualLRP& row) {
  models::ActualLRPRemovedEvent event;
  *event.mutable_actual_lrp_group() = as_group(row);
  return event;
}

GroupEvent group_changed(const models::ActualLRP& before, const models::ActualLRP& after) {
  models::ActualLRPChangedEvent event;
  *event.mutable_before() = as_group(before);
  *event.mutable_after() = as_group(after);
  return event;
}

struct Sequence {
  std::vector<GroupEvent> running, rest;

  void add(const models::ActualLRP& after, GroupEvent event) {
    (after.state() == cf::kRunning ? running : rest).push_back(std::move(event));
  }
  void add_place(const std::optional<models::ActualLRP>& before,
                 const std::optional<models::ActualLRP>& after) {
    if (!before && !after) return;
    if (!before) return add(*after, group_created(*after));
    if (!after) return rest.push_back(group_removed(*before));
    if (same_message(*before, *after)) return;
    const bool is_placed = after->state() == cf::kClaimed || after->state() == cf::kRunning;
    const bool is_another =
        has_instance(*before) &&
        !same_instance(before->actual_lrp_instance_key(), after->actual_lrp_instance_key());
    if (!is_placed || !is_another) return add(*after, group_changed(*before, *after));
    add(*after, group_created(*after));
    rest.push_back(group_removed(*before));
  }
};

bool is_on(const models::ActualLRPGroup& group, std::string_view cell_id) {
  return group.instance().actual_lrp_instance_key().cell_id() == cell_id ||
         group.evacuating().actual_lrp_instance_key().cell_id() == cell_id;
}

}  // namespace

const std::optional<models::ActualLRP>& shown_instance(const IndexRows& rows) {
  const bool running = rows.ordinary && rows.ordinary->state() == cf::kRunning;
  return rows.suspect && !running ? rows.suspect : rows.ordinary;
}

std::vector<GroupEvent> group_events(const IndexRows& before, const IndexRows& after) {
  Sequence events;
  events.add_place(shown_instance(before), shown_instance(after));
  events.add_place(before.evacuating, after.evacuating);
  events.running.insert(events.running.end(), std::make_move_iterator(events.rest.begin()),
                        std::make_move_iterator(events.rest.end()));
  return std::move(events.running);
}

std::string_view event_name(const GroupEvent& event) {
  constexpr std::string_view kNames[] = {"actual_lrp_created", "actual_lrp_changed",
                                         "actual_lrp_removed"};
  static_assert(std::size(kNames) == std::variant_size_v<GroupEvent>);
  return kNames[event.index()];
}

std::string encode_event(const GroupEvent& event) {
  return std::visit([](const auto& message) { return cf::encode(message); }, event);
}

bool concerns_cell(const GroupEvent& event, std::string_view cell_id) {
  if (cell_id.empty()) return true;
  if (const auto* changed = std::get_if<models::ActualLRPChangedEvent>(&event))
    return is_on(changed->before(), cell_id) || is_on(changed->after(), cell_id);
  if (const auto* created = std::get_if<models::ActualLRPCreatedEvent>(&event))
    return is_on(created->actual_lrp_group(), cell_id);
  return is_on(std::get<models::ActualLRPRemovedEvent>(event).actual_lrp_group(), cell_id);
}

}  // namespace causeway::bbs
