#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace causeway::route_emitter {

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

// Whether a value of "tcp-router" or "internal-router" names any route.
bool has_routes(std::string_view json);

}  // namespace causeway::route_emitter
