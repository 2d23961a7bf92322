#include "control/converge/drift.h"

#include <algorithm>

#include "json/json.h"

namespace causeway::converge {

std::vector<std::string> internal_hostnames(const models::ProtoRoutes& routes) {
  std::vector<std::string> names;
  const auto route = routes.routes().find("internal-router");
  if (route == routes.routes().end()) return names;
  const auto document = json::Document::parse(route->second);
  if (!document) return names;
  const json::Node root = document->root();
  for (size_t i = 0; i < root.size(); ++i) {
    if (const auto name = root.at(i)["hostname"].string()) names.emplace_back(*name);
  }
  return names;
}

std::map<std::string, std::string> metric_tags_of(const models::DesiredLRP& scheduling,
                                                  const models::ActualLRP& instance) {
  std::map<std::string, std::string> tags;
  for (const auto& [name, value] : scheduling.metric_tags()) {
    switch (value.dynamic()) {
      case models::MetricTagValue::INDEX:
        tags[name] = std::to_string(instance.actual_lrp_key().index());
        break;
      case models::MetricTagValue::INSTANCE_GUID:
        tags[name] = instance.actual_lrp_instance_key().instance_guid();
        break;
      default:
        tags[name] = value.static_();
    }
  }
  return tags;
}

bool has_drifted(const models::DesiredLRP& scheduling, const models::ActualLRP& instance) {
  std::vector<std::string> wanted = internal_hostnames(scheduling.routes());
  std::vector<std::string> have;
  for (const auto& route : instance.actual_lrp_internal_routes()) have.push_back(route.hostname());
  std::sort(wanted.begin(), wanted.end());
  std::sort(have.begin(), have.end());
  if (wanted != have) return true;
  const auto tags = metric_tags_of(scheduling, instance);
  return tags != std::map<std::string, std::string>(instance.metric_tags().begin(),
                                                    instance.metric_tags().end());
}

}  // namespace causeway::converge
