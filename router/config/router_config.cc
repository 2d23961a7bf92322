#include "router/config/router_config.h"

#include <algorithm>
#include <utility>

#include "config/config.h"
#include "config/read_as.h"
#include "router/config/reading.h"

namespace causeway::router {

namespace {

using config::Section;
using std::chrono::seconds;

constexpr int64_t kPortMax = 65'535;
constexpr int64_t kWorkersMax = 1'024;
constexpr int64_t kCountMax = 1'000'000'000;
constexpr size_t kHeaderBytesMax = 1u << 20;  // gorouter's hard cap

void read_listeners(Reading& reading) {
  Section root = reading.root;
  RouterConfig& config = reading.loaded.config;
  root.read("port", config.port, {.min = 1, .max = kPortMax});
  Section status = root.section("status");
  status.read("host", config.status_host);
  status.read("port", config.status_port, {.min = 1, .max = kPortMax});
  status.read("user", config.status_user);
  status.read("pass", config.status_pass);
  status.section("routes").read("port", config.routes_port, {.min = 1, .max = kPortMax});
  if (!net::Address::parse(config.status_host, 0)) {
    status.problem("host", "not an IP address: \"" + config.status_host + "\"");
  }

  Section prometheus = root.section("prometheus");
  prometheus.read("port", config.prometheus_port, {.min = 0, .max = kPortMax});
  bool enabled = config.prometheus_port != 0;
  prometheus.read("enabled", enabled);
  if (enabled && config.prometheus_port == 0) prometheus.problem("port", "is required");
  if (!enabled) config.prometheus_port = 0;
}

void read_identity(Reading& reading) {
  Section root = reading.root;
  RouterConfig& config = reading.loaded.config;
  root.read("index", config.index);
  root.read("zone", config.settings.zone);
  int64_t processors = -1;
  root.read("go_max_procs", processors, {.min = -1, .max = kWorkersMax});
  config.workers = processors > 0 ? static_cast<uint32_t>(processors) : 0;
  root.read("workers", config.workers, {.min = 0, .max = kWorkersMax});
  root.read("background_niceness", config.background_niceness, {.min = 0, .max = 19});
}

void read_limits(Reading& reading) {
  Section root = reading.root;
  Settings& settings = reading.loaded.config.settings;
  const config::Range count{.min = 0, .max = kCountMax};
  size_t header_bytes = 0;
  root.read("max_header_bytes", header_bytes, count);  // the older name
  root.read("max_request_header_bytes", header_bytes, count);
  settings.max_request_header_bytes =
      header_bytes == 0 ? kHeaderBytesMax : std::min(header_bytes, kHeaderBytesMax);
  root.read("max_request_headers", settings.max_request_headers, count);
  root.read("max_response_header_bytes", settings.max_response_header_bytes, count);
  root.read("max_response_headers", settings.max_response_headers, count);
}

void read_times(Reading& reading) {
  Section root = reading.root;
  RouterConfig& config = reading.loaded.config;
  Settings& settings = config.settings;
  root.read("endpoint_timeout", settings.endpoint_timeout);
  root.read("endpoint_dial_timeout", settings.endpoint_dial_timeout);
  Reading::check_duration(root, "websocket_dial_timeout");  // gorouter's dialer ignores it as well
  root.read("frontend_idle_timeout", settings.frontend_idle_timeout);
  root.read("read_header_timeout", settings.read_header_timeout);
  root.read("websocket_drain_timeout", settings.websocket_drain_timeout);
  root.read("endpoint_keep_alive_probe_interval", settings.endpoint_keep_alive_probe_interval);
  root.read("drain_wait", config.drain_wait);
  Section upgrade = root.section("upgrade");
  upgrade.read("socket", config.upgrade_socket);
  if (!config.upgrade_socket.empty() && config.upgrade_socket.front() != '/') {
    upgrade.problem("socket", "not an absolute path: \"" + config.upgrade_socket + "\"");
  }
  upgrade.read("timeout", config.upgrade_timeout);
  if (config.upgrade_timeout < seconds(1)) upgrade.problem("timeout", "must be 1s or longer");
  config.drain_timeout = Duration::zero();
  root.read("drain_timeout", config.drain_timeout);
  if (config.drain_timeout == Duration::zero()) config.drain_timeout = settings.endpoint_timeout;
  // Which one counts is for the client's protocol to say, not for the backend's.
  Duration of_http1{};
  Duration of_http2{};
  root.read("http_1_endpoint_timeout", of_http1);
  root.read("http_2_endpoint_timeout", of_http2);
  settings.http2_endpoint_timeout =
      of_http2 > Duration::zero() ? of_http2 : settings.endpoint_timeout;
  if (of_http1 > Duration::zero()) settings.endpoint_timeout = of_http1;
}

void read_backends(Reading& reading) {
  Section root = reading.root;
  Settings& settings = reading.loaded.config.settings;
  Section backends = root.section("backends");
  backends.read("max_attempts", settings.max_attempts, {.min = 0, .max = 1'000});
  settings.max_attempts = std::max(settings.max_attempts, 1u);
  backends.read("max_conns", settings.max_conns, {.min = 0, .max = kCountMax});
  backends.read("count_whole_exchanges", settings.counts_whole_exchanges);
  root.read("disable_keep_alives", settings.disable_keep_alives);
  const config::Range count{.min = 0, .max = kCountMax};
  root.read("max_idle_conns", settings.max_idle_conns, count);
  root.read("max_idle_conns_per_host", settings.max_idle_conns_per_host, count);
  root.read("backend_idle_timeout", settings.backend_idle_timeout);
}

void read_headers(Reading& reading) {
  Section root = reading.root;
  Settings& settings = reading.loaded.config.settings;
  root.read("force_forwarded_proto_https", settings.force_forwarded_proto_https);
  root.read("sanitize_forwarded_proto", settings.sanitize_forwarded_proto);
  std::string policy = "always_forward";
  root.read_choice("forwarded_client_cert", policy, {"always_forward", "forward", "sanitize_set"});
  if (policy == "forward") settings.forwarded_client_cert = ClientCertPolicy::forward;
  if (policy == "sanitize_set") settings.forwarded_client_cert = ClientCertPolicy::sanitize_set;
  root.read("hop_by_hop_headers_to_filter", settings.hop_by_hop_headers_to_filter);
  root.read("healthcheck_user_agent", settings.healthcheck_user_agent);
  root.read("trace_key", settings.trace_key);

  Section responses = root.section("http_rewrite").section("responses");
  for (Section header : responses.list("remove_headers")) {
    Settings::RemoveHeader rule;
    header.require("name", rule.name);
    header.read("value", rule.value);
    settings.remove_response_headers.push_back(std::move(rule));
  }
  for (Section header : responses.list("add_headers_if_not_present")) {
    std::pair<std::string, std::string> rule;
    header.require("name", rule.first);
    header.read("value", rule.second);
    settings.add_response_headers_if_not_present.push_back(std::move(rule));
  }
}

}  // namespace

namespace {

Result<LoadedConfig> read_file(config::File& file) {
  LoadedConfig loaded;
  Reading reading{file.root(), loaded};
  read_listeners(reading);
  read_proxy_protocol(reading.root, reading.loaded.config.settings.proxy_protocol);
  read_identity(reading);
  read_observation(reading);
  read_routes(reading);
  read_limits(reading);
  read_times(reading);
  read_backends(reading);
  read_headers(reading);
  read_sticky_sessions(reading);
  read_tracing(reading);
  read_route_services(reading);
  read_tls(reading);
  read_http2(reading);
  read_tcp(reading);
  read_not_built(reading);
  if (!file.problems().empty()) {
    std::string detail;
    for (const config::Problem& problem : file.problems()) {
      detail += (detail.empty() ? "" : "; ") + problem.text();
    }
    return Error{.fault = Fault::invalid, .detail = std::move(detail)};
  }
  loaded.unknown_keys = reading.root.unknown_keys();
  loaded.values = file.values();
  return loaded;
}

}  // namespace

Result<LoadedConfig> read_config(const std::string& path) {
  return config::read_as(path, read_file);
}

Result<LoadedConfig> parse_config(std::string_view text, std::string name) {
  return config::parse_as(text, std::move(name), read_file);
}

}  // namespace causeway::router
