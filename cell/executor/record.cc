#include "cell/executor/record.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include "cell/runtime/mounts.h"
#include "json/json.h"

namespace causeway::executor {

namespace fs = std::filesystem;

namespace {

constexpr size_t file_bytes_max = 16u << 20;
constexpr std::array states{State::reserved, State::initializing, State::created, State::running,
                            State::completed};

void write_tags(json::Writer& out, const char* name,
                const std::map<std::string, std::string>& tags) {
  out.key(name).object();
  for (const auto& [key, value] : tags) out.member(key, value);
  out.end();
}

std::map<std::string, std::string> read_tags(json::Node node) {
  std::map<std::string, std::string> tags;
  for (size_t i = 0; i < node.size(); ++i)
    tags[std::string(node.key(i))] = node.at(i).string().value_or("");
  return tags;
}

void write_site(json::Writer& out, const Site& site) {
  out.key("site").object().member("root", site.root).member("user_namespace", site.user_namespace);
  out.member("network_namespace", site.network_namespace)
      .member("address", site.attachment.address);
  out.key("ports").array();
  for (const network::PortForward& port : site.attachment.ports) {
    out.object().member("container", port.container_port).member("host", port.host_port).end();
  }
  out.end().end();
}

Site read_site(json::Node node, const std::string& guid) {
  Site site;
  site.root = node["root"].string().value_or("");
  site.user_namespace = node["user_namespace"].string().value_or("");
  site.network_namespace = node["network_namespace"].string().value_or("");
  site.attachment.handle = guid;
  site.attachment.address = static_cast<uint32_t>(node["address"].integer().value_or(0));
  for (size_t i = 0; i < node["ports"].size(); ++i) {
    const json::Node port = node["ports"].at(i);
    site.attachment.ports.push_back({static_cast<uint16_t>(port["container"].integer().value_or(0)),
                                     static_cast<uint16_t>(port["host"].integer().value_or(0))});
  }
  return site;
}

void write_container(json::Writer& out, const Container& container) {
  out.member("guid", container.guid).member("state", state_name(container.state));
  out.member("memory_mb", container.resources.memory_mb)
      .member("disk_mb", container.resources.disk_mb);
  out.member("containers", container.resources.containers).member("is_ready", container.is_ready);
  write_tags(out, "tags", container.tags);
  out.key("result")
      .object()
      .member("failed", container.result.failed)
      .member("reason", container.result.reason);
  out.member("retryable", container.result.retryable)
      .member("stopped", container.result.stopped)
      .end();
}

Container read_container(json::Node node) {
  Container container;
  container.guid = node["guid"].string().value_or("");
  const std::string_view state = node["state"].string().value_or("");
  const auto* found =
      std::find_if(states.begin(), states.end(), [&](State s) { return state_name(s) == state; });
  if (found != states.end()) container.state = *found;
  container.resources.memory_mb = node["memory_mb"].integer().value_or(0);
  container.resources.disk_mb = node["disk_mb"].integer().value_or(0);
  container.resources.containers = node["containers"].integer().value_or(1);
  container.is_ready = node["is_ready"].boolean().value_or(true);
  container.tags = read_tags(node["tags"]);
  const json::Node result = node["result"];
  container.result.failed = result["failed"].boolean().value_or(false);
  container.result.reason = result["reason"].string().value_or("");
  container.result.retryable = result["retryable"].boolean().value_or(false);
  container.result.stopped = result["stopped"].boolean().value_or(false);
  return container;
}

}  // namespace

std::string_view state_name(State state) {
  switch (state) {
    case State::reserved:
      return "reserved";
    case State::initializing:
      return "initializing";
    case State::created:
      return "created";
    case State::running:
      return "running";
    case State::completed:
      return "completed";
  }
  return "";
}

std::string record_text(const Record& record) {
  json::Writer out;
  out.object();
  write_container(out, record.container);
  write_site(out, record.site);
  const RunRequest& request = record.request;
  out.key("request")
      .object()
      .member("log_guid", request.log_guid)
      .member("log_source", request.log_source);
  out.member("log_index", request.log_index)
      .member("log_bytes_per_second", request.log_bytes_per_second);
  out.member("is_long_running", request.is_long_running);
  return out.end().end().take();
}

// The messages of a request, in one that has room for all of them.
std::string request_bytes(const RunRequest& request) {
  models::DesiredLRP lrp;
  lrp.set_root_fs(request.root_fs);
  for (const models::EnvironmentVariable& variable : request.env)
    *lrp.add_environment_variables() = variable;
  *lrp.mutable_setup() = request.setup;
  *lrp.mutable_action() = request.action;
  *lrp.mutable_monitor() = request.monitor;
  for (const models::Action& sidecar : request.sidecars)
    *lrp.add_sidecars()->mutable_action() = sidecar;
  *lrp.mutable_check_definition() = request.checks;
  lrp.set_start_timeout_ms(request.start_timeout_ms);
  for (const uint16_t port : request.ports) lrp.add_ports(port);
  for (const models::SecurityGroupRule& rule : request.egress) *lrp.add_egress_rules() = rule;
  lrp.set_max_pids(static_cast<int32_t>(request.max_pids));
  lrp.set_cpu_weight(request.cpu_weight);
  lrp.set_privileged(request.privileged);
  return cf::encode(lrp);
}

Result<Record> parse_record(const std::string& text, const std::string& request) {
  const Result<json::Document> document = json::Document::parse(text);
  if (!document) return document.error();
  const json::Node root = document->root();
  Record record;
  record.container = read_container(root);
  models::DesiredLRP lrp;
  if (record.container.guid.empty() || !cf::decode(request, lrp)) {
    return Error{.fault = Fault::invalid, .detail = "not the record of a container"};
  }
  record.site = read_site(root["site"], record.container.guid);
  RunRequest& run = record.request;
  run.guid = record.container.guid;
  run.tags = record.container.tags;
  run.root_fs = lrp.root_fs();
  run.env.assign(lrp.environment_variables().begin(), lrp.environment_variables().end());
  run.setup = lrp.setup();
  run.action = lrp.action();
  run.monitor = lrp.monitor();
  for (const models::Sidecar& sidecar : lrp.sidecars()) run.sidecars.push_back(sidecar.action());
  run.checks = lrp.check_definition();
  run.start_timeout_ms = lrp.start_timeout_ms();
  for (const uint32_t port : lrp.ports()) run.ports.push_back(static_cast<uint16_t>(port));
  run.egress.assign(lrp.egress_rules().begin(), lrp.egress_rules().end());
  run.max_pids = lrp.max_pids();
  run.cpu_weight = lrp.cpu_weight();
  run.privileged = lrp.privileged();
  const json::Node rest = root["request"];
  run.log_guid = rest["log_guid"].string().value_or("");
  run.log_source = rest["log_source"].string().value_or("");
  run.log_index = static_cast<int32_t>(rest["log_index"].integer().value_or(0));
  run.log_bytes_per_second = rest["log_bytes_per_second"].integer().value_or(-1);
  run.is_long_running = rest["is_long_running"].boolean().value_or(false);
  return record;
}

Result<void> save_record(const std::string& folder, const Record& record) {
  const std::string own = folder + "/" + record.container.guid;
  if (Result<void> made = runtime::make_folder(own); !made) return made;
  const std::string request = own + "/request.pb";
  if (::access(request.c_str(), F_OK) != 0) {
    if (Result<void> put = runtime::write_file(request, request_bytes(record.request), 0600); !put)
      return put;
  }
  return runtime::write_file(own + "/record.json", record_text(record), 0600);
}

Result<Record> load_record(const std::string& folder, const std::string& guid) {
  const std::string own = folder + "/" + guid;
  const Result<std::string> text = runtime::read_whole_file(own + "/record.json", file_bytes_max);
  if (!text) return text.error();
  const Result<std::string> request = runtime::read_whole_file(own + "/request.pb", file_bytes_max);
  if (!request) return request.error();
  return parse_record(*text, *request);
}

std::vector<std::string> recorded_guids(const std::string& folder) {
  std::vector<std::string> guids;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error))
    guids.push_back(entry.path().filename().string());
  return guids;
}

Result<void> remove_record(const std::string& folder, const std::string& guid) {
  return runtime::remove_tree(folder + "/" + guid);
}

}  // namespace causeway::executor
