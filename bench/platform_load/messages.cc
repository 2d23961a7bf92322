#include "bench/platform_load/messages.h"

#include <cstdio>

namespace causeway::platform {
namespace {

template <class Request>
void set_instance_key(Request& request, const InstanceName& instance) {
  auto& key = *request.mutable_actual_lrp_instance_key();
  key.set_instance_guid(instance.instance_guid);
  key.set_cell_id(instance.cell_id);
}

template <class Request>
void set_keys(Request& request, const InstanceName& instance) {
  auto& key = *request.mutable_actual_lrp_key();
  key.set_process_guid(instance.process_guid);
  key.set_index(instance.index);
  key.set_domain(domain);
  set_instance_key(request, instance);
}

std::string app_guid(const std::string& process_guid) { return process_guid.substr(0, 36); }

void set_action(models::Action& action) {
  auto& run = *action.mutable_run_action();
  run.set_path("/tmp/lifecycle/launcher");
  for (const char* word : {"app", "", R"({"start_command":"bundle exec rackup"})"})
    run.add_args(word);
  run.set_user("vcap");
  run.set_log_source("APP/PROC/WEB");
  run.mutable_resource_limits()->set_nofile(16384);
}

}  // namespace

std::string process_guid(uint64_t number) {
  char text[96];
  const auto low = static_cast<unsigned long long>(number);
  std::snprintf(text, sizeof text,
                "%08llx-a99a-4bcd-8ef0-0123456789ab-%08llx-0e2c-4d5e-8f60-%012llx",
                (low * 2654435761ULL) & 0xffffffffULL, low & 0xffffffffULL, low);
  return text;
}

std::string task_guid(uint64_t number) {
  char text[64];
  std::snprintf(text, sizeof text, "7a5c0000-1111-4222-8333-%012llx",
                static_cast<unsigned long long>(number));
  return text;
}

std::string cell_id(uint64_t number) { return "cell-" + std::to_string(number); }

models::DesireLRPRequest desire_request(const std::string& process_guid, int32_t instances,
                                        int32_t memory_mb) {
  models::DesireLRPRequest request;
  auto& lrp = *request.mutable_desired_lrp();
  const std::string app = app_guid(process_guid);
  lrp.set_process_guid(process_guid);
  lrp.set_domain(domain);
  lrp.set_log_guid(app);
  lrp.set_log_source("CELL");
  lrp.set_root_fs(root_fs);
  lrp.set_instances(instances);
  lrp.set_memory_mb(memory_mb);
  lrp.set_disk_mb(memory_mb);
  lrp.set_annotation("1700000000.123456");
  lrp.set_start_timeout_ms(60'000);
  lrp.add_ports(8080);
  set_action(*lrp.mutable_action());
  (*lrp.mutable_metric_tags())["source_id"].set_static_(app);
  (*lrp.mutable_metric_tags())["instance_id"].set_dynamic(models::MetricTagValue::INDEX);
  (*lrp.mutable_routes()->mutable_routes())["cf-router"] =
      R"([{"hostnames":["app-)" + app.substr(0, 8) + R"(.example.com"],"port":8080}])";
  for (int i = 0; i < 10; ++i) {
    auto& variable = *lrp.add_environment_variables();
    variable.set_name("VARIABLE_" + std::to_string(i));
    variable.set_value(std::string(60, 'x'));
  }
  return request;
}

models::ClaimActualLRPRequest claim_request(const InstanceName& instance) {
  models::ClaimActualLRPRequest request;
  request.set_process_guid(instance.process_guid);
  request.set_index(instance.index);
  set_instance_key(request, instance);
  return request;
}

models::StartActualLRPRequest start_request(const InstanceName& instance, bool routable) {
  models::StartActualLRPRequest request;
  set_keys(request, instance);
  auto& net = *request.mutable_actual_lrp_net_info();
  net.set_address("10.0.16.7");
  net.set_instance_address("10.255.0.3");
  net.set_preferred_address(models::ActualLRPNetInfo::HOST);
  auto& port = *net.add_ports();
  port.set_container_port(8080);
  port.set_host_port(61000);
  port.set_container_tls_proxy_port(61001);
  port.set_host_tls_proxy_port(61002);
  (*request.mutable_metric_tags())["source_id"] = app_guid(instance.process_guid);
  (*request.mutable_metric_tags())["instance_id"] = std::to_string(instance.index);
  request.set_routable(routable);
  request.set_availability_zone("z1");
  return request;
}

models::CrashActualLRPRequest crash_request(const InstanceName& instance) {
  models::CrashActualLRPRequest request;
  set_keys(request, instance);
  request.set_error_message("APP/PROC/WEB: Exited with status 1");
  return request;
}

models::RemoveActualLRPRequest remove_request(const InstanceName& instance) {
  models::RemoveActualLRPRequest request;
  request.set_process_guid(instance.process_guid);
  request.set_index(instance.index);
  set_instance_key(request, instance);
  return request;
}

models::DesireTaskRequest desire_task_request(const std::string& guid) {
  models::DesireTaskRequest request;
  request.set_task_guid(guid);
  request.set_domain("cf-tasks");
  auto& task = *request.mutable_task_definition();
  task.set_root_fs(root_fs);
  set_action(*task.mutable_action());
  task.set_memory_mb(64);
  task.set_disk_mb(64);
  task.set_log_guid(guid);
  task.set_result_file("/tmp/result.json");
  task.set_annotation(R"({"lifecycle":"buildpack"})");
  return request;
}

cf::CellPresence presence_of(const std::string& id, const std::string& zone,
                             const std::string& rep_url, const cf::CellResources& capacity) {
  cf::CellPresence presence;
  presence.cell_id = id;
  presence.rep_address = rep_url;
  presence.rep_url = rep_url;
  presence.zone = zone;
  presence.capacity = capacity;
  presence.root_fs_providers = {{"preloaded", {"cflinuxfs4"}}, {"docker", {}}};
  return presence;
}

}  // namespace causeway::platform
