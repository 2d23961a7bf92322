// What a client's certificate is good for: X-Forwarded-Client-Cert (gorouter.md section 7.3), and
// domains that are only for clients with one.
#include <string>

#include "router/proxy/exchange.h"
#include "router/proxy/requester.h"
#include "router/rules/mtls_domain.h"
#include "router/rules/request_rules.h"
#include "router/workbench/workbench.h"
#include "tls/name_pattern.h"

namespace causeway::router {
namespace {

// Exactly what the route table takes for the host: no other reading of the field may find a route.
std::string_view host_of(std::string_view authority) {
  return authority.substr(0, authority.find(':'));
}

ClientCertPolicy policy_of(const ClientFacts& client, const Settings& settings) {
  if (client.is_tls() && !client.tls->domain.empty()) {
    for (const MtlsDomain& each : settings.mtls_domains) {
      if (each.name == client.tls->domain) return each.forwarded_client_cert;
    }
  }
  return settings.forwarded_client_cert;
}

}  // namespace

const MtlsDomain* mtls_domain_of(std::string_view host, const Settings& settings) {
  const MtlsDomain* best = nullptr;
  size_t most = 0;
  for (const MtlsDomain& each : settings.mtls_domains) {
    const size_t covered = tls::bytes_covered(each.name, host);
    if (covered > most) {
      best = &each;
      most = covered;
    }
  }
  return best;
}

Verdict require_own_domain(Exchange& exchange) {
  const Settings& settings = exchange.settings();
  if (settings.mtls_domains.empty()) return Verdict::proceed;
  std::string_view host = host_of(exchange.facts().authority);
  if (host.ends_with('.')) host.remove_suffix(1);
  const MtlsDomain* domain = mtls_domain_of(host, settings);
  if (domain == nullptr) return Verdict::proceed;
  // Whom the handshake was for says which authority the client's certificate had to convince.
  const ClientFacts& client = exchange.client().facts();
  if (client.showed_certificate() && client.tls->domain == domain->name &&
      http::equals_ignoring_case(client.tls->server_name, host))
    return Verdict::proceed;
  exchange.bench().metrics.rejected_requests.add();
  const std::string message =
      "The connection was not made for '" + std::string(host) + "', which needs one of its own.";
  exchange.reply(
      {.status = 421, .router_error = "misdirected_request", .message = message, .closes = true});
  return Verdict::replied;
}

Verdict forward_client_cert(Exchange& exchange) {
  const ClientFacts& client = exchange.client().facts();
  Ruling& ruling = exchange.ruling();
  const bool is_back = ruling.service_leg == ServiceLeg::from_service;
  switch (policy_of(client, exchange.settings())) {
    case ClientCertPolicy::always_forward:
      break;
    case ClientCertPolicy::forward:
      ruling.drops_client_cert = is_back || !client.showed_certificate();
      break;
    case ClientCertPolicy::sanitize_set:
      // The service has been given what the router wrote; over TLS it is believed.
      if (is_back && client.is_tls()) break;
      ruling.drops_client_cert = true;
      if (client.showed_certificate()) ruling.client_cert = client.tls->forwarded_certificate;
      break;
  }
  return Verdict::proceed;
}

}  // namespace causeway::router
