#include "router/observe/proxy_metrics.h"

namespace causeway::router {
namespace {

// Components come with registrations, not from clients; still a table of them has an end.
constexpr size_t components_max = 1000;
// Apps with series of their own, in each worker; later ones share "other".
constexpr size_t apps_max = 10'000;

// The metric of a name; made by `make` for a new one.
template <class Map, class Make>
auto& of_name(Map& map, std::string_view name, const Make& make) {
  auto found = map.find(name);
  if (found != map.end()) return *found->second;
  const std::string kept(map.size() < apps_max ? name : std::string_view("other"));
  found = map.find(kept);
  if (found == map.end()) found = map.emplace(kept, &make(kept)).first;
  return *found->second;
}

}  // namespace

ProxyMetrics::ProxyMetrics(metrics::Registry& r, const Settings& settings)
    : rejected_requests(
          r.counter("rejected_requests", "Requests the router itself refused (400, 404).")),
      bad_gateways(r.counter("bad_gateways", "Requests answered 502 because the backend failed.")),
      empty_content_length_header(r.counter("empty_content_length_header",
                                            "Always 0: such requests are refused as malformed.")),
      backend_exhausted_conns(r.counter(
          "backend_exhausted_conns", "Requests refused because every endpoint is at max_conns.")),
      backend_invalid_id(r.counter("backend_invalid_id",
                                   "Endpoints whose certificate is that of another instance.")),
      backend_invalid_tls_cert(
          r.counter("backend_invalid_tls_cert", "Endpoints whose certificate is not trusted.")),
      backend_tls_handshake_failed(
          r.counter("backend_tls_handshake_failed", "TLS handshakes that endpoints refused.")),
      websocket_upgrades(r.counter("websocket_upgrades", "Requests that became tunnels.")),
      websocket_failures(r.counter("websocket_failures", "Upgrade requests that failed.")),
      route_lookup_time(r.histogram("route_lookup_time", "Time to find a route, in nanoseconds.",
                                    settings.histogram_bounds.route_lookup_ns)),
      gorouter_time(r.histogram("gorouter_time", "Time spent in the router, in seconds.",
                                settings.histogram_bounds.gorouter_seconds)),
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
      http2_floods(r.counter("http2_floods", "HTTP/2 connections ended because of a flood.")),
      http2_stalled_streams(
          r.counter("http2_stalled_streams", "HTTP/2 replies that the client did not take.")),
      backend_retries(r.counter("backend_retries", "Attempts after the first one.")),
      backend_replays(
          r.counter("backend_replays", "Requests sent again because a kept connection had died.")),
      client_connections(r.gauge("client_connections", "Open client connections.")),
      backend_connections(r.gauge("backend_connections", "Open backend connections.")),
      backend_connections_idle(
          r.gauge("backend_connections_idle", "Backend connections kept for reuse.")),
      backend_streams(r.gauge("backend_streams", "Open HTTP/2 streams to backends.")),
      tunnels(r.gauge("tunnels", "Open tunnels (WebSocket and other upgrades).")),
      registry_(r),
      bounds_(settings.histogram_bounds) {
  r.histogram_view("route_lookup_time_seconds", "Time to find a route.", "route_lookup_time", 1e9);
  r.histogram_view("gorouter_time_seconds", "Time spent in the router.", "gorouter_time", 1);
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
                          bounds_.latency_ms, {{"component", name}})});
  registry_.histogram_view("latency_seconds", "Time to the end of a reply.", "latency", 1e3);
  return *components_.emplace(name, std::move(made)).first->second;
}

metrics::Histogram& ProxyMetrics::http_latency(std::string_view source_id) {
  return of_name(
      http_latency_, source_id, [this](const std::string& name) -> auto& {
        return registry_.histogram("http_latency_seconds", "Time to the end of a reply, per app.",
                                   bounds_.http_latency_seconds, {{"source_id", name}});
      });
}

metrics::Counter& ProxyMetrics::app_requests(std::string_view app_id) {
  return of_name(
      app_requests_, app_id, [this](const std::string& name) -> auto& {
        return registry_.counter("app_requests", "Requests answered for an app.",
                                 {{"app_id", name}});
      });
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
