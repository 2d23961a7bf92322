#include "router/admin/admin.h"

#include <unordered_set>
#include <utility>

#include "http/headers.h"
#include "router/admin/routes_page.h"
#include "tls/digest.h"

namespace causeway::router {

namespace {

constexpr std::string_view kText = "text/plain; charset=utf-8";

// gorouter's: 10 s to read a request and to write the answer.
rpc::Server::Options small_server() {
  rpc::Server::Options options;
  options.connections_max = 1'000;
  options.body_bytes_max = 64u << 10;
  options.idle_timeout = std::chrono::seconds(30);
  options.request_timeout = std::chrono::seconds(10);
  return options;
}

Error with_name(Error error, std::string_view listener) {
  error.detail = std::string(listener) + ": " + error.detail;
  return error;
}

}  // namespace

Admin::Admin(net::Loop& loop, const log::Logger& logger, const metrics::Registry& registry,
             Options options, std::function<std::shared_ptr<const RouteTable>()> table)
    : options_(std::move(options)),
      table_(std::move(table)),
      status_(loop, logger.session("status"), small_server()),
      routes_(loop, logger.session("routes"), small_server()) {
  open_tls(loop, logger);
  serve_health(status_);
  if (status_tls_) serve_health(*status_tls_);
  routes_.route("GET", "/routes", [this](const rpc::Request& request, rpc::Responder responder) {
    serve_routes(request, std::move(responder));
  });
  rpc::serve_metrics(*prometheus_, registry);
  if (options_.serves_varz) serve_varz(loop, registry);
}

void Admin::open_tls(net::Loop& loop, const log::Logger& logger) {
  rpc::Server::Options metrics = small_server();
  if (!options_.prometheus_tls.is_empty()) {
    auto identity = rpc::Identity::open(loop, logger, options_.prometheus_tls,
                                        {.check_interval = options_.prometheus_tls_interval});
    if (!identity) {
      ready_ = with_name(identity.error(), "prometheus");
    } else {
      prometheus_identity_ = std::move(identity).value();
      metrics.identity = prometheus_identity_.get();
    }
  }
  prometheus_.emplace(loop, logger.session("prometheus"), metrics);
  if (options_.status_tls.key_pair.certificate_pem.empty()) return;
  auto context = tls::ServerContext::make(options_.status_tls);
  if (!context) {
    ready_ = with_name(context.error(), "status.tls");
    return;
  }
  status_context_ = std::move(context).value();
  rpc::Server::Options status = small_server();
  status.tls = status_context_.get();
  status_tls_.emplace(loop, logger.session("status-tls"), status);
}

bool Admin::use(std::unique_ptr<tls::ServerContext> status_tls) {
  if (!status_tls_) return false;
  status_tls_->use(*status_tls);
  status_context_ = std::move(status_tls);
  return true;
}

std::vector<rpc::Server*> Admin::servers() {
  std::vector<rpc::Server*> all{&status_, &routes_, &*prometheus_};
  if (status_tls_) all.push_back(&*status_tls_);
  return all;
}

void Admin::serve_varz(net::Loop& loop, const metrics::Registry& registry) {
  varz_.emplace(registry, clock_, options_.identity);
  varz_timer_.emplace(loop);
  varz_timer_->every(VarzPage::tick_interval, [this] { varz_->tick(); });
  status_.route("GET", "/healthz", [](const rpc::Request&, rpc::Responder responder) {
    responder.reply(200, kText, "ok");
  });
  status_.route("GET", "/varz", [this](const rpc::Request& request, rpc::Responder responder) {
    reply_varz(request, std::move(responder));
  });
  status_.route("GET", "/routes", [this](const rpc::Request& request, rpc::Responder responder) {
    serve_routes(request, std::move(responder));
  });
}

void Admin::reply_varz(const rpc::Request& request, rpc::Responder responder) const {
  if (!may_see_routes(request)) return refuse(std::move(responder));
  const std::shared_ptr<const RouteTable> table = table_();
  std::unordered_set<EndpointId> endpoints;  // one may serve several routes
  table->for_each([&endpoints](const Pool& pool) {
    for (const auto& endpoint : pool.endpoints()) endpoints.insert(endpoint->id());
  });
  responder.reply(200, "application/json", varz_->json(table->size(), endpoints.size()),
                  {{"Connection", "close"}});
}

void Admin::serve_health(rpc::Server& server) {
  const rpc::HeaderList uncached{{"Cache-Control", "private, max-age=0"}, {"Expires", "0"}};
  server.route("*", "/health", [this, uncached](const rpc::Request&, rpc::Responder responder) {
    if (is_healthy_) return responder.reply(200, kText, "ok\n", uncached);
    responder.reply(503, "", "", uncached);
  });
  server.route("*", "/is-process-alive-do-not-use-for-loadbalancing",
               [uncached](const rpc::Request&, rpc::Responder responder) {
                 responder.reply(200, kText, "ok\n", uncached);
               });
}

bool Admin::may_see_routes(const rpc::Request& request) const {
  constexpr std::string_view kScheme = "Basic ";
  const std::string_view authorization = request.header("Authorization");
  if (options_.password.empty() || authorization.size() < kScheme.size() ||
      !http::equals_ignoring_case(authorization.substr(0, kScheme.size()), kScheme)) {
    return false;
  }
  const Result<std::string> pair = tls::base64_decode(authorization.substr(kScheme.size()));
  return pair && tls::equal_secrets(*pair, options_.user + ":" + options_.password);
}

void Admin::refuse(rpc::Responder responder) const {
  responder.reply(401, kText, "401 Unauthorized\n",
                  {{"WWW-Authenticate", "Basic realm=\"Authorization Required\""}});
}

void Admin::serve_json(std::string_view path, std::function<std::string()> body) {
  routes_.route(
      "GET", std::string(path),
      [this, page = std::move(body)](const rpc::Request& request, rpc::Responder responder) {
        if (!may_see_routes(request)) return refuse(std::move(responder));
        responder.reply(200, "application/json", page(), {{"Connection", "close"}});
      });
}

void Admin::serve_routes(const rpc::Request& request, rpc::Responder responder) const {
  if (!may_see_routes(request)) return refuse(std::move(responder));
  responder.reply(200, "application/json", routes_json(*table_(), options_.stale_threshold),
                  {{"Connection", "close"}});
}

Result<void> Admin::listen(rpc::Server& server, const net::Address& address,
                           const TakeSocket& take_socket) {
  if (auto socket = take_socket(address)) {
    server.listen(*std::move(socket));
    return {};
  }
  auto listening = server.listen(address);
  if (!listening) return std::move(listening).error();
  return {};
}

Result<void> Admin::listen() {
  return listen([](const net::Address&) { return std::nullopt; });
}

Result<void> Admin::listen(const TakeSocket& take_socket) {
  if (!ready_) return ready_;
  const auto host = net::Address::parse(options_.status_host, options_.status_port);
  if (!host) return with_name(host.error(), "status");
  const auto routes = listen(routes_, net::Address::loopback(options_.routes_port), take_socket);
  if (!routes) return with_name(routes.error(), "routes");
  if (options_.serves_plain_status) {
    const auto status = listen(status_, *host, take_socket);
    if (!status) return with_name(status.error(), "status");
  }
  if (status_tls_) {
    const auto secured = net::Address::parse(options_.status_host, options_.status_tls_port);
    const auto status = listen(*status_tls_, *secured, take_socket);
    if (!status) return with_name(status.error(), "status.tls");
  }
  if (options_.prometheus_port == 0) return {};
  const auto metrics =
      listen(*prometheus_, net::Address::loopback(options_.prometheus_port), take_socket);
  if (!metrics) return with_name(metrics.error(), "prometheus");
  return {};
}

std::vector<net::ListeningSocket> Admin::duplicate_sockets() {
  std::vector<net::ListeningSocket> copies;
  for (const rpc::Server* server : servers()) {
    if (auto copy = server->duplicate_listener()) copies.push_back(*std::move(copy));
  }
  return copies;
}

void Admin::leave_sockets() {
  for (rpc::Server* server : servers()) server->stop_listening();
}

}  // namespace causeway::router
