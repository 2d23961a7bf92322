#include <utility>

#include "metrics/registry.h"
#include "rpc/server.h"

namespace causeway::rpc {

void serve_metrics(Server& server, const metrics::Registry& registry) {
  server.route("GET", "/metrics", [&registry](const Request&, Responder responder) {
    responder.reply(200, "text/plain; version=0.0.4; charset=utf-8", registry.prometheus_text());
  });
  server.route("GET", "/health", [](const Request&, Responder responder) {
    responder.reply(200, "text/plain; charset=utf-8", "ok\n");
  });
}

}  // namespace causeway::rpc
