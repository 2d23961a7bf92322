#include <chrono>
#include <string>

#include "router/proxy/exchange.h"
#include "router/route/route_table.h"
#include "router/rules/request_rules.h"
#include "router/workbench/workbench.h"

namespace causeway::router {
namespace {

std::string_view host_of(const Exchange& exchange) {
  const std::string_view authority = exchange.facts().authority;
  return authority.substr(0, authority.find(':'));
}

Verdict refuse(Exchange& exchange, const RouterReply& reply) {
  exchange.bench().metrics.rejected_requests.add();
  exchange.reply(reply);
  return Verdict::replied;
}

Verdict refuse_unknown(Exchange& exchange) {
  const std::string message =
      "Requested route ('" + std::string(host_of(exchange)) + "') does not exist.";
  return refuse(exchange, {.status = 404,
                           .router_error = "unknown_route",
                           .message = message,
                           .cache_control = "no-cache, no-store"});
}

Verdict refuse_instance(Exchange& exchange) {
  const InstanceFilter& filter = exchange.ruling().filter;
  const std::string message = "Requested instance ('" + std::string(filter.index) +
                              "') with guid ('" + std::string(filter.guid) +
                              "') does not exist for route ('" + std::string(host_of(exchange)) +
                              "')";
  return refuse(exchange, {.status = 400, .router_error = "unknown_route", .message = message});
}

}  // namespace

Verdict require_host(Exchange& exchange) {
  const std::string_view host = host_of(exchange);
  exchange.record().host = exchange.facts().authority;
  // The client's own address: a crude probe (section 10).
  if (!host.empty() && host != exchange.client().client_ip()) return Verdict::proceed;
  return refuse(exchange, {.status = 400,
                           .router_error = "empty_host",
                           .message = "Request had empty Host header",
                           .cache_control = "public,max-age=2"});
}

Verdict look_up_route(Exchange& exchange) {
  Workbench& bench = exchange.bench();
  const bool is_timed = bench.settings.per_request_metrics_reporting;
  const auto before = is_timed ? std::chrono::steady_clock::now() : Instant{};
  const Pool* pool = exchange.pin_table().find(exchange.facts().authority, exchange.facts().path);
  if (is_timed) {
    const Duration took = std::chrono::steady_clock::now() - before;
    bench.metrics.route_lookup_time.observe(static_cast<double>(took.count()));
  }
  if (pool == nullptr) return refuse_unknown(exchange);
  const InstanceFilter& filter = exchange.ruling().filter;
  if (filter.by != InstanceFilter::By::nothing && !pool->has_match(filter))
    return refuse_instance(exchange);
  if (require_free_endpoint(exchange, *pool) == Verdict::replied) return Verdict::replied;
  exchange.ruling().pool = pool;
  return Verdict::proceed;
}

Verdict require_free_endpoint(Exchange& exchange, const Pool& pool) {
  Workbench& bench = exchange.bench();
  if (pool.empty()) {
    const std::string message =
        "Requested route ('" + std::string(host_of(exchange)) + "') has no available endpoints.";
    exchange.reply({.status = 503,
                    .router_error = "no_endpoints",
                    .message = message,
                    .cache_control = "public,max-age=2"});
    return Verdict::replied;
  }
  if (bench.balancer.is_overloaded(pool, exchange.ruling().filter)) {
    bench.metrics.backend_exhausted_conns.add();
    bench.logger.info("connection-limit-reached",
                      {{"vcap_request_id", exchange.ruling().request_id}});
    const std::string message = "Requested route ('" + std::string(host_of(exchange)) +
                                "') has reached the connection limit.";
    exchange.reply({.status = 503, .router_error = "Connection Limit Reached", .message = message});
    return Verdict::replied;
  }
  return Verdict::proceed;
}

}  // namespace causeway::router
