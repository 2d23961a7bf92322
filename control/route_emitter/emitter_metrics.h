#pragma once

#include "control/route_emitter/routing_table.h"
#include "metrics/registry.h"

namespace causeway::route_emitter {

// Diego's metrics of the route emitter, and a few of our own (in snake_case). Owner: RouteEmitter.
struct EmitterMetrics {
  explicit EmitterMetrics(metrics::Registry& registry);

  // The table's size after a change.
  void routes(const RoutingTable& table);
  metrics::Counter& messages_of(RouteKind kind);

  metrics::Gauge& routes_total;
  metrics::Gauge& http_routes;
  metrics::Gauge& tcp_routes;
  metrics::Gauge& internal_routes;
  metrics::Counter& repeated;      // RoutesSynced
  metrics::Counter& registered;    // RoutesRegistered
  metrics::Counter& unregistered;  // RoutesUnregistered
  metrics::Counter& http_messages;
  metrics::Counter& tcp_messages;
  metrics::Counter& internal_messages;
  metrics::Gauge& sync_duration_ns;
  metrics::Counter& collisions;
  metrics::Counter& events;
  metrics::Counter& synced;
  metrics::Counter& failed_syncs;
  metrics::Counter& failed_messages;
  metrics::Counter& api_created;
  metrics::Counter& api_deleted;
  metrics::Counter& api_refused;
  metrics::Counter& api_failures;
  metrics::Counter& unusable_routes;
  metrics::Gauge& waiting_unregistrations;
  metrics::Gauge& lock_held;
  metrics::Gauge& nats_connected;
  metrics::Gauge& bbs_connected;
};

}  // namespace causeway::route_emitter
