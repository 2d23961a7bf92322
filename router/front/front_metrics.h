#pragma once

#include "metrics/registry.h"

namespace causeway::router {

// One worker's shard of what is counted before a connection is one of HTTP. Owner: its workbench.
// Thread: its worker writes, any scrapes.
struct FrontMetrics {
  explicit FrontMetrics(metrics::Registry& registry);

  metrics::Counter& handshakes_full;
  metrics::Counter& handshakes_resumed;
  metrics::Counter& handshakes_failed;
  metrics::Counter& handshakes_timed_out;
  metrics::Counter& handshakes_delayed;
  metrics::Counter& proxy_headers_refused;
  metrics::Gauge& arriving;
};

}  // namespace causeway::router
