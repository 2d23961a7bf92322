#include "tools/causeway/event_line.h"

#include <variant>

#include "cf/models/models.h"
#include "diego/bbs_events.h"
#include "json/json.h"

namespace causeway::cli {
namespace {

// What an event tells, whatever its type. Empty parts are left out.
struct Summary {
  std::string name;    // process or task guid, with "/index" for instances
  std::string before;  // states, or instance counts
  std::string after;
  std::string cell;
  std::string reason;
};

std::string instance_name(const models::ActualLRPKey& key) {
  return key.process_guid() + "/" + std::to_string(key.index());
}

Summary of(const models::DesiredLRPCreatedEvent& event) {
  return {.name = event.desired_lrp().process_guid(),
          .before = {},
          .after = std::to_string(event.desired_lrp().instances()) + " instances",
          .cell = {},
          .reason = {}};
}

Summary of(const models::DesiredLRPChangedEvent& event) {
  return {.name = event.after().process_guid(),
          .before = std::to_string(event.before().instances()) + " instances",
          .after = std::to_string(event.after().instances()) + " instances",
          .cell = {},
          .reason = {}};
}

Summary of(const models::DesiredLRPRemovedEvent& event) {
  return {.name = event.desired_lrp().process_guid(),
          .before = {},
          .after = {},
          .cell = {},
          .reason = {}};
}

Summary of_instance(const models::ActualLRP& lrp) {
  return {.name = instance_name(lrp.actual_lrp_key()),
          .before = {},
          .after = lrp.state(),
          .cell = lrp.actual_lrp_instance_key().cell_id(),
          .reason = lrp.placement_error()};
}

Summary of(const models::ActualLRPInstanceCreatedEvent& event) {
  return of_instance(event.actual_lrp());
}
Summary of(const models::ActualLRPInstanceRemovedEvent& event) {
  return of_instance(event.actual_lrp());
}

Summary of(const models::ActualLRPInstanceChangedEvent& event) {
  return {.name = instance_name(event.actual_lrp_key()),
          .before = event.before().state(),
          .after = event.after().state(),
          .cell = event.actual_lrp_instance_key().cell_id(),
          .reason = event.after().placement_error()};
}

Summary of(const models::ActualLRPCrashedEvent& event) {
  return {.name = instance_name(event.actual_lrp_key()),
          .before = {},
          .after = "crash " + std::to_string(event.crash_count()),
          .cell = event.actual_lrp_instance_key().cell_id(),
          .reason = event.crash_reason()};
}

Summary of_task(const models::Task& task) {
  return {.name = task.task_guid(),
          .before = {},
          .after = models::Task::State_Name(task.state()),
          .cell = task.cell_id(),
          .reason = task.failure_reason()};
}

Summary of(const models::TaskCreatedEvent& event) { return of_task(event.task()); }
Summary of(const models::TaskRemovedEvent& event) { return of_task(event.task()); }

Summary of(const models::TaskChangedEvent& event) {
  Summary summary = of_task(event.after());
  summary.before = models::Task::State_Name(event.before().state());
  return summary;
}

// An event of either stream; false when it cannot be read or is of a type we do not know.
bool summarise(std::string_view type, std::string_view data, Summary& summary) {
  const auto take = [&summary](const auto& event) { summary = of(event); };
  if (const auto event = diego::decode_lrp_event(type, data); !event || *event) {
    if (event) std::visit(take, **event);
    return event.has_value();
  }
  const auto event = diego::decode_task_event(type, data);
  if (!event || !*event) return false;
  std::visit(take, **event);
  return true;
}

std::string line_for_people(std::string_view type, const Summary& summary) {
  std::string line(type);
  line += " " + summary.name;
  if (!summary.before.empty()) line += " " + summary.before + " ->";
  if (!summary.after.empty()) line += " " + summary.after;
  if (!summary.cell.empty()) line += " on " + summary.cell;
  if (!summary.reason.empty()) line += ": " + summary.reason;
  return line;
}

}  // namespace

std::string event_line(std::string_view type, std::string_view data, bool json) {
  Summary summary;
  const bool readable = summarise(type, data, summary);
  if (!json)
    return readable ? line_for_people(type, summary) : std::string(type) + " (cannot be read)";
  json::Writer writer;
  writer.object().member("type", type);
  if (readable) {
    writer.member("name", summary.name);
    if (!summary.before.empty()) writer.member("before", summary.before);
    if (!summary.after.empty()) writer.member("after", summary.after);
    if (!summary.cell.empty()) writer.member("cell_id", summary.cell);
    if (!summary.reason.empty()) writer.member("reason", summary.reason);
  }
  return writer.member("data", data).end().take();
}

}  // namespace causeway::cli
