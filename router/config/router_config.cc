#include "router/config/router_config.h"

#include <algorithm>
#include <utility>

#include "config/config.h"
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
}

void read_nats(Reading& reading) {
  Section root = reading.root;
  nats::Options& options = reading.loaded.config.nats;
  Section section = root.section("nats");
  std::string user;
  std::string password;
  section.read("user", user);
  section.read("pass", password);
  for (Section host : section.list("hosts")) {
    nats::Options::Server server;
    host.require("hostname", server.host);
    host.read("port", server.port, {.min = 1, .max = kPortMax});
    options.servers.push_back(std::move(server));
  }
  if (section.has("hosts") && options.servers.empty()) section.problem("hosts", "is empty");
  if (options.servers.empty())
    options.servers.push_back({.host = "localhost", .user = {}, .password = {}});
  for (nats::Options::Server& server : options.servers) {
    server.user = user;
    server.password = password;
  }
  options.name = "gorouter";
  root.read("nats_client_ping_interval", options.ping_interval);
  if (options.ping_interval < seconds(1)) {
    root.problem("nats_client_ping_interval", "shorter than 1s");
  }
}

void read_sharding(Reading& reading) {
  Section root = reading.root;
  RouteBook::Options& routes = reading.loaded.config.routes;
  root.read("isolation_segments", routes.isolation_segments);
  std::string mode = "all";
  root.read_choice("routing_table_sharding_mode", mode, {"all", "segments", "shared-and-segments"});
  if (mode == "segments") {
    routes.sharding = RouteBook::Sharding::segments;
    if (routes.isolation_segments.empty()) {
      root.problem("isolation_segments", "is required by routing_table_sharding_mode segments");
    }
  }
  if (mode == "shared-and-segments") routes.sharding = RouteBook::Sharding::shared_and_segments;
}

void read_routes(Reading& reading) {
  Section root = reading.root;
  RouterConfig& config = reading.loaded.config;
  RouteBook::Options& routes = config.routes;
  root.read("prune_stale_droplets_interval", config.prune_interval);
  if (config.prune_interval < std::chrono::milliseconds(1)) {
    root.problem("prune_stale_droplets_interval", "must be longer than 0");
  }
  root.read("droplet_stale_threshold", routes.stale_threshold);
  root.read("start_response_delay_interval", config.start_response_delay);
  routes.stale_threshold = std::max(routes.stale_threshold, config.start_response_delay);
  config.settings.failed_mark_lifetime = routes.stale_threshold / 4;
  root.read("suspend_pruning_if_nats_unavailable", config.suspend_pruning_if_nats_unavailable);
  root.read("empty_pool_response_code_503", routes.keep_emptied_routes);
  root.read("empty_pool_timeout", routes.emptied_route_lifetime);

  std::string algorithm = "round-robin";
  root.read_choice("balancing_algorithm", algorithm, {"round-robin", "least-connection", "hash"});
  if (algorithm == "hash") {
    reading.warn("balancing_algorithm",
                 "a hash needs a header that only a route's options can name: the other routes are "
                 "balanced round-robin");
    algorithm = "round-robin";
  }
  routes.balancing = parse_load_balancing(algorithm).value_or(LoadBalancing::round_robin);
  std::string preference = "none";
  root.read_choice("balancing_algorithm_az_preference", preference, {"none", "locally-optimistic"});
  config.settings.prefer_zone = preference == "locally-optimistic";
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
  config.drain_timeout = Duration::zero();
  root.read("drain_timeout", config.drain_timeout);
  if (config.drain_timeout == Duration::zero()) config.drain_timeout = settings.endpoint_timeout;
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
  read_identity(reading);
  read_observation(reading);
  read_nats(reading);
  read_sharding(reading);
  read_routes(reading);
  read_limits(reading);
  read_times(reading);
  read_backends(reading);
  read_headers(reading);
  read_sticky_sessions(reading);
  read_tracing(reading);
  read_route_services(reading);
  read_tls(reading);
  read_not_built(reading);
  if (!file.problems().empty()) {
    std::string detail;
    for (const config::Problem& problem : file.problems()) {
      detail += (detail.empty() ? "" : "; ") + problem.text();
    }
    return Error{.fault = Fault::invalid, .detail = std::move(detail)};
  }
  loaded.unknown_keys = reading.root.unknown_keys();
  return loaded;
}

}  // namespace

Result<LoadedConfig> read_config(const std::string& path) {
  auto file = config::File::read(path);
  if (!file) return std::move(file).error();
  return read_file(**file);
}

Result<LoadedConfig> parse_config(std::string_view text, std::string name) {
  auto file = config::File::parse(text, std::move(name));
  if (!file) return std::move(file).error();
  return read_file(**file);
}

}  // namespace causeway::router
