#include "diego/bbs_events.h"

#include <utility>

#include "diego/base64.h"

namespace causeway::diego {

namespace {

template <class Event>
constexpr std::string_view event_type();
template <>
constexpr std::string_view event_type<models::DesiredLRPCreatedEvent>() {
  return "desired_lrp_created";
}
template <>
constexpr std::string_view event_type<models::DesiredLRPChangedEvent>() {
  return "desired_lrp_changed";
}
template <>
constexpr std::string_view event_type<models::DesiredLRPRemovedEvent>() {
  return "desired_lrp_removed";
}
template <>
constexpr std::string_view event_type<models::ActualLRPInstanceCreatedEvent>() {
  return "actual_lrp_instance_created";
}
template <>
constexpr std::string_view event_type<models::ActualLRPInstanceChangedEvent>() {
  return "actual_lrp_instance_changed";
}
template <>
constexpr std::string_view event_type<models::ActualLRPInstanceRemovedEvent>() {
  return "actual_lrp_instance_removed";
}
template <>
constexpr std::string_view event_type<models::ActualLRPCrashedEvent>() {
  return "actual_lrp_crashed";
}
template <>
constexpr std::string_view event_type<models::TaskCreatedEvent>() {
  return "task_created";
}
template <>
constexpr std::string_view event_type<models::TaskChangedEvent>() {
  return "task_changed";
}
template <>
constexpr std::string_view event_type<models::TaskRemovedEvent>() {
  return "task_removed";
}

Error bad_event(std::string_view type, std::string_view reason) {
  return {.fault = Fault::protocol,
          .side = Side::backend,
          .detail = "event " + std::string(type) + ": " + std::string(reason)};
}

template <size_t I = 0, class Variant>
Result<std::optional<Variant>> decode_event(std::string_view type, std::string_view data,
                                            Variant&& event = {}) {
  if constexpr (I == std::variant_size_v<Variant>) {
    return std::optional<Variant>{};
  } else {
    using Event = std::variant_alternative_t<I, Variant>;
    if (type != event_type<Event>())
      return decode_event<I + 1, Variant>(type, data, std::move(event));
    const auto bytes = base64_decode(data);
    if (!bytes) return bad_event(type, "data is not base64");
    if (!event.template emplace<I>().ParseFromString(*bytes))
      return bad_event(type, "data is not its message");
    return std::optional<Variant>(std::move(event));
  }
}

template <class Variant>
std::pair<std::string_view, std::string> encode_any(const Variant& event) {
  return std::visit(
      [](const auto& message) -> std::pair<std::string_view, std::string> {
        return {event_type<std::remove_cvref_t<decltype(message)>>(),
                base64_encode(message.SerializeAsString())};
      },
      event);
}

template <class Event, class Decode>
EventFeed::OnEvent decoding(Decode decode, std::function<void(const Event&)> on_event) {
  return [decode, on_event = std::move(on_event)](std::string_view type,
                                                  std::string_view data) -> Result<void> {
    auto event = decode(type, data);
    if (!event) return std::move(event).error();
    if (*event) on_event(**event);
    return {};
  };
}

}  // namespace

Result<std::optional<LrpEvent>> decode_lrp_event(std::string_view type, std::string_view data) {
  return decode_event<0, LrpEvent>(type, data);
}

Result<std::optional<TaskEvent>> decode_task_event(std::string_view type, std::string_view data) {
  return decode_event<0, TaskEvent>(type, data);
}

std::pair<std::string_view, std::string> encode_event(const LrpEvent& event) {
  return encode_any(event);
}

std::pair<std::string_view, std::string> encode_event(const TaskEvent& event) {
  return encode_any(event);
}

std::unique_ptr<EventFeed> follow_lrp_events(net::Loop& loop, const std::string& bbs_url,
                                             const std::string& cell_id, EventFeed::Options options,
                                             EventFeed::Events events,
                                             std::function<void(const LrpEvent&)> on_event) {
  models::EventsByCellId filter;
  filter.set_cell_id(cell_id);
  rpc::Call call{.url = bbs_url + "/v1/events/lrp_instances.r1",
                 .headers = {{"Content-Type", "application/x-protobuf"}},
                 .body = filter.SerializeAsString()};
  return std::make_unique<EventFeed>(loop, std::move(call), options, std::move(events),
                                     decoding<LrpEvent>(decode_lrp_event, std::move(on_event)));
}

std::unique_ptr<EventFeed> follow_task_events(net::Loop& loop, const std::string& bbs_url,
                                              EventFeed::Options options, EventFeed::Events events,
                                              std::function<void(const TaskEvent&)> on_event) {
  rpc::Call call{.url = bbs_url + "/v1/events/tasks.r1",
                 .headers = {{"Content-Type", "application/x-protobuf"}}};
  return std::make_unique<EventFeed>(loop, std::move(call), options, std::move(events),
                                     decoding<TaskEvent>(decode_task_event, std::move(on_event)));
}

}  // namespace causeway::diego
