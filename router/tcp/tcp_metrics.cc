#include "router/tcp/tcp_metrics.h"

#include <string>

namespace causeway::router {
namespace {

metrics::Counter& of_port(metrics::Registry& registry, const char* name, const char* help,
                          uint16_t port) {
  return registry.counter(name, help, {{"port", std::to_string(port)}});
}

}  // namespace

TcpPortMetrics::TcpPortMetrics(metrics::Registry& registry, uint16_t port)
    : connections(
          of_port(registry, "tcp_connections", "Connections accepted on a routed port.", port)),
      client_bytes(of_port(registry, "tcp_client_bytes", "Bytes passed on from clients.", port)),
      backend_bytes(of_port(registry, "tcp_backend_bytes", "Bytes passed on to clients.", port)),
      dial_failures(
          of_port(registry, "tcp_dial_failures", "Instances that could not be reached.", port)),
      failed(of_port(registry, "tcp_connections_failed",
                     "Connections reset because no instance could be reached.", port)),
      refused(of_port(registry, "tcp_connections_refused",
                      "Connections reset at once because of max_connections.", port)),
      proxy_headers_refused(of_port(registry, "tcp_proxy_headers_refused",
                                    "Connections reset because of a PROXY header that is none.",
                                    port)),
      idle(of_port(registry, "tcp_connections_idle",
                   "Connections reset because no byte came for idle_timeout.", port)),
      open(registry.gauge("tcp_connections_open", "Open connections of a routed port.",
                          {{"port", std::to_string(port)}})) {}

}  // namespace causeway::router
