#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace models {
class DesiredLRP;
class ProtoRoutes;
class TaskDefinition;
}  // namespace models

namespace causeway::cli {

// The domain under which `causeway run` desires its apps; it is kept fresh for ever, so that
// scaling down and stopping are carried out.
inline constexpr std::string_view kDomain = "causeway";
// The router group of the TCP routes it makes.
inline constexpr std::string_view kRouterGroup = "default-tcp";
inline constexpr std::string_view kDefaultRootFs = "preloaded:base";

// What the options of `run` ask for. A value.
struct App {
  std::string name;
  std::string command;  // run by sh -c
  std::string root_fs{kDefaultRootFs};
  std::string user = "vcap";
  std::vector<uint16_t>
      ports;  // of the container; the first one gets the routes and the health check
  std::vector<std::string> routes;     // hostname[/path]
  std::vector<std::string> tcp_ports;  // of the router, or ROUTER:CONTAINER
  std::vector<std::string> env;        // NAME=VALUE
  int32_t instances = 1;
  int32_t memory_mb = 128;
  int32_t disk_mb = 256;
  int32_t max_pids = 256;
  std::string health_path;  // "": the port must accept; "/x": it must answer 200 there
  int64_t start_timeout_ms = 60'000;
};

struct OneOff {
  std::string command;
  std::string root_fs{kDefaultRootFs};
  std::string user = "vcap";
  std::vector<std::string> env;
  std::string result_file;
  int32_t memory_mb = 128;
  int32_t disk_mb = 256;
  int32_t max_pids = 256;
};

// "64M", "1G", "512" (MB) -> MB; Fault::invalid with the reason.
Result<int32_t> parse_megabytes(std::string_view text);

// The messages for the BBS. Fault::invalid says what to change: a name or route that Cloud Foundry
// would refuse, routes without a port, an environment entry without "=".
Result<models::DesiredLRP> desired_lrp(const App& app);
Result<models::TaskDefinition> task_definition(std::string_view name, const OneOff& one_off);

// One entry of the `tcp-router` part of a process's routes.
struct TcpPort {
  uint16_t external_port = 0;  // of the router
  uint16_t port = 0;           // of the container
  friend bool operator==(const TcpPort&, const TcpPort&) = default;
};
// Empty when there is none or it is not readable.
std::vector<TcpPort> tcp_routes(const models::ProtoRoutes& routes);

// The `cf-router` part of a process's routes: hostname and container port. Empty when there is none
// or it is not readable.
std::vector<std::pair<std::string, uint32_t>> http_routes(const models::ProtoRoutes& routes);

}  // namespace causeway::cli
