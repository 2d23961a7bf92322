#include "control/route_emitter/emitter_metrics.h"

namespace causeway::route_emitter {

EmitterMetrics::EmitterMetrics(metrics::Registry& registry)
    : routes_total(
          registry.gauge("RoutesTotal", "Registered routes: one per hostname and instance")),
      http_routes(registry.gauge("HTTPRouteCount", "The same, of cf-router")),
      repeated(registry.counter("RoutesSynced", "Registrations said again")),
      registered(registry.counter("RoutesRegistered", "Registrations of new or changed routes")),
      unregistered(registry.counter("RoutesUnregistered", "Unregistrations of vanished routes")),
      messages(registry.counter("HTTPRouteNATSMessagesEmitted", "Messages published")),
      sync_duration_ns(registry.gauge("RouteEmitterSyncDuration",
                                      "Time the last fetch of the whole state took, nanoseconds")),
      collisions(registry.counter("AddressCollisions", "Instances that claimed an address in use")),
      events(registry.counter("route_emitter_events", "Events received from the BBS")),
      synced(registry.counter("route_emitter_synced", "Fetches of the state that succeeded")),
      failed_syncs(
          registry.counter("route_emitter_failed_syncs", "Fetches of the state that failed")),
      failed_messages(registry.counter("route_emitter_failed_messages",
                                       "Messages that could not be published")),
      unusable_routes(registry.counter("route_emitter_unusable_routes",
                                       "Desired LRPs seen whose cf-router routes are malformed")),
      waiting_unregistrations(registry.gauge("route_emitter_waiting_unregistrations",
                                             "Unregistrations that will be said again")),
      nats_connected(registry.gauge("route_emitter_nats_connected", "1 with a link to NATS")),
      bbs_connected(registry.gauge("route_emitter_bbs_connected", "1 with an event stream open")) {
  // Known to dashboards; nothing emits these routes yet.
  registry.gauge("TCPRouteCount", "Routes of tcp-router");
  registry.counter("InternalRouteNATSMessagesEmitted", "Messages of internal-router published");
}

void EmitterMetrics::routes(size_t count) {
  routes_total.set(static_cast<double>(count));
  http_routes.set(static_cast<double>(count));
}

}  // namespace causeway::route_emitter
