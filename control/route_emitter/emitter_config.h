#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "control/route_emitter/lrp_values.h"
#include "control/route_emitter/routing_api_config.h"
#include "log/logger.h"
#include "nats/client.h"
#include "net/address.h"
#include "rpc/identity.h"

namespace causeway::route_emitter {

// The configuration file's keys that are served, Diego's names in comments where they differ.
struct EmitterConfig {
  std::string bbs_url;                                          // bbs_address
  std::string cell_id;                                          // "": the instances of all cells
  net::Address health_address = net::Address::loopback(17011);  // healthcheck_address
  std::string debug_address;                                    // "": no debug server
  nats::Options nats;                              // nats_addresses, nats_username, nats_password
  Reach reach = Reach::host;                       // register_direct_instance_routes
  Serves serves{.tcp = false, .internal = false};  // enable_tcp_emitter, enable_internal_emitter
  RoutingApiConfig routing_api;  // routing_api, oauth, tcp_route_ttl, tcp_enable_tls
  Duration communication_timeout = std::chrono::seconds(30);
  Duration sync_interval = std::chrono::seconds(60);
  Duration register_interval = std::chrono::seconds(20);
  double jitter_factor = 0.2;
  Duration unregistration_interval = std::chrono::seconds(30);
  uint32_t unregistration_send_count = 20;
  std::string locket_url;  // locket_address, if locks_locket_enabled; "": no lock is taken
  std::string uuid;        // owner of the lock
  rpc::Identity::Files bbs_tls, locket_tls;
  Duration lock_ttl = std::chrono::seconds(14);
  Duration lock_retry_interval = std::chrono::seconds(5);
  log::Level log_level = log::Level::info;
  log::TimeFormat time_format = log::TimeFormat::rfc3339;
};

struct LoadedConfig {
  EmitterConfig config;
  std::vector<std::string> unknown_keys;
};

// Fault::invalid with every problem, one per line.
Result<LoadedConfig> read_config(const std::string& path);
Result<LoadedConfig> parse_config(std::string_view text, std::string name);

}  // namespace causeway::route_emitter
