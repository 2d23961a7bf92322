#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "net/address.h"

namespace causeway::router {

// An instance behind a port. An immutable value, shared by the workers and by its connections.
struct TcpEndpoint {
  net::Address address;
  std::string app_id;
  std::string instance_id;
  std::string instance_index;
  std::string availability_zone;
  friend bool operator==(const TcpEndpoint&, const TcpEndpoint&) = default;
};

// All instances behind one port, at least one. Immutable.
struct TcpPool {
  std::vector<std::shared_ptr<const TcpEndpoint>> endpoints;
};

// What a port serves from now on.
struct TcpRouteChange {
  uint16_t port = 0;
  std::shared_ptr<const TcpPool> pool;  // null: nothing any more
};

}  // namespace causeway::router
