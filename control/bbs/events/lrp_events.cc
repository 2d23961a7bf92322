#include "control/bbs/events/lrp_events.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "cf/models/models.h"

namespace causeway::bbs {

namespace {

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

models::ActualLRPInfo without_identity(const models::ActualLRP& row) {
  models::ActualLRPInfo info;
  *info.mutable_actual_lrp_net_info() = row.actual_lrp_net_info();
  info.set_crash_count(row.crash_count());
  info.set_crash_reason(row.crash_reason());
  info.set_state(row.state());
  info.set_placement_error(row.placement_error());
  info.set_since(row.since());
  *info.mutable_modification_tag() = row.modification_tag();
  info.set_presence(row.presence());
  if (row.has_routable()) info.set_routable(row.routable());
  info.set_availability_zone(row.availability_zone());
  return info;
}

// A row before and after; one of them may be missing.
struct RowPair {
  const models::ActualLRP* before = nullptr;
  const models::ActualLRP* after = nullptr;
};

// The same instance is the same row even if its presence changed; what is left is matched by
// presence.
std::vector<RowPair> match(const IndexRows& before, const IndexRows& after) {
  std::vector<RowPair> pairs;
  std::vector<const models::ActualLRP*> old_rows, new_rows;
  for (const Presence presence : kPresences) {
    if (before.of(presence)) old_rows.push_back(&*before.of(presence));
    if (after.of(presence)) new_rows.push_back(&*after.of(presence));
  }
  const auto pair_up = [&](auto same) {
    for (auto& old_row : old_rows) {
      for (auto& new_row : new_rows) {
        if (old_row == nullptr || new_row == nullptr || !same(*old_row, *new_row)) continue;
        pairs.push_back({std::exchange(old_row, nullptr), std::exchange(new_row, nullptr)});
      }
    }
  };
  pair_up([](const auto& a, const auto& b) {
    return has_instance(a) &&
           same_instance(a.actual_lrp_instance_key(), b.actual_lrp_instance_key());
  });
  pair_up([](const auto& a, const auto& b) { return a.presence() == b.presence(); });
  for (const auto* row : new_rows)
    if (row != nullptr) pairs.push_back({nullptr, row});
  for (const auto* row : old_rows)
    if (row != nullptr) pairs.push_back({row, nullptr});
  return pairs;
}

LrpEvent created(const models::ActualLRP& row, const std::string& trace_id) {
  models::ActualLRPInstanceCreatedEvent event;
  *event.mutable_actual_lrp() = row;
  event.set_trace_id(trace_id);
  return event;
}

LrpEvent removed(const models::ActualLRP& row, const std::string& trace_id) {
  models::ActualLRPInstanceRemovedEvent event;
  *event.mutable_actual_lrp() = row;
  event.set_trace_id(trace_id);
  return event;
}

LrpEvent changed(const models::ActualLRP& before, const models::ActualLRP& after,
                 const std::string& trace_id) {
  models::ActualLRPInstanceChangedEvent event;
  *event.mutable_actual_lrp_key() = after.actual_lrp_key();
  *event.mutable_actual_lrp_instance_key() =
      (has_instance(after) ? after : before).actual_lrp_instance_key();
  *event.mutable_before() = without_identity(before);
  *event.mutable_after() = without_identity(after);
  event.set_trace_id(trace_id);
  return event;
}

void desired_events(const ProcessState& before, const ProcessState& after,
                    const std::string& trace_id, std::vector<LrpEvent>& events) {
  const auto whole = [](const ProcessState& state) {
    return join_desired(*state.scheduling, state.run ? *state.run : models::DesiredLRP());
  };
  if (!before.scheduling && after.scheduling) {
    models::DesiredLRPCreatedEvent event;
    *event.mutable_desired_lrp() = whole(after);
    event.set_trace_id(trace_id);
    events.emplace_back(std::move(event));
  } else if (before.scheduling && !after.scheduling) {
    models::DesiredLRPRemovedEvent event;
    *event.mutable_desired_lrp() = whole(before);
    event.set_trace_id(trace_id);
    events.emplace_back(std::move(event));
  } else if (before.scheduling && !same_message(*before.scheduling, *after.scheduling)) {
    models::DesiredLRPChangedEvent event;
    *event.mutable_before() = whole(before);
    *event.mutable_after() = whole(after);
    event.set_trace_id(trace_id);
    events.emplace_back(std::move(event));
  }
}

}  // namespace

std::vector<LrpEvent> index_events(const IndexRows& before, const IndexRows& after,
                                   const std::string& trace_id) {
  std::vector<LrpEvent> running, rest;
  for (const RowPair& pair : match(before, after)) {
    if (pair.before == nullptr) {
      auto& events = pair.after->state() == cf::kRunning ? running : rest;
      events.push_back(created(*pair.after, trace_id));
    } else if (pair.after == nullptr) {
      rest.push_back(removed(*pair.before, trace_id));
    } else if (has_instance(*pair.before) && pair.after->state() == cf::kUnclaimed) {
      // Another instance will be there in its place.
      rest.push_back(created(*pair.after, trace_id));
      rest.push_back(removed(*pair.before, trace_id));
    } else if (!same_message(*pair.before, *pair.after)) {
      auto& events = pair.after->state() == cf::kRunning ? running : rest;
      events.push_back(changed(*pair.before, *pair.after, trace_id));
    }
  }
  running.insert(running.end(), std::make_move_iterator(rest.begin()),
                 std::make_move_iterator(rest.end()));
  return running;
}

std::vector<LrpEvent> events_of(const ProcessState& before, const Verdict& verdict,
                                const std::string& trace_id) {
  std::vector<LrpEvent> events;
  desired_events(before, verdict.after, trace_id, events);
  for (const auto& crashed : verdict.crashed) events.emplace_back(crashed);
  static const IndexRows none;
  for (const auto& [index, rows] : verdict.after.indexes) {
    const auto old = before.indexes.find(index);
    for (auto& event :
         index_events(old == before.indexes.end() ? none : old->second, rows, trace_id))
      events.push_back(std::move(event));
  }
  return events;
}

std::string_view event_name(const LrpEvent& event) {
  constexpr std::string_view kNames[] = {
      "desired_lrp_created",         "desired_lrp_changed",         "desired_lrp_removed",
      "actual_lrp_instance_created", "actual_lrp_instance_changed", "actual_lrp_instance_removed",
      "actual_lrp_crashed"};
  static_assert(std::size(kNames) == std::variant_size_v<LrpEvent>);
  return kNames[event.index()];
}

std::string encode_event(const LrpEvent& event) {
  return std::visit(Overloaded{[](models::ActualLRPInstanceChangedEvent message) {
                                 cf::set_always_written(message);
                                 return cf::encode(message);
                               },
                               [](models::ActualLRPCrashedEvent message) {
                                 cf::set_always_written(message);
                                 return cf::encode(message);
                               },
                               [](const auto& message) { return cf::encode(message); }},
                    event);
}

bool concerns_cell(const LrpEvent& event, std::string_view cell_id) {
  if (cell_id.empty()) return true;
  return std::visit(
      Overloaded{
          [&](const models::ActualLRPInstanceCreatedEvent& message) {
            return message.actual_lrp().actual_lrp_instance_key().cell_id() == cell_id;
          },
          [&](const models::ActualLRPInstanceRemovedEvent& message) {
            return message.actual_lrp().actual_lrp_instance_key().cell_id() == cell_id;
          },
          [&](const models::ActualLRPInstanceChangedEvent& message) {
            return message.actual_lrp_instance_key().cell_id() == cell_id;
          },
          [&](const models::ActualLRPCrashedEvent& message) {
            return message.actual_lrp_instance_key().cell_id() == cell_id;
          },
          [](const auto&) { return true; },
      },
      event);
}

}  // namespace causeway::bbs
