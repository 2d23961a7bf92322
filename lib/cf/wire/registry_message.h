#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// The JSON messages of the NATS subjects router.*: what route-emitter and other registrars say to
// routers, and what a router says of itself.
namespace causeway::cf {

// Payload of router.register and router.unregister. A value; field names on the wire in comments
// where they differ.
struct RegistryMessage {
  std::string host = {};
  uint16_t port = 0;
  uint16_t tls_port = 0;  // not 0: wins over port
  std::vector<std::string> uris = {};
  std::string app = {};
  std::string private_instance_id = {};
  std::string private_instance_index = {};
  std::string server_cert_domain_san = {};
  std::string protocol = {};  // "", "http1", "http2"
  std::string route_service_url = {};
  int64_t stale_threshold_in_seconds = 0;
  int64_t endpoint_updated_at_ns = 0;
  std::string isolation_segment = {};
  std::string availability_zone = {};
  std::map<std::string, std::string> tags = {};
  std::string loadbalancing = {};  // options.loadbalancing
  std::string hash_header = {};    // options.hash_header
  double hash_balance = 0;         // options.hash_balance, a number or a text of one
  // To be written only: the whole of `options`, instead of the three. Reading leaves it empty.
  std::string options_json = {};
  friend bool operator==(const RegistryMessage&, const RegistryMessage&) = default;
};

// Leaves out what is empty or 0.
std::string to_json(const RegistryMessage& message);
// Fault::invalid naming the field: not JSON, a field of the wrong kind, no host, no port, a route
// service that is not https. Fields that are not known are ignored, null counts as absent.
Result<RegistryMessage> parse_registry_message(std::string_view json);

// Payload of router.start, and the answer to router.greet.
struct RouterStart {
  std::string id = {};
  std::vector<std::string> hosts = {};
  int64_t minimum_register_interval_s = 0;  // minimumRegisterIntervalInSeconds
  int64_t prune_threshold_s = 0;            // pruneThresholdInSeconds
  friend bool operator==(const RouterStart&, const RouterStart&) = default;
};

std::string to_json(const RouterStart& start);
Result<RouterStart> parse_router_start(std::string_view json);

}  // namespace causeway::cf
