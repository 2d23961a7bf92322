#include "router/front/front_metrics.h"

namespace causeway::router {
namespace {

metrics::Counter& handshakes(metrics::Registry& registry, const char* result) {
  return registry.counter("client_tls_handshakes", "TLS handshakes of clients, by how they ended.",
                          {{"result", result}});
}

}  // namespace

FrontMetrics::FrontMetrics(metrics::Registry& registry)
    : handshakes_full(handshakes(registry, "full")),
      handshakes_resumed(handshakes(registry, "resumed")),
      handshakes_failed(handshakes(registry, "failed")),
      handshakes_timed_out(handshakes(registry, "timed_out")),
      handshakes_delayed(registry.counter(
          "client_tls_handshakes_delayed",
          "TLS handshakes of clients that waited for their turn (handshakes_per_second).")),
      proxy_headers_refused(registry.counter(
          "proxy_headers_refused", "Connections closed because of a PROXY header that is none.")),
      arriving(registry.gauge("clients_arriving",
                              "Client connections before their first byte of HTTP.")) {}

}  // namespace causeway::router
