#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "diego/event_feed.h"
#include "events.pb.h"

namespace causeway::diego {

// What /v1/events/lrp_instances.r1 carries.
using LrpEvent = std::variant<models::DesiredLRPCreatedEvent, models::DesiredLRPChangedEvent,
                              models::DesiredLRPRemovedEvent, models::ActualLRPInstanceCreatedEvent,
                              models::ActualLRPInstanceChangedEvent,
                              models::ActualLRPInstanceRemovedEvent, models::ActualLRPCrashedEvent>;
// What /v1/events/tasks.r1 carries.
using TaskEvent =
    std::variant<models::TaskCreatedEvent, models::TaskChangedEvent, models::TaskRemovedEvent>;

// Nothing for a type that is not in the list (a newer BBS may have more); Fault::protocol for data
// that does not decode.
Result<std::optional<LrpEvent>> decode_lrp_event(std::string_view type, std::string_view data);
Result<std::optional<TaskEvent>> decode_task_event(std::string_view type, std::string_view data);
// The type and data of an event as sent: "actual_lrp_crashed" and base64.
std::pair<std::string_view, std::string> encode_event(const LrpEvent& event);
std::pair<std::string_view, std::string> encode_event(const TaskEvent& event);

// The LRP events of one cell, or of all when `cell_id` is empty; see EventFeed.
std::unique_ptr<EventFeed> follow_lrp_events(net::Loop& loop, const std::string& bbs_url,
                                             const std::string& cell_id, EventFeed::Options options,
                                             EventFeed::Events events,
                                             std::function<void(const LrpEvent&)> on_event);
std::unique_ptr<EventFeed> follow_task_events(net::Loop& loop, const std::string& bbs_url,
                                              EventFeed::Options options, EventFeed::Events events,
                                              std::function<void(const TaskEvent&)> on_event);

}  // namespace causeway::diego
