#include "router/tcp/tcp_router.h"

#include <utility>

#include "net/loop.h"

namespace causeway::router {
namespace {

constexpr std::string_view kRegister = "router.tcp.register";
constexpr std::string_view kUnregister = "router.tcp.unregister";
constexpr size_t kLoggedPayloadBytes = 512;
// Refusals that are remembered so as not to be told again; beyond it they are only counted.
constexpr size_t kToldRefusalsMax = 1000;
// A worker that takes longer than this to close a listener hangs.
constexpr Duration kClosingTime = std::chrono::seconds(1);

}  // namespace

TcpRouter::TcpRouter(net::Loop& loop, const Clock& clock, const log::Logger& logger,
                     metrics::Registry& registry, Options options,
                     std::span<net::Loop* const> worker_loops)
    : clock_(clock),
      logger_(logger.session("tcp")),
      registry_(registry),
      options_(std::move(options)),
      book_(options_.book),
      malformed_(registry.counter("tcp_route_messages_malformed",
                                  "TCP route messages dropped because they are not valid.")),
      refused_(registry.counter("tcp_routes_refused",
                                "Registrations of TCP routes that this router cannot carry.")),
      pruned_(registry.counter("tcp_routes_pruned",
                               "Instances of TCP routes removed because nobody refreshed them.")),
      port_failures_(registry.counter("tcp_port_failures", "Failed attempts to open a port.")),
      publish_timer_(loop),
      prune_timer_(loop),
      retry_timer_(loop) {
  for (net::Loop* worker_loop : worker_loops) {
    workers_.push_back(std::make_unique<TcpWorker>(
        TcpWorker::Wiring{.loop = *worker_loop,
                          .settings = options_.book.settings,
                          .logger = logger_,
                          .metrics = registry,
                          .workers = static_cast<uint32_t>(worker_loops.size()),
                          .seed = options_.seed + workers_.size()}));
  }
  register_gauges();
}

void TcpRouter::register_gauges() {
  registry_.gauge_from("tcp_routes", "Ports that have instances.",
                       [this] { return static_cast<double>(book_.ports()); });
  registry_.gauge_from("tcp_endpoints", "Instances of all TCP routes.",
                       [this] { return static_cast<double>(book_.endpoints()); });
  registry_.gauge_from("tcp_ports_open", "Ports of TCP routes that are listened on.",
                       [this] { return static_cast<double>(open_ports_.size()); });
}

void TcpRouter::take(std::string_view subject, std::string_view payload) {
  const bool adds = subject == kRegister;
  if (!adds && subject != kUnregister) return;
  const auto message = cf::parse_tcp_route_message(payload);
  if (!message) {
    malformed_.add();
    return logger_.error("validation-error", {{"subject", subject},
                                              {"error", message.error().detail},
                                              {"payload", payload.substr(0, kLoggedPayloadBytes)}});
  }
  applied(adds ? book_.add(*message, clock_.now()) : book_.remove(*message), *message);
  changed();
}

void TcpRouter::take_known(std::string_view payload, Duration age) {
  const auto message = cf::parse_tcp_route_message(payload);
  if (!message) return malformed_.add();
  applied(book_.add(*message, clock_.now() - age), *message);
}

void TcpRouter::inherit(const TakeSocket& take_socket) {
  for (const TcpRouteChange& change : book_.take_changes()) {
    waiting_[change.port] = change.pool;
    if (change.pool == nullptr) continue;
    while (auto socket = take_socket(net::Address::any(change.port))) {
      inherited_[change.port].emplace_back(socket->release());
    }
  }
}

std::vector<net::ListeningSocket> TcpRouter::duplicate_sockets() {
  std::vector<net::ListeningSocket> all;
  for (const auto& worker : workers_) {
    for (net::ListeningSocket& socket : worker->duplicate_sockets()) {
      all.push_back(std::move(socket));
    }
  }
  return all;
}

void TcpRouter::leave_sockets() {
  for (const auto& worker : workers_) worker->leave_sockets();
}

void TcpRouter::applied(const TcpBook::Applied& applied, const cf::TcpRouteMessage& message) {
  const std::string backend = message.host + ":" + std::to_string(message.port);
  const log::Fields fields{{"port", message.external_port},
                           {"router_group_guid", message.router_group_guid},
                           {"backend", backend},
                           {"application_id", message.app},
                           {"instance_id", message.private_instance_id},
                           {"reason", applied.reason}};
  switch (applied.outcome) {
    case TcpBook::Outcome::added:
    case TcpBook::Outcome::updated:
      return logger_.info("tcp-endpoint-registered", fields);
    case TcpBook::Outcome::refreshed:
      return logger_.debug("tcp-endpoint-registered", fields);
    case TcpBook::Outcome::removed:
      return logger_.info("tcp-endpoint-unregistered", fields);
    case TcpBook::Outcome::not_found:
      return logger_.debug("tcp-endpoint-not-unregistered", fields);
    case TcpBook::Outcome::out_of_shard:
      return;
    case TcpBook::Outcome::refused:
      break;
  }
  refused_.add();
  if (told_refusals_.size() >= kToldRefusalsMax) return;
  std::string told = std::to_string(message.external_port) + " " + applied.reason;
  if (told_refusals_.insert(std::move(told)).second) logger_.error("tcp-route-refused", fields);
}

void TcpRouter::serve(std::function<bool()> is_connected) {
  is_connected_ = std::move(is_connected);
  is_serving_ = true;
  prune_timer_.every(options_.prune_interval, [this] { prune(); });
  for (auto& [port, pool] : std::exchange(waiting_, {})) post({port, pool});
  publish();
  inherited_.clear();
}

void TcpRouter::changed() {
  if (!is_serving_ || publish_timer_.is_armed() || !book_.has_changes()) return;
  publish_timer_.once(options_.publish_interval, [this] { publish(); });
}

void TcpRouter::publish() {
  if (!is_serving_) return;
  for (TcpRouteChange& change : book_.take_changes()) post(std::move(change));
  std::erase_if(closed_ports_, [this](const auto& closed) { return closed.second < clock_.now(); });
}

void TcpRouter::post(TcpRouteChange change) {
  waiting_.erase(change.port);
  SocketsOfWorkers sockets(workers_.size());
  if (change.pool == nullptr) {
    if (open_ports_.erase(change.port) == 0) return;
    closed_ports_[change.port] = clock_.now() + kClosingTime;
    logger_.info("tcp-port-closed", {{"port", change.port}});
  } else if (!open_ports_.contains(change.port)) {
    auto opened = open_port(change.port);
    if (!opened) {
      port_failures_.add();
      logger_.error("tcp-port-not-open", opened.error(), {{"port", change.port}});
      waiting_[change.port] = std::move(change.pool);
      return retry_later();
    }
    sockets = *std::move(opened);
    open_ports_.insert(change.port);
    logger_.info("tcp-port-open", {{"port", change.port}});
  }
  for (size_t i = 0; i < workers_.size(); ++i) {
    std::vector<TcpWorker::Change> one(1);
    one[0] = {.port = change.port, .pool = change.pool, .listeners = std::move(sockets[i])};
    workers_[i]->post(std::move(one));
  }
}

Result<TcpRouter::SocketsOfWorkers> TcpRouter::open_port(uint16_t port) {
  const net::Address address = net::Address::any(port);
  std::vector<Socket> sockets;
  if (auto node = inherited_.extract(port)) {
    sockets = std::move(node.mapped());
  } else if (!closed_ports_.contains(port)) {
    // Our own listeners let each other in; another process's must not be joined.
    if (auto is_free = check_is_free(address); !is_free) return std::move(is_free).error();
  }
  while (sockets.size() < workers_.size()) {
    auto socket = open_listener(address);
    if (!socket) return std::move(socket).error();
    sockets.push_back(*std::move(socket));
  }
  SocketsOfWorkers of_workers(workers_.size());
  for (size_t i = 0; i < sockets.size(); ++i) {
    of_workers[i % workers_.size()].push_back(std::move(sockets[i]));
  }
  return of_workers;
}

void TcpRouter::retry_later() {
  if (retry_timer_.is_armed()) return;
  retry_timer_.once(options_.book.settings.port_retry_interval, [this] {
    for (auto& [port, pool] : std::exchange(waiting_, {})) post({port, pool});
  });
}

void TcpRouter::prune() {
  if (options_.suspend_pruning_if_nats_unavailable && !is_connected_()) {
    is_suspended_ = true;
    return logger_.info("prune-suspended");
  }
  if (std::exchange(is_suspended_, false)) book_.mark_all_fresh(clock_.now());
  for (const TcpBook::Pruned& gone : book_.prune(clock_.now())) {
    pruned_.add();
    logger_.info("pruned-tcp-route", {{"port", gone.port}, {"backend", gone.address}});
  }
  changed();
}

void TcpRouter::drain(Duration timeout, const std::function<void(size_t)>& on_drained) {
  is_serving_ = false;
  publish_timer_.disarm();
  prune_timer_.disarm();
  retry_timer_.disarm();
  for (const auto& worker : workers_) worker->drain(timeout, on_drained);
}

size_t TcpRouter::connections() const {
  size_t open = 0;
  for (const auto& worker : workers_) open += worker->connections();
  return open;
}

}  // namespace causeway::router
