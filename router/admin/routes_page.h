#pragma once

#include <string>

#include "base/clock.h"
#include "router/route/route_table.h"

namespace causeway::router {

// The table as JSON, as /routes of the status listener shows it: route -> list of endpoints.
// `stale_threshold`: the router's own, for endpoints without one. Walks all of the table.
std::string routes_json(const RouteTable& table, Duration stale_threshold);

}  // namespace causeway::router
