#include "cell/rep/run_request.h"

#include "cell/rep/cell_tags.h"
#include "json/json.h"

namespace causeway::rep {
namespace {

void add_env(executor::RunRequest& request, std::string name, std::string value) {
  models::EnvironmentVariable& variable = request.env.emplace_back();
  variable.set_name(std::move(name));
  variable.set_value(std::move(value));
}

// Parts that DesiredLRP and TaskDefinition share by name.
template <class Definition>
Result<executor::RunRequest> common_request(const Definition& definition) {
  if (definition.cached_dependencies_size() > 0) {
    return Error{.fault = Fault::unsupported,
                 .detail = "cached dependencies are not supported yet"};
  }
  if (definition.image_layers_size() > 0) {
    return Error{.fault = Fault::unsupported, .detail = "image layers are not supported yet"};
  }
  if (definition.volume_mounts_size() > 0) {
    return Error{.fault = Fault::unsupported, .detail = "volume mounts are not supported yet"};
  }
  executor::RunRequest request;
  request.root_fs = definition.root_fs();
  request.action = definition.action();
  request.env.assign(definition.environment_variables().begin(),
                     definition.environment_variables().end());
  request.egress.assign(definition.egress_rules().begin(), definition.egress_rules().end());
  request.max_pids = definition.max_pids();
  request.cpu_weight = definition.cpu_weight();
  request.privileged = definition.privileged();
  request.log_guid = definition.log_guid();
  request.log_source = definition.log_source();
  request.log_bytes_per_second =
      definition.has_log_rate_limit() ? definition.log_rate_limit().bytes_per_second() : -1;
  return request;
}

template <class MetricTags>
std::map<std::string, std::string> resolve(const MetricTags& tags, const std::string& index,
                                           const std::string& guid) {
  std::map<std::string, std::string> resolved;
  for (const auto& [name, value] : tags) {
    switch (value.dynamic()) {
      case models::MetricTagValue::INDEX:
        resolved[name] = index;
        break;
      case models::MetricTagValue::INSTANCE_GUID:
        resolved[name] = guid;
        break;
      default:
        resolved[name] = value.static_();
        break;
    }
  }
  return resolved;
}

std::vector<std::string> internal_hostnames(const models::DesiredLRP& lrp) {
  std::vector<std::string> hostnames;
  const auto route = lrp.routes().routes().find("internal-router");
  if (route == lrp.routes().routes().end()) return hostnames;
  const Result<json::Document> document = json::Document::parse(route->second);
  if (!document) return hostnames;
  const json::Node list = document->root();
  for (size_t i = 0; i < list.size(); ++i) {
    if (const auto hostname = list.at(i)["hostname"].string()) hostnames.emplace_back(*hostname);
  }
  return hostnames;
}

}  // namespace

Result<executor::RunRequest> run_request_of(const models::DesiredLRP& lrp, int32_t index,
                                            const std::string& instance_guid) {
  Result<executor::RunRequest> request = common_request(lrp);
  if (!request) return request;
  const std::string index_text = std::to_string(index);
  request->guid = instance_guid;
  request->is_long_running = true;
  request->setup = lrp.setup();
  request->monitor = lrp.monitor();
  for (const models::Sidecar& sidecar : lrp.sidecars())
    request->sidecars.push_back(sidecar.action());
  request->checks = lrp.check_definition();
  request->start_timeout_ms = lrp.start_timeout_ms();
  for (const uint32_t port : lrp.ports()) request->ports.push_back(static_cast<uint16_t>(port));
  request->log_index = index;
  add_env(*request, "INSTANCE_GUID", instance_guid);
  add_env(*request, "INSTANCE_INDEX", index_text);
  add_env(*request, "CF_INSTANCE_GUID", instance_guid);
  add_env(*request, "CF_INSTANCE_INDEX", index_text);
  put_metric_tags(request->tags, resolve(lrp.metric_tags(), index_text, instance_guid));
  put_internal_hostnames(request->tags, internal_hostnames(lrp));
  return request;
}

Result<executor::RunRequest> run_request_of(const models::Task& task) {
  Result<executor::RunRequest> request = common_request(task.task_definition());
  if (!request) return request;
  request->guid = task.task_guid();
  add_env(*request, "INSTANCE_GUID", task.task_guid());
  add_env(*request, "CF_INSTANCE_GUID", task.task_guid());
  put_metric_tags(request->tags,
                  resolve(task.task_definition().metric_tags(), "0", task.task_guid()));
  request->tags["result_file"] = task.task_definition().result_file();
  return request;
}

}  // namespace causeway::rep
