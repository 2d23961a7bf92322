#pragma once

#include <string>

#include "base/clock.h"
#include "rpc/identity.h"

namespace causeway::config {
class Section;
}

namespace causeway::route_emitter {

// How TCP routes reach Cloud Foundry's Routing API. A value.
struct RoutingApiConfig {
  std::string url = {};                      // routing_api.url and .port; "": it is not told
  rpc::Identity::Files tls = {};             // routing_api.ca_cert_file ...
  Duration ttl = std::chrono::seconds(120);  // tcp_route_ttl
  bool tells_tls = false;                    // tcp_enable_tls
  std::string uaa_url = {};                  // oauth.uaa_url; "": calls carry no token
  std::string client_name = {}, client_secret = {};
  rpc::Identity::Files uaa_tls = {};  // oauth.ca_certs
  bool verifies_uaa = true;           // not oauth.skip_cert_verify
  Duration uaa_timeout{};             // oauth.uaa_request_timeout; 0: communication_timeout
};

// Problems are noted at their keys.
RoutingApiConfig read_routing_api(config::Section& root);

}  // namespace causeway::route_emitter
