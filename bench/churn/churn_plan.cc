#include "bench/churn/churn_plan.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "bench/load/http/targets.h"

namespace causeway::churn {
namespace {

// A registration that takes longer is measured as far as its traffic goes.
constexpr Duration registration_traffic_max = std::chrono::seconds(60);

Error invalid(std::string detail) { return {.fault = Fault::invalid, .detail = std::move(detail)}; }

Result<net::HostPort> host_and_port(const char* option, const std::string& text) {
  auto place = net::parse_host_port(text);
  if (!place) return invalid(std::string(option) + ": expected host:port, not \"" + text + "\"");
  return std::move(*place);
}

Result<void> check_numbers(const ChurnOptions& options) {
  if (options.routes == 0 || options.routes > routes_max)
    return invalid("--routes: from 1 to " + std::to_string(routes_max));
  if (options.endpoints == 0) return invalid("--endpoints: at least 1");
  if (!(options.register_rate >= 0)) return invalid("--register-rate: not negative");
  if (!(options.churn_rate >= 0) || options.churn_rate > 100'000)
    return invalid("--replace: from 0 to 100000 routes/s");
  if (options.timeout <= Duration::zero()) return invalid("--timeout: more than 0");
  return {};
}

Result<load::HttpPlan> traffic_plan(const ChurnPlan& plan, Duration duration) {
  load::HttpOptions http;
  for (unsigned i = 0; i < steady_routes; ++i)
    http.urls.push_back("http://" + steady_host(plan, i) + "/");
  http.connect = plan.options.router;
  http.rate = plan.options.traffic;
  http.connections = plan.options.connections;
  http.duration = duration;
  return load::make_http_plan(http);
}

}  // namespace

Result<ChurnPlan> make_churn_plan(const ChurnOptions& options) {
  if (const auto checked = check_numbers(options); !checked) return checked.error();
  ChurnPlan plan;
  plan.options = options;
  for (const std::string& text : options.nats) {
    auto place = host_and_port("--nats", text);
    if (!place) return place.error();
    nats::Options::Server server;
    server.host = place->host;
    server.port = place->port;
    plan.servers.push_back(std::move(server));
  }
  const auto router = host_and_port("--router", options.router);
  if (!router) return router.error();
  const auto address = net::Address::parse(router->host, router->port);
  if (!address)
    return invalid("--router: expected a numeric address, not \"" + router->host + "\"");
  plan.router = *address;
  for (const std::string& pattern : options.backends) {
    const auto expanded = load::expand_pattern(pattern);
    if (!expanded) return invalid("--backend: " + expanded.error().detail);
    for (const std::string& text : *expanded) {
      auto place = host_and_port("--backend", text);
      if (!place) return place.error();
      plan.backends.push_back({.host = place->host, .port = place->port});
    }
  }
  if (plan.backends.size() < options.endpoints)
    return invalid(
        "--backend: a route with " + std::to_string(options.endpoints) +
        " endpoints needs as many addresses, given: " + std::to_string(plan.backends.size()));
  if (options.traffic.empty()) return plan;
  const std::pair<std::optional<load::HttpPlan>*, Duration> phases[] = {
      {&plan.quiet, options.quiet},
      {&plan.registration, registration_traffic_max},
      {&plan.churn, options.churn_duration}};
  for (const auto& [into, duration] : phases) {
    if (duration <= Duration::zero()) continue;
    auto traffic = traffic_plan(plan, duration);
    if (!traffic) return traffic.error();
    *into = std::move(*traffic);
  }
  return plan;
}

std::string route_host(const ChurnPlan& plan, uint64_t route) {
  return "route-" + std::to_string(route) + "." + plan.options.domain;
}

std::string steady_host(const ChurnPlan& plan, uint64_t number) {
  return "steady-" + std::to_string(number) + "." + plan.options.domain;
}

cf::RegistryMessage registration_of(const ChurnPlan& plan, const std::string& host, uint64_t route,
                                    unsigned endpoint) {
  const auto& backend =
      plan.backends[(route * plan.options.endpoints + endpoint) % plan.backends.size()];
  char guid[64];
  std::snprintf(guid, sizeof guid, "%08x-c0de-4000-8000-%012llx", endpoint,
                static_cast<unsigned long long>(route));
  cf::RegistryMessage message{.host = backend.host, .port = backend.port};
  message.uris = {host};
  message.app = std::string("app-") + (guid + 19);
  message.private_instance_id = guid;
  message.private_instance_index = std::to_string(endpoint);
  message.tags = {{"component", "route-emitter"},
                  {"source_id", message.app},
                  {"process_id", message.app},
                  {"process_instance_id", guid},
                  {"instance_id", message.private_instance_index}};
  return message;
}

}  // namespace causeway::churn
