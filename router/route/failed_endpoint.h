#pragma once

#include <string>

#include "router/route/endpoint.h"

namespace causeway::router {

// What a worker tells the control thread: this endpoint of that route failed in a way that proves
// it is not what was registered (section 5, "removes TLS endpoint"). A value.
struct FailedEndpoint {
  std::string route_key;
  EndpointId endpoint = 0;
};

}  // namespace causeway::router
