#pragma once

#include <string>
#include <variant>
#include <vector>

#include "control/bbs/rules/lrp_rules.h"
#include "events.pb.h"

// Which events a change of a process's rows amounts to: pure.
namespace causeway::bbs {

using LrpEvent = std::variant<models::DesiredLRPCreatedEvent, models::DesiredLRPChangedEvent,
                              models::DesiredLRPRemovedEvent, models::ActualLRPInstanceCreatedEvent,
                              models::ActualLRPInstanceChangedEvent,
                              models::ActualLRPInstanceRemovedEvent, models::ActualLRPCrashedEvent>;

// In the order in which subscribers must see them: the desired LRP first, then per index crashes,
// what ends RUNNING, the rest: a router never sees an old instance leave before the new one is
// there.
std::vector<LrpEvent> events_of(const ProcessState& before, const Verdict& verdict,
                                const std::string& trace_id);

// One index only, without crashes.
std::vector<LrpEvent> index_events(const IndexRows& before, const IndexRows& after,
                                   const std::string& trace_id);

// The event's name in a stream, and its message.
std::string_view event_name(const LrpEvent& event);
std::string encode_event(const LrpEvent& event);
// Does a subscriber that asked for one cell see it? Desired LRPs are seen by all.
bool concerns_cell(const LrpEvent& event, std::string_view cell_id);

}  // namespace causeway::bbs
