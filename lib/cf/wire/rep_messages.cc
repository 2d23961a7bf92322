#include "cf/wire/rep_messages.h"

#include <array>
#include <utility>

#include "cf/wire/wire_parts.h"

namespace causeway::cf {

namespace {

constexpr std::array<std::string_view, 5> kTaskStates{"Invalid", "Pending", "Running", "Completed",
                                                      "Resolving"};

void write_resources(json::Writer& writer, std::string_view key, const CellResources& resources) {
  writer.key(key).object();
  writer.member("MemoryMB", resources.memory_mb).member("DiskMB", resources.disk_mb);
  writer.member("Containers", resources.containers).end();
}

void read_resources(const JsonFields& fields, CellResources& resources) {
  fields.read("MemoryMB", resources.memory_mb);
  fields.read("DiskMB", resources.disk_mb);
  fields.read("Containers", resources.containers);
}

void write_lrp(json::Writer& writer, const LrpWork& lrp) {
  writer.object()
      .member("instance_guid", lrp.instance_guid)
      .member("process_guid", lrp.process_guid);
  writer.member("index", lrp.index).member("domain", lrp.domain);
  write_demand(writer, lrp.demand);
  writer.member("state", lrp.state).end();
}

LrpWork read_lrp(const JsonFields& fields) {
  LrpWork lrp;
  fields.read("process_guid", lrp.process_guid);
  fields.read("index", lrp.index);
  fields.read("domain", lrp.domain);
  fields.read("instance_guid", lrp.instance_guid);
  read_demand(fields, lrp.demand);
  fields.read("state", lrp.state);
  return lrp;
}

void write_providers(json::Writer& writer, const RootFsProviders& providers) {
  writer.key("RootFSProviders").object();
  for (const auto& [scheme, provider] : providers) {
    writer.key(scheme).object();
    if (provider.is_arbitrary) {
      writer.member("type", "arbitrary");
    } else {
      writer.member("type", "fixed_set").key("set").object();
      for (const std::string& name : provider.names) writer.key(name).object().end();
      writer.end();
    }
    writer.end();
  }
  writer.end();
}

void read_provider(const JsonFields& fields, RootFsProvider& provider) {
  std::string type;
  fields.read("type", type);
  if (type == "arbitrary") {
    provider.is_arbitrary = true;
  } else if (type == "fixed_set") {
    fields.each_member(
        "set", [&](const std::string& name, const JsonFields&) { provider.names.insert(name); });
  } else {
    fields.note("type", "not arbitrary or fixed_set");
  }
}

template <class Message, class Read>
Result<Message> parse_object(std::string_view text, Read read) {
  auto document = json::Document::parse(text);
  if (!document) return std::move(document).error();
  WireFault fault;
  if (!document->root().is_object()) fault.note("", "", "not an object");
  Message message;
  read(JsonFields(document->root(), "", fault), message);
  if (!fault.is_empty()) return fault.error();
  return message;
}

void read_works(const JsonFields& fields, std::vector<LrpWork>& lrps,
                std::vector<TaskWork>& tasks) {
  fields.each("LRPs", [&](const JsonFields& lrp) { lrps.push_back(read_lrp(lrp)); });
  fields.each("Tasks", [&](const JsonFields& task) { tasks.push_back(read_task(task)); });
}

void write_works(json::Writer& writer, const std::vector<LrpWork>& lrps,
                 const std::vector<TaskWork>& tasks) {
  writer.key("LRPs").array();
  for (const LrpWork& lrp : lrps) write_lrp(writer, lrp);
  writer.end().key("Tasks").array();
  for (const TaskWork& task : tasks) write_task(writer, task);
  writer.end();
}

}  // namespace

void write_strings(json::Writer& writer, std::string_view key,
                   const std::vector<std::string>& strings) {
  writer.key(key).array();
  for (const std::string& text : strings) writer.value(text);
  writer.end();
}

void write_demand(json::Writer& writer, const Demand& demand) {
  write_strings(writer, "PlacementTags", demand.placement_tags);
  write_strings(writer, "VolumeDrivers", demand.volume_drivers);
  writer.member("RootFs", demand.root_fs).member("MemoryMB", demand.memory_mb);
  writer.member("DiskMB", demand.disk_mb).member("MaxPids", demand.max_pids);
}

void read_demand(const JsonFields& fields, Demand& demand) {
  fields.read("PlacementTags", demand.placement_tags, "placement_tags");
  fields.read("VolumeDrivers", demand.volume_drivers, "volume_drivers");
  fields.read("RootFs", demand.root_fs, "rootfs");
  fields.read("MemoryMB", demand.memory_mb, "memory_mb");
  fields.read("DiskMB", demand.disk_mb, "disk_mb");
  fields.read("MaxPids", demand.max_pids, "max_pids");
}

void write_task(json::Writer& writer, const TaskWork& task) {
  writer.object().member("TaskGuid", task.task_guid).member("Domain", task.domain);
  write_demand(writer, task.demand);
  writer.member("state", task.state.empty() ? kTaskStates[0] : std::string_view(task.state));
  writer.member("failed", task.failed).end();
}

TaskWork read_task(const JsonFields& fields) {
  TaskWork task;
  fields.read("TaskGuid", task.task_guid, "task_guid");
  fields.read("Domain", task.domain, "domain");
  read_demand(fields, task.demand);
  // A name in today's Diego, a number in older ones.
  if (const auto number = fields.node("state").unsigned_integer();
      number && *number < kTaskStates.size()) {
    task.state = kTaskStates[*number];
  } else {
    fields.read("state", task.state);
  }
  if (task.state == kTaskStates[0]) task.state.clear();
  fields.read("failed", task.failed);
  return task;
}

bool provides_root_fs(const RootFsProviders& providers, std::string_view root_fs) {
  const size_t colon = root_fs.find(':');
  if (colon == std::string_view::npos) return false;
  const auto found = providers.find(std::string(root_fs.substr(0, colon)));
  if (found == providers.end()) return false;
  if (found->second.is_arbitrary) return true;
  std::string_view name = root_fs.substr(colon + 1);
  name = name.substr(0, name.find_first_of("?#"));
  return found->second.names.contains(std::string(name));
}

std::string to_json(const CellState& state) {
  json::Writer writer;
  writer.object().member("rep_url", state.rep_url).member("cell_id", state.cell_id);
  writer.member("cell_index", state.cell_index);
  write_providers(writer, state.root_fs_providers);
  write_resources(writer, "AvailableResources", state.available);
  write_resources(writer, "TotalResources", state.total);
  write_works(writer, state.lrps, state.tasks);
  writer.member("StartingContainerCount", state.starting_containers).member("Zone", state.zone);
  writer.member("Evacuating", state.is_evacuating);
  write_strings(writer, "VolumeDrivers", state.volume_drivers);
  write_strings(writer, "PlacementTags", state.placement_tags);
  write_strings(writer, "OptionalPlacementTags", state.optional_placement_tags);
  writer.member("ProxyMemoryAllocationMB", state.proxy_memory_mb).end();
  return writer.take();
}

Result<CellState> parse_cell_state(std::string_view json) {
  return parse_object<CellState>(json, [](const JsonFields& fields, CellState& state) {
    fields.read("rep_url", state.rep_url);
    fields.read("cell_id", state.cell_id);
    fields.read("cell_index", state.cell_index);
    fields.each_member("RootFSProviders",
                       [&](const std::string& scheme, const JsonFields& provider) {
                         read_provider(provider, state.root_fs_providers[scheme]);
                       });
    read_resources(fields.object("AvailableResources"), state.available);
    read_resources(fields.object("TotalResources"), state.total);
    read_works(fields, state.lrps, state.tasks);
    fields.read("StartingContainerCount", state.starting_containers);
    fields.read("Zone", state.zone);
    fields.read("Evacuating", state.is_evacuating);
    fields.read("VolumeDrivers", state.volume_drivers);
    fields.read("PlacementTags", state.placement_tags);
    fields.read("OptionalPlacementTags", state.optional_placement_tags);
    fields.read("ProxyMemoryAllocationMB", state.proxy_memory_mb);
  });
}

std::string to_json(const Work& work) {
  json::Writer writer;
  writer.object();
  write_works(writer, work.lrps, work.tasks);
  if (!work.cell_id.empty()) writer.member("cell_id", work.cell_id);
  writer.end();
  return writer.take();
}

Result<Work> parse_work(std::string_view json) {
  return parse_object<Work>(json, [](const JsonFields& fields, Work& work) {
    read_works(fields, work.lrps, work.tasks);
    fields.read("cell_id", work.cell_id);
  });
}

std::string to_json(const LrpUpdate& update) {
  json::Writer writer;
  writer.object()
      .member("instance_guid", update.instance_guid)
      .member("process_guid", update.process_guid);
  writer.member("index", update.index)
      .member("domain", update.domain)
      .key("internal_routes")
      .array();
  for (const std::string& hostname : update.internal_hostnames)
    writer.object().member("hostname", hostname).end();
  writer.end().key("metric_tags").object();
  for (const auto& [name, value] : update.metric_tags) writer.member(name, value);
  writer.end().end();
  return writer.take();
}

Result<LrpUpdate> parse_lrp_update(std::string_view json) {
  return parse_object<LrpUpdate>(json, [](const JsonFields& fields, LrpUpdate& update) {
    fields.read("instance_guid", update.instance_guid);
    fields.read("process_guid", update.process_guid);
    fields.read("index", update.index);
    fields.read("domain", update.domain);
    fields.each("internal_routes", [&](const JsonFields& route) {
      std::string hostname;
      route.read("hostname", hostname);
      update.internal_hostnames.push_back(std::move(hostname));
    });
    fields.read("metric_tags", update.metric_tags);
  });
}

}  // namespace causeway::cf
