#include "router/route_service/service_hosts.h"

namespace causeway::router {

std::shared_ptr<const Endpoint> ServiceHosts::endpoint_of(const ServiceUrl& url) {
  std::string key(url.authority);
  if (const auto found = hosts_.find(key); found != hosts_.end()) return found->second;
  if (hosts_.size() >= hosts_max) hosts_.clear();
  EndpointSpec spec;
  spec.host = url.host;
  if (spec.host.starts_with('[')) spec.host = spec.host.substr(1, spec.host.size() - 2);
  spec.port = url.port;
  spec.tls = true;
  spec.server_cert_domain_san = spec.host;
  return hosts_.emplace(std::move(key), std::make_shared<const Endpoint>(next_id_++, spec))
      .first->second;
}

}  // namespace causeway::router
