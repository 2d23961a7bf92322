#include "cell/rep/cell_tags.h"

#include <charconv>

#include "json/json.h"

namespace causeway::rep {
namespace {

constexpr std::string_view kMetricPrefix = "metric/";

std::string list_text(const std::vector<std::string>& list) {
  json::Writer writer;
  writer.array();
  for (const std::string& one : list) writer.value(one);
  return writer.end().take();
}

std::vector<std::string> parse_list(const std::string& text) {
  std::vector<std::string> list;
  const Result<json::Document> document = json::Document::parse(text);
  if (!document) return list;
  const json::Node root = document->root();
  for (size_t i = 0; i < root.size(); ++i) list.emplace_back(root.at(i).string().value_or(""));
  return list;
}

std::string tag(const executor::Container& container, const std::string& name) {
  const auto found = container.tags.find(name);
  return found == container.tags.end() ? std::string() : found->second;
}

int32_t number_tag(const executor::Container& container, const std::string& name) {
  const std::string text = tag(container, name);
  int32_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

void put_demand(Tags& tags, const cf::Demand& demand) {
  tags["root_fs"] = demand.root_fs;
  tags["max_pids"] = std::to_string(demand.max_pids);
  tags["placement_tags"] = list_text(demand.placement_tags);
  tags["volume_drivers"] = list_text(demand.volume_drivers);
}

cf::Demand demand_of(const executor::Container& container) {
  cf::Demand demand;
  demand.memory_mb = static_cast<int32_t>(container.resources.memory_mb);
  demand.disk_mb = static_cast<int32_t>(container.resources.disk_mb);
  demand.max_pids = number_tag(container, "max_pids");
  demand.root_fs = tag(container, "root_fs");
  demand.placement_tags = parse_list(tag(container, "placement_tags"));
  demand.volume_drivers = parse_list(tag(container, "volume_drivers"));
  return demand;
}

}  // namespace

Tags tags_of(const cf::LrpWork& work) {
  Tags tags{{"lifecycle", "lrp"},
            {"process_guid", work.process_guid},
            {"index", std::to_string(work.index)},
            {"domain", work.domain}};
  put_demand(tags, work.demand);
  return tags;
}

Tags tags_of(const cf::TaskWork& work) {
  Tags tags{{"lifecycle", "task"}, {"domain", work.domain}};
  put_demand(tags, work.demand);
  return tags;
}

Lifecycle lifecycle_of(const executor::Container& container) {
  return tag(container, "lifecycle") == "task" ? Lifecycle::task : Lifecycle::lrp;
}

cf::LrpWork lrp_of(const executor::Container& container) {
  cf::LrpWork work;
  work.process_guid = tag(container, "process_guid");
  work.index = number_tag(container, "index");
  work.domain = tag(container, "domain");
  work.instance_guid = container.guid;
  work.demand = demand_of(container);
  switch (container.state) {
    case executor::State::reserved:
    case executor::State::initializing:
    case executor::State::created:
      work.state = "CLAIMED";
      break;
    case executor::State::running:
      work.state = "RUNNING";
      break;
    case executor::State::completed:
      work.state = container.result.failed ? "CRASHED" : "SHUTDOWN";
      break;
  }
  return work;
}

cf::TaskWork task_of(const executor::Container& container) {
  cf::TaskWork work;
  work.task_guid = container.guid;
  work.domain = tag(container, "domain");
  work.demand = demand_of(container);
  switch (container.state) {
    case executor::State::reserved:
    case executor::State::initializing:
    case executor::State::created:
    case executor::State::running:
      work.state = "Running";
      break;
    case executor::State::completed:
      work.state = "Completed";
      break;
  }
  work.failed = container.result.failed;
  return work;
}

models::ActualLRPKey lrp_key_of(const executor::Container& container) {
  models::ActualLRPKey key;
  key.set_process_guid(tag(container, "process_guid"));
  key.set_index(number_tag(container, "index"));
  key.set_domain(tag(container, "domain"));
  return key;
}

void put_metric_tags(Tags& tags, const std::map<std::string, std::string>& metric_tags) {
  std::erase_if(tags, [](const auto& tag) { return tag.first.starts_with(kMetricPrefix); });
  for (const auto& [name, value] : metric_tags) tags[std::string(kMetricPrefix) + name] = value;
}

std::map<std::string, std::string> metric_tags_of(const executor::Container& container) {
  std::map<std::string, std::string> found;
  for (const auto& [name, value] : container.tags) {
    if (name.starts_with(kMetricPrefix)) found[name.substr(kMetricPrefix.size())] = value;
  }
  return found;
}

void put_internal_hostnames(Tags& tags, const std::vector<std::string>& hostnames) {
  tags["internal_hostnames"] = list_text(hostnames);
}

std::vector<std::string> internal_hostnames_of(const executor::Container& container) {
  return parse_list(tag(container, "internal_hostnames"));
}

}  // namespace causeway::rep
