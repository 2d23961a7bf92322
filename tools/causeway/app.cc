#include "tools/causeway/app.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "cf/models/models.h"
#include "json/json.h"

namespace causeway::cli {
namespace {

Error refuse(std::string why) {
  return {.fault = Fault::invalid, .side = Side::client, .detail = std::move(why)};
}

bool is_guid(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

bool is_route(std::string_view text) {
  const std::string_view host = text.substr(0, text.find('/'));
  return !host.empty() && host.front() != '.' &&
         text.find_first_of(" \t\r\n?#:\"\\") == std::string_view::npos;
}

template <class Message>
Result<void> add_environment(Message& message, const std::vector<std::string>& env) {
  for (const std::string& entry : env) {
    const size_t equals = entry.find('=');
    if (equals == 0 || equals == std::string::npos) {
      return refuse("environment entry \"" + entry + "\" is not NAME=VALUE");
    }
    auto* variable = message.add_env();
    variable->set_name(entry.substr(0, equals));
    variable->set_value(entry.substr(equals + 1));
  }
  return {};
}

void set_shell(models::RunAction& run, const std::string& command, const std::string& user) {
  run.set_path("/bin/sh");
  run.add_args("-c");
  run.add_args(command);
  run.set_user(user);
}

void tag(google::protobuf::Map<std::string, models::MetricTagValue>& tags, std::string_view name) {
  tags["source_id"].set_static_(std::string(name));
  tags["process_id"].set_static_(std::string(name));
  tags["app_name"].set_static_(std::string(name));
  tags["instance_id"].set_dynamic(models::MetricTagValue::INDEX);
  tags["process_instance_id"].set_dynamic(models::MetricTagValue::INSTANCE_GUID);
}

void set_health_check(models::DesiredLRP& lrp, const App& app) {
  if (app.ports.empty()) return;
  models::Check& check = *lrp.mutable_check_definition()->add_checks();
  if (app.health_path.empty()) {
    check.mutable_tcp_check()->set_port(app.ports.front());
  } else {
    check.mutable_http_check()->set_port(app.ports.front());
    check.mutable_http_check()->set_path(app.health_path);
  }
  lrp.mutable_check_definition()->set_log_source("HEALTH");
}

std::string cf_router_json(const App& app) {
  json::Writer writer;
  writer.array().object().key("hostnames").array();
  for (const std::string& route : app.routes) writer.value(route);
  writer.end().member("port", app.ports.front()).end().end();
  return writer.take();
}

std::optional<uint16_t> parse_port(std::string_view text) {
  uint16_t port = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (failure != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

// "1024" leads to the app's first port, "1024:9000" to that one.
Result<std::vector<TcpPort>> tcp_ports_of(const App& app) {
  std::vector<TcpPort> ports;
  for (const std::string& text : app.tcp_ports) {
    const std::string_view view = text;
    const size_t colon = std::min(view.find(':'), view.size());
    const auto external = parse_port(view.substr(0, colon));
    const auto port = colon == view.size() ? std::optional<uint16_t>(app.ports.front())
                                           : parse_port(view.substr(colon + 1));
    if (!external || !port) {
      return refuse("the TCP port \"" + text + "\" is not PORT or PORT:CONTAINER-PORT");
    }
    if (std::find(app.ports.begin(), app.ports.end(), *port) == app.ports.end()) {
      return refuse("the TCP port \"" + text + "\" leads to a port that no --port names");
    }
    ports.push_back({*external, *port});
  }
  return ports;
}

std::string tcp_router_json(const std::vector<TcpPort>& ports) {
  json::Writer writer;
  writer.array();
  for (const TcpPort& port : ports) {
    writer.object()
        .member("router_group_guid", kRouterGroup)
        .member("external_port", port.external_port)
        .member("container_port", port.port)
        .end();
  }
  return writer.end().take();
}

}  // namespace

Result<int32_t> parse_megabytes(std::string_view text) {
  int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string unit(end, text.data() + text.size());
  std::transform(unit.begin(), unit.end(), unit.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  if (unit == "G" || unit == "GB") number = number > 1'000'000 ? -1 : number * 1024;
  const bool known = unit.empty() || unit == "M" || unit == "MB" || unit == "G" || unit == "GB";
  if (failure != std::errc{} || !known || number < 1 || number > INT32_MAX) {
    return refuse("\"" + std::string(text) + "\" is not a size; say 64M or 1G");
  }
  return static_cast<int32_t>(number);
}

Result<models::DesiredLRP> desired_lrp(const App& app) {
  if (!is_guid(app.name)) {
    return refuse("the name \"" + app.name + "\" may hold only letters, digits, '-' and '_'");
  }
  if ((!app.routes.empty() || !app.tcp_ports.empty()) && app.ports.empty())
    return refuse("a route needs a port to lead to: add --port");
  const auto tcp_ports = tcp_ports_of(app);
  if (!tcp_ports) return tcp_ports.error();
  for (const std::string& route : app.routes) {
    if (!is_route(route)) return refuse("the route \"" + route + "\" is not hostname[/path]");
  }
  models::DesiredLRP lrp;
  lrp.set_process_guid(app.name);
  lrp.set_domain(std::string(kDomain));
  lrp.set_log_guid(app.name);
  lrp.set_log_source("APP/PROC/WEB");
  lrp.set_root_fs(app.root_fs);
  lrp.set_instances(app.instances);
  lrp.set_memory_mb(app.memory_mb);
  lrp.set_disk_mb(app.disk_mb);
  lrp.set_max_pids(app.max_pids);
  lrp.set_cpu_weight(100);
  lrp.set_start_timeout_ms(app.start_timeout_ms);
  models::RunAction& run = *lrp.mutable_action()->mutable_run_action();
  set_shell(run, app.command, app.user);
  run.set_log_source("APP/PROC/WEB");
  models::EnvironmentVariable& name = *run.add_env();
  name.set_name("APP_NAME");
  name.set_value(app.name);
  if (!app.ports.empty()) {
    models::EnvironmentVariable& port = *run.add_env();
    port.set_name("PORT");
    port.set_value(std::to_string(app.ports.front()));
  }
  if (Result<void> added = add_environment(run, app.env); !added) return added.error();
  for (const uint16_t port : app.ports) lrp.add_ports(port);
  tag(*lrp.mutable_metric_tags(), app.name);
  set_health_check(lrp, app);
  if (!app.routes.empty())
    (*lrp.mutable_routes()->mutable_routes())["cf-router"] = cf_router_json(app);
  if (!tcp_ports->empty())
    (*lrp.mutable_routes()->mutable_routes())["tcp-router"] = tcp_router_json(*tcp_ports);
  return lrp;
}

Result<models::TaskDefinition> task_definition(std::string_view name, const OneOff& one_off) {
  if (!is_guid(name)) {
    return refuse("the name \"" + std::string(name) +
                  "\" may hold only letters, digits, '-' and '_'");
  }
  models::TaskDefinition definition;
  definition.set_root_fs(one_off.root_fs);
  definition.set_memory_mb(one_off.memory_mb);
  definition.set_disk_mb(one_off.disk_mb);
  definition.set_max_pids(one_off.max_pids);
  definition.set_log_guid(std::string(name));
  definition.set_log_source("APP/TASK");
  definition.set_result_file(one_off.result_file);
  models::RunAction& run = *definition.mutable_action()->mutable_run_action();
  set_shell(run, one_off.command, one_off.user);
  run.set_log_source("APP/TASK");
  if (Result<void> added = add_environment(run, one_off.env); !added) return added.error();
  tag(*definition.mutable_metric_tags(), name);
  return definition;
}

std::vector<TcpPort> tcp_routes(const models::ProtoRoutes& routes) {
  std::vector<TcpPort> found;
  const auto entry = routes.routes().find("tcp-router");
  if (entry == routes.routes().end()) return found;
  const Result<json::Document> document = json::Document::parse(entry->second);
  if (!document) return found;
  const json::Node list = document->root();
  for (size_t i = 0; i < list.size(); ++i) {
    const auto port_of = [&](std::string_view key) {
      return static_cast<uint16_t>(list.at(i)[key].unsigned_integer().value_or(0));
    };
    found.push_back({port_of("external_port"), port_of("container_port")});
  }
  return found;
}

std::vector<std::pair<std::string, uint32_t>> http_routes(const models::ProtoRoutes& routes) {
  std::vector<std::pair<std::string, uint32_t>> found;
  const auto entry = routes.routes().find("cf-router");
  if (entry == routes.routes().end()) return found;
  const Result<json::Document> document = json::Document::parse(entry->second);
  if (!document) return found;
  const json::Node list = document->root();
  for (size_t i = 0; i < list.size(); ++i) {
    const json::Node hostnames = list.at(i)["hostnames"];
    const auto port = list.at(i)["port"].unsigned_integer().value_or(0);
    for (size_t j = 0; j < hostnames.size(); ++j) {
      found.emplace_back(std::string(hostnames.at(j).string().value_or("")),
                         static_cast<uint32_t>(port));
    }
  }
  return found;
}

}  // namespace causeway::cli
