#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "control/bbs/rows/rows.h"
#include "events.pb.h"

// The events of the deprecated grouped streams, where an index has an instance and perhaps an
// evacuating one beside it: pure.
namespace causeway::bbs {

using GroupEvent = std::variant<models::ActualLRPCreatedEvent, models::ActualLRPChangedEvent,
                                models::ActualLRPRemovedEvent>;

// The instance as groups show it: a suspect one until another runs.
const std::optional<models::ActualLRP>& shown_instance(const IndexRows& rows);

// Of one index, without crashes; what ends RUNNING first. Losing the instance's identity is a
// change here, not a removal.
std::vector<GroupEvent> group_events(const IndexRows& before, const IndexRows& after);

std::string_view event_name(const GroupEvent& event);
std::string encode_event(const GroupEvent& event);
// Does a subscriber that asked for one cell see it? A change: if it was or is that cell's.
bool concerns_cell(const GroupEvent& event, std::string_view cell_id);

}  // namespace causeway::bbs
