#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace causeway::cf {

// Payload of router.tcp.register and router.tcp.unregister (doc/tcp-routes.md): one instance behind
// one port of the router. A value; members are named as on the wire.
struct TcpRouteMessage {
  std::string router_group_guid = {};
  uint16_t external_port = 0;
  std::string host = {};
  uint16_t port = 0;
  uint16_t tls_port = 0;
  std::string sni_hostname = {};
  bool terminate_frontend_tls = false;
  bool enable_backend_mtls = false;
  std::string app = {};
  std::string private_instance_id = {};
  std::string private_instance_index = {};
  std::string server_cert_domain_san = {};
  std::string isolation_segment = {};
  std::string availability_zone = {};
  int64_t stale_threshold_in_seconds = 0;
  int64_t endpoint_updated_at_ns = 0;
  friend bool operator==(const TcpRouteMessage&, const TcpRouteMessage&) = default;
};

// Leaves out what is empty, 0 or false.
std::string to_json(const TcpRouteMessage& message);
// Fault::invalid naming the field: not JSON, a field of the wrong kind, no external_port, no host,
// no port. Fields that are not known are ignored, null counts as absent.
Result<TcpRouteMessage> parse_tcp_route_message(std::string_view json);

}  // namespace causeway::cf
