#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "net/proxy_header.h"
#include "router/settings/proxy_protocol.h"

namespace causeway::router {

struct PortRange {
  uint16_t first = 0;
  uint16_t last = 0;  // the range's own
  friend bool operator==(const PortRange&, const PortRange&) = default;
};

// What configuration says of TCP routes (`tcp_router`). An immutable value.
struct TcpSettings {
  bool is_enabled = false;
  std::vector<PortRange> reservable_ports;
  std::vector<uint16_t> own_ports;         // the router listens there itself: no route's
  std::vector<std::string> router_groups;  // guids; empty: any
  Duration connect_timeout = std::chrono::seconds(5);
  Duration idle_timeout = std::chrono::seconds(300);  // HAProxy's in Cloud Foundry; 0: none
  Duration failed_mark_lifetime = std::chrono::seconds(30);
  Duration port_retry_interval = std::chrono::seconds(5);
  uint32_t attempts_max = 3;
  size_t connections_max = 64'000;  // of the router, HAProxy's in Cloud Foundry; 0: no limit
  size_t pipes_max = 256;           // per worker; two descriptors and up to 256 KiB each
  bool logs_connections = false;
  // Of those who connect to routed ports.
  ProxyProtocol proxy_protocol = {};
  // Instances are told of their client by such a header; none: by nothing.
  std::optional<net::ProxyVersion> sent_proxy_header;

  bool allows(uint16_t port) const {
    return std::find(own_ports.begin(), own_ports.end(), port) == own_ports.end() &&
           std::any_of(reservable_ports.begin(), reservable_ports.end(),
                       [port](const PortRange& range) {
                         return range.first <= port && port <= range.last;
                       });
  }
};

}  // namespace causeway::router
