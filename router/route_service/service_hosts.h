#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "router/route/endpoint.h"
#include "router/route_service/service_url.h"

namespace causeway::router {

// Route services outside of the route table, each as an endpoint that is reached over TLS and must
// prove to be the URL's host: so requests to a service share connections as those to an app do.
// Owner: a worker's workbench. Thread: its worker's.
class ServiceHosts {
 public:
  // The endpoint of the URL's host and port. At most `hosts_max` are remembered; beyond that all
  // are forgotten, and connections to them are not found again.
  std::shared_ptr<const Endpoint> endpoint_of(const ServiceUrl& url);

  // Ids of services never meet those of registered endpoints.
  static constexpr EndpointId first_id = EndpointId{1} << 63;
  static constexpr size_t hosts_max = 1000;

 private:
  std::unordered_map<std::string, std::shared_ptr<const Endpoint>> hosts_;
  EndpointId next_id_ = first_id;
};

}  // namespace causeway::router
