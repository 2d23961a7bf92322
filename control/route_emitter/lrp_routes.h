#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace causeway::route_emitter {

// The value that a DesiredLRP's routes have for one router each.

// One hostname of an LRP's "cf-router" routes and the container port behind it. A value.
struct HttpRoute {
  std::string hostname = {};  // with path, if it has one
  uint32_t port = 0;
  std::string protocol = {};
  std::string route_service_url = {};
  std::string isolation_segment = {};
  std::string options = {};  // JSON object, "" without
  friend bool operator==(const HttpRoute&, const HttpRoute&) = default;
};

// The value of "cf-router": [{"hostnames":["a.b"],"port":8080,...}]. Empty hostnames are left out.
Result<std::vector<HttpRoute>> parse_http_routes(std::string_view json);

// One port of a router that an LRP's "tcp-router" routes name. A value.
struct TcpRoute {
  std::string router_group_guid = {};
  uint16_t external_port = 0;
  uint32_t port = 0;              // in the container
  std::string sni_hostname = {};  // backend_sni_hostname
  bool terminate_frontend_tls = false;
  bool enable_backend_mtls = false;
  friend bool operator==(const TcpRoute&, const TcpRoute&) = default;
};

// [{"router_group_guid":"g","external_port":1024,"container_port":8080,...}]
Result<std::vector<TcpRoute>> parse_tcp_routes(std::string_view json);
// The hostnames of "internal-router": [{"hostname":"a.apps.internal"}]. Empty ones are left out.
Result<std::vector<std::string>> parse_internal_routes(std::string_view json);

}  // namespace causeway::route_emitter
