#include "control/route_emitter/emitter_metrics.h"

namespace causeway::route_emitter {

EmitterMetrics::EmitterMetrics(metrics::Registry& registry)
    : routes_total(
          registry.gauge("RoutesTotal", "Registered routes: one per hostname and instance")),
      http_routes(registry.gauge("HTTPRouteCount", "The same, of cf-router")),
      tcp_routes(registry.gauge("TCPRouteCount", "The same, of tcp-router")),
      internal_routes(registry.gauge("InternalRouteCount", "The same, of internal-router")),
      repeated(registry.counter("RoutesSynced", "Registrations said again")),
      registered(registry.counter("RoutesRegistered", "Registrations of new or changed routes")),
      unregistered(registry.counter("RoutesUnregistered", "Unregistrations of vanished routes")),
      http_messages(
          registry.counter("HTTPRouteNATSMessagesEmitted", "Messages of cf-router published")),
      tcp_messages(
          registry.counter("TCPRouteNATSMessagesEmitted", "Messages of tcp-router published")),
      internal_messages(registry.counter("InternalRouteNATSMessagesEmitted",
                                         "Messages of internal-router published")),
      sync_duration_ns(registry.gauge("RouteEmitterSyncDuration",
                                      "Time the last fetch of the whole state took, nanoseconds")),
      collisions(registry.counter("AddressCollisions", "Instances that claimed an address in use")),
      events(registry.counter("route_emitter_events", "Events received from the BBS")),
      synced(registry.counter("route_emitter_synced", "Fetches of the state that succeeded")),
      failed_syncs(
          registry.counter("route_emitter_failed_syncs", "Fetches of the state that failed")),
      failed_messages(registry.counter("route_emitter_failed_messages",
                                       "Messages that could not be published")),
      api_created(registry.counter("route_emitter_routing_api_created",
                                   "Routes told to the Routing API, repetitions too")),
      api_deleted(registry.counter("route_emitter_routing_api_deleted",
                                   "Routes taken from the Routing API")),
      api_refused(registry.counter("route_emitter_routing_api_refused",
                                   "Routes the Routing API did not take")),
      api_failures(registry.counter("route_emitter_routing_api_failures",
                                    "Calls to UAA and the Routing API that failed")),
      unusable_routes(registry.counter("route_emitter_unusable_routes",
                                       "Desired LRPs seen with routes that are malformed")),
      waiting_unregistrations(registry.gauge("route_emitter_waiting_unregistrations",
                                             "Unregistrations that will be said again")),
      lock_held(registry.gauge("LockHeld", "1 while this process may speak for its lock")),
      nats_connected(registry.gauge("route_emitter_nats_connected", "1 with a link to NATS")),
      bbs_connected(registry.gauge("route_emitter_bbs_connected", "1 with an event stream open")) {}

void EmitterMetrics::routes(const RoutingTable& table) {
  routes_total.set(static_cast<double>(table.announced()));
  http_routes.set(static_cast<double>(table.announced(RouteKind::http)));
  tcp_routes.set(static_cast<double>(table.announced(RouteKind::tcp)));
  internal_routes.set(static_cast<double>(table.announced(RouteKind::internal)));
}

metrics::Counter& EmitterMetrics::messages_of(RouteKind kind) {
  switch (kind) {
    case RouteKind::http:
      break;
    case RouteKind::tcp:
      return tcp_messages;
    case RouteKind::internal:
      return internal_messages;
  }
  return http_messages;
}

}  // namespace causeway::route_emitter
