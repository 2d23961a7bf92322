#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "log/logger.h"
#include "metrics/registry.h"
#include "net/timer.h"
#include "router/admin/varz_page.h"
#include "router/route/route_table.h"
#include "rpc/identity.h"
#include "rpc/server.h"
#include "tls/context.h"

namespace causeway::net {
class Loop;
}

namespace causeway::router {

// What operators ask a router: its health, its routes, its metrics, each on a listener of its own.
// Owner: main(). Thread: control.
class Admin {
 public:
  struct Options {
    std::string status_host = "0.0.0.0";
    uint16_t status_port = 8080;  // /health, /is-process-alive-do-not-use-for-loadbalancing
    uint16_t routes_port = 8082;  // /routes on 127.0.0.1
    std::string user, password;   // of /routes; no password: refused to everybody
    bool serves_plain_status = true;
    // Of the same pages over TLS on the same host; without a certificate there is no such listener.
    uint16_t status_tls_port = 8443;
    tls::ServerContext::Options status_tls = {};
    uint16_t prometheus_port = 0;              // /metrics on 127.0.0.1; 0 = off
    rpc::Identity::Files prometheus_tls = {};  // none: in the clear; else for those it trusts
    Duration prometheus_tls_interval = std::chrono::seconds(10);  // between looks at these files
    Duration stale_threshold = std::chrono::seconds(120);
    bool serves_varz = false;  // /varz, /healthz and /routes on the status listener as well
    VarzPage::Identity identity = {};
  };
  // `table`: the latest snapshot, for /routes.
  Admin(net::Loop& loop, const log::Logger& logger, const metrics::Registry& registry,
        Options options, std::function<std::shared_ptr<const RouteTable>()> table);

  // Binds all listeners; unhealthy until told otherwise.
  Result<void> listen();
  // The same, on sockets that listen already where `take_socket` has them.
  using TakeSocket = std::function<std::optional<net::ListeningSocket>(const net::Address&)>;
  Result<void> listen(const TakeSocket& take_socket);
  // All listening sockets, for another process; then leave_sockets() closes them here. Requests
  // under way are answered.
  std::vector<net::ListeningSocket> duplicate_sockets();
  void leave_sockets();
  // Another certificate for the status listener over TLS, if there is one: false otherwise.
  bool use(std::unique_ptr<tls::ServerContext> status_tls);
  void set_healthy(bool healthy) { is_healthy_ = healthy; }
  // Another page of the routes listener, beside /routes and seen by the same people.
  void serve_json(std::string_view path, std::function<std::string()> body);

 private:
  static Result<void> listen(rpc::Server& server, const net::Address& address,
                             const TakeSocket& take_socket);
  void serve_health(rpc::Server& server);
  void open_tls(net::Loop& loop, const log::Logger& logger);
  std::vector<rpc::Server*> servers();
  void serve_varz(net::Loop& loop, const metrics::Registry& registry);
  void reply_varz(const rpc::Request& request, rpc::Responder responder) const;
  void serve_routes(const rpc::Request& request, rpc::Responder responder) const;
  bool may_see_routes(const rpc::Request& request) const;
  void refuse(rpc::Responder responder) const;

  const Options options_;
  const std::function<std::shared_ptr<const RouteTable>()> table_;
  bool is_healthy_ = false;
  Result<void> ready_;  // or why TLS is not
  std::unique_ptr<tls::ServerContext> status_context_;
  std::unique_ptr<rpc::Identity> prometheus_identity_;
  rpc::Server status_;
  rpc::Server routes_;
  std::optional<rpc::Server> status_tls_;
  std::optional<rpc::Server> prometheus_;
  const SystemClock clock_;
  std::optional<VarzPage> varz_;
  std::optional<net::Timer> varz_timer_;
};

}  // namespace causeway::router
