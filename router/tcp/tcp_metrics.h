#pragma once

#include <cstdint>

#include "metrics/registry.h"

namespace causeway::router {

// What one worker counts of one port. Owner: its TcpPort. Written by its worker.
struct TcpPortMetrics {
  TcpPortMetrics(metrics::Registry& registry, uint16_t port);

  metrics::Counter& connections;
  metrics::Counter& client_bytes;
  metrics::Counter& backend_bytes;
  metrics::Counter& dial_failures;
  metrics::Counter& failed;
  metrics::Counter& refused;
  metrics::Counter& proxy_headers_refused;
  metrics::Counter& idle;
  metrics::Gauge& open;
};

}  // namespace causeway::router
