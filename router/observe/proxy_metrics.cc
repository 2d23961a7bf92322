#include "router/observe/proxy_metrics.h"

namespace causeway::router {
namespace {

// Components come with registrations, not from clients; still a table of them has an end.
constexpr size_t components_max = 1000;

std::vector<double> lookup_bounds() {
  return {1'000,  2'000,  5'000,  10'000, 20'000, 30'000, 40'000,
          50'000, 60'000, 70'000, 80'000, 90'000, 100'000};
}
std::vector<double> seconds_bounds() {
  return {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5,
          1,     2,     5,     10,   30,   60,   120, 300, 1000};
}
std::vector<double> milliseconds_bounds() {
  return {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536};
}

}  // namespace

ProxyMetrics::ProxyMetrics(metrics::Registry& r)
    : rejected_requests(
          r.counter("rejected_requests", "Requests the router itself refused (400, 404).")),
      bad_gateways(r.counter("bad_gateways", "Requests answered 502 because the backend failed.")),
      empty_content_length_header(
          r.counter("empty_content_length_header", "Requests with an empty Content-Length line.")),
      backend_exhausted_conns(r.counter(
          "backend_exhausted_conns", "Requests refused because every endpoint is at max_conns.")),
      websocket_upgrades(r.counter("websocket_upgrades", "Requests that became tunnels.")),
      websocket_failures(r.counter("websocket_failures", "Upgrade requests that failed.")),
      route_lookup_time(r.histogram("route_lookup_time", "Time to find a route, in nanoseconds.",
                                    lookup_bounds())),
      gorouter_time(
          r.histogram("gorouter_time", "Time spent in the router, in seconds.", seconds_bounds())),
      client_connections_refused(r.counter(
          "client_connections_refused", "Client connections closed at once because of the limit.")),
      malformed_requests(
          r.counter("malformed_requests",
                    "Requests that broke HTTP and were answered 400, 431, 501 or 505.")),
      request_head_timeouts(r.counter("request_head_timeouts",
                                      "Requests whose head did not come in time, answered 408.")),
      websockets_sent_away(r.counter(
          "websockets_sent_away", "WebSockets that were sent a close frame because of a drain.")),
      aborted_exchanges(
          r.counter("aborted_exchanges", "Exchanges cut off after the reply had begun.")),
      backend_retries(r.counter("backend_retries", "Attempts after the first one.")),
      backend_replays(
          r.counter("backend_replays", "Requests sent again because a kept connection had died.")),
      client_connections(r.gauge("client_connections", "Open client connections.")),
      backend_connections(r.gauge("backend_connections", "Open backend connections.")),
      backend_connections_idle(
          r.gauge("backend_connections_idle", "Backend connections kept for reuse.")),
      tunnels(r.gauge("tunnels", "Open tunnels (WebSocket and other upgrades).")),
      registry_(r) {
  static constexpr const char* groups[] = {"xxx", "1xx", "2xx", "3xx", "4xx", "5xx"};
  for (size_t i = 0; i < 6; ++i) {
    route_service_responses_[i] =
        i == 1 ? route_service_responses_[0]
               : &r.counter("responses_route_services", "Responses of route services, by status.",
                            {{"status_group", groups[i]}});
    responses_[i] =
        i == 1 ? responses_[0]
               : &r.counter("responses", "Responses of backends and for routes, by status.",
                            {{"status_group", groups[i]}});
  }
}

ProxyMetrics::OfComponent& ProxyMetrics::of_component(std::string_view component) {
  auto found = components_.find(component);
  if (found != components_.end()) return *found->second;
  const std::string name(components_.size() < components_max ? component
                                                             : std::string_view("other"));
  found = components_.find(name);
  if (found != components_.end()) return *found->second;
  auto made = std::make_unique<OfComponent>(OfComponent{
      registry_.counter("total_requests", "Requests sent to backends.", {{"component", name}}),
      registry_.histogram("latency", "Time to the end of a reply, in milliseconds.",
                          milliseconds_bounds(), {{"component", name}})});
  return *components_.emplace(name, std::move(made)).first->second;
}

void ProxyMetrics::count_route_service_response(uint16_t status) {
  const unsigned group = status / 100u;
  route_service_responses_[group >= 2 && group <= 5 ? group : 0]->add();
}

void ProxyMetrics::count_response(uint16_t status) {
  const unsigned group = status / 100u;
  responses_[group >= 2 && group <= 5 ? group : 0]->add();
}

}  // namespace causeway::router
