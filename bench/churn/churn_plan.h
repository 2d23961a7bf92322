#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "bench/load/http/http_plan.h"
#include "cf/wire/registry_message.h"
#include "nats/client.h"
#include "net/address.h"

namespace causeway::churn {

// What is to be registered, refreshed, replaced and measured, as asked for.
struct ChurnOptions {
  std::vector<std::string> nats;      // host:port
  std::string router;                 // host:port where it takes requests
  std::vector<std::string> backends;  // host:port, may hold ranges {1..4}
  std::string domain = "churn.test";
  uint64_t routes = 1000;
  unsigned endpoints = 1;                       // of each route
  double register_rate = 0;                     // messages/s; 0: as fast as possible
  Duration refresh = std::chrono::seconds(20);  // every endpoint is said again; 0: never
  double churn_rate = 10;                       // routes replaced per second
  std::string traffic;                          // requests/s beside it; empty: none
  unsigned connections = 16;                    // of the traffic
  Duration quiet = std::chrono::seconds(5);     // traffic alone, for comparison
  Duration churn_duration = std::chrono::seconds(20);
  Duration timeout = std::chrono::seconds(60);  // for a route to appear or to go
  uint64_t verify = 1000;                       // routes asked for after registration
  bool keep = false;                            // registered at the end
};

// The same, worked out.
struct ChurnPlan {
  ChurnOptions options;
  net::Address router;
  std::vector<cf::RegistryMessage> backends;  // host and port only
  std::vector<nats::Options::Server> servers;
  // Requests for the steady routes, of `duration`; absent: no traffic.
  std::optional<load::HttpPlan> quiet, registration, churn;
};

inline constexpr uint64_t routes_max = 10'000'000;
inline constexpr unsigned steady_routes = 16;  // those that traffic asks for

// Fault::invalid names the option.
Result<ChurnPlan> make_churn_plan(const ChurnOptions& options);

std::string route_host(const ChurnPlan& plan, uint64_t route);
std::string steady_host(const ChurnPlan& plan, uint64_t number);
// What a route-emitter says of one endpoint of a route.
cf::RegistryMessage registration_of(const ChurnPlan& plan, const std::string& host, uint64_t route,
                                    unsigned endpoint);

}  // namespace causeway::churn
