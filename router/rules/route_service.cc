// Route services (gorouter.md section 9): a request for a bound route goes to the service first,
// with a signature; with that it comes back and goes to the app.
#include <string>

#include "router/proxy/exchange.h"
#include "router/route_service/service_url.h"
#include "router/rules/mtls_domain.h"
#include "router/rules/request_rules.h"
#include "router/workbench/workbench.h"

namespace causeway::router {
namespace {

Verdict refuse_service(Exchange& exchange, const RouterReply& reply) {
  exchange.reply(reply);
  return Verdict::replied;
}

Verdict refuse_signature(Exchange& exchange, const Error& error, bool is_strict) {
  const bool has_expired = error.fault == Fault::timeout;
  const std::string message = "Failed to validate Route Service Signature: " + error.detail;
  exchange.bench().logger.error("signature-validation-failed", {{"error", error.detail}});
  RouterReply reply;
  reply.message = message;
  reply.status = has_expired ? 504 : is_strict ? 400 : 502;
  if (is_strict)
    reply.router_error =
        has_expired ? "expired_route_service_signature" : "invalid_route_service_signature";
  return refuse_service(exchange, reply);
}

Result<ServiceVisit> check_signature(Exchange& exchange) {
  const auto& signer = exchange.bench().service_signer;
  if (!signer)
    return Error{.fault = Fault::invalid, .detail = "Support for route services is disabled."};
  const RequestFacts& facts = exchange.facts();
  return signer->check(facts.proxy_signature, facts.proxy_metadata,
                       exchange.record().started_unix_ns);
}

// Was the request that the service got one for this route?
Result<void> check_route(Exchange& exchange, const ServiceVisit& visit) {
  const auto url = parse_forwarded_url(visit.forwarded_url);
  const Pool* pool = url ? exchange.table().find(url->host, url->path) : nullptr;
  if (pool == nullptr) {
    return Error{.fault = Fault::invalid,
                 .detail = "original request URL " + visit.forwarded_url +
                           " does not exist in the routing table"};
  }
  if (pool->id() != exchange.ruling().pool->id())
    return Error{.fault = Fault::invalid, .detail = "route service forwarded url mismatch"};
  return {};
}

Verdict come_back(Exchange& exchange) {
  const auto visit = check_signature(exchange);
  if (!visit) return refuse_signature(exchange, visit.error(), false);
  const auto route = check_route(exchange, *visit);
  if (!route) return refuse_signature(exchange, route.error(), false);
  exchange.ruling().service_leg = ServiceLeg::from_service;
  return Verdict::proceed;
}

// Scheme, host without port, and what was asked for, byte for byte.
std::string forwarded_url(Exchange& exchange) {
  const RequestFacts& facts = exchange.facts();
  std::string url = exchange.settings().route_services.recommend_https ? "https://" : "http://";
  url.append(facts.authority.substr(0, facts.authority.find(':')));
  std::string_view target = exchange.request().target;
  // Of an absolute-form target what follows the authority.
  if (facts.is_absolute)
    target = target.substr(static_cast<size_t>(facts.authority.data() - target.data()) +
                           facts.authority.size());
  return url.append(target);
}

// A service that is a route of this router is reached without leaving it; others as endpoints of
// their own. So are those of domains whose clients must show certificates: whoever may bind a
// route to a service would come in without one.
Verdict find_service(Exchange& exchange, const ServiceUrl& url) {
  const Settings::RouteServices& services = exchange.settings().route_services;
  Ruling& ruling = exchange.ruling();
  ruling.filter = {};
  const std::string_view table_host = url.authority.substr(0, url.authority.find(':'));
  const bool may_hairpin = services.hairpinning &&
                           is_on_allowlist(url.host, services.hairpinning_allowlist) &&
                           mtls_domain_of(table_host, exchange.settings()) == nullptr;
  const Pool* own = may_hairpin ? exchange.table().find(url.authority, url.path) : nullptr;
  if (own == nullptr) {
    ruling.service = exchange.bench().service_hosts.endpoint_of(url);
    return Verdict::proceed;
  }
  // The signature is for the app's route: it would be refused there.
  if (!own->route_service_url().empty())
    return refuse_signature(
        exchange, {.fault = Fault::invalid, .detail = "route service forwarded url mismatch"},
        false);
  if (require_free_endpoint(exchange, *own) == Verdict::replied) return Verdict::replied;
  ruling.pool = own;
  return Verdict::proceed;
}

Verdict go_to_service(Exchange& exchange, std::string_view service_url) {
  const auto url = parse_service_url(service_url);
  if (!url)
    return refuse_service(exchange, {.status = 502,
                                     .router_error = "route_service_unsupported",
                                     .message = "The route service has no valid URL."});
  Ruling& ruling = exchange.ruling();
  Arena& arena = exchange.arena();
  const ServiceVisit visit{forwarded_url(exchange), exchange.record().started_unix_ns};
  const ServiceSigner::Headers headers = exchange.bench().service_signer->sign(visit);
  ruling.service_leg = ServiceLeg::to_service;
  ruling.service_host = arena.copy(url->authority);
  ruling.service_target = url->target.starts_with('/') ? arena.copy(url->target)
                                                       : arena.copy("/" + std::string(url->target));
  ruling.forwarded_url = arena.copy(visit.forwarded_url);
  ruling.proxy_signature = arena.copy(headers.signature);
  ruling.proxy_metadata = arena.copy(headers.metadata);
  return find_service(exchange, *url);
}

}  // namespace

Verdict visit_route_service(Exchange& exchange) {
  const std::string_view service_url = exchange.ruling().pool->route_service_url();
  const RequestFacts& facts = exchange.facts();
  const Settings::RouteServices& services = exchange.settings().route_services;
  const bool is_signed = !facts.proxy_signature.empty();
  if (service_url.empty()) {
    if (!is_signed || !services.strict_signature_validation) return Verdict::proceed;
    const auto visit = check_signature(exchange);
    return visit ? Verdict::proceed : refuse_signature(exchange, visit.error(), true);
  }
  if (!services.key)
    return refuse_service(exchange, {.status = 502,
                                     .router_error = "route_service_unsupported",
                                     .message = "Support for route services is disabled."});
  if (facts.is_websocket() && !services.enable_websockets)
    return refuse_service(
        exchange,
        {.status = 503,
         .router_error = "route_service_unsupported",
         .message = "Websocket requests are not supported when bound to a Route Service."});
  return is_signed ? come_back(exchange) : go_to_service(exchange, service_url);
}

}  // namespace causeway::router
