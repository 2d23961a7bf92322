#pragma once

#include <cstddef>

#include "metrics/registry.h"

namespace causeway::route_emitter {

// Diego's metrics of the route emitter, and a few of our own (in snake_case). Owner: RouteEmitter.
struct EmitterMetrics {
  explicit EmitterMetrics(metrics::Registry& registry);

  // The table's size after a change.
  void routes(size_t count);

  metrics::Gauge& routes_total;
  metrics::Gauge& http_routes;
  metrics::Counter& repeated;      // RoutesSynced
  metrics::Counter& registered;    // RoutesRegistered
  metrics::Counter& unregistered;  // RoutesUnregistered
  metrics::Counter& messages;
  metrics::Gauge& sync_duration_ns;
  metrics::Counter& collisions;
  metrics::Counter& events;
  metrics::Counter& synced;
  metrics::Counter& failed_syncs;
  metrics::Counter& failed_messages;
  metrics::Counter& unusable_routes;
  metrics::Gauge& waiting_unregistrations;
  metrics::Gauge& nats_connected;
  metrics::Gauge& bbs_connected;
};

}  // namespace causeway::route_emitter
