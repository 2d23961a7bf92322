// The parts of RouterProcess that concern upgrades: doc/operations.md tells the order of things.

#include <utility>

#include "router/router_process.h"

namespace causeway::router {

namespace {

std::vector<KnownRoute> as_routes(std::vector<std::pair<std::string, Duration>> known) {
  std::vector<KnownRoute> routes;
  routes.reserve(known.size());
  for (auto& [payload, age] : known) routes.push_back({std::move(payload), age});
  return routes;
}

}  // namespace

bool RouterProcess::begin_take_over() {
  if (config_.upgrade_socket.empty()) {
    fail("upgrade-failed", {.fault = Fault::invalid, .detail = "upgrade.socket is not set"});
    return false;
  }
  auto begun = TakeOver::begin(config_.upgrade_socket, launch_.version);
  if (begun) {
    take_over_.emplace(*std::move(begun));
    held_tcp_.emplace();
    return true;
  }
  if (begun.error().fault == Fault::unavailable || begun.error().fault == Fault::closed) {
    logger_.warn("upgrade-without-predecessor", {{"socket", config_.upgrade_socket}});
    return true;
  }
  fail("upgrade-refused", begun.error());
  return false;
}

void RouterProcess::take_table() {
  const auto on_http = [this](std::string_view payload, Duration age) {
    feed_->take_known(payload, age);
  };
  const auto on_tcp = [this](std::string_view payload, Duration age) {
    if (tcp_ != nullptr) tcp_->take_known(payload, age);
  };
  const Result<void> taken = take_over_->fetch_routes(on_http, on_tcp);
  if (!taken) return on_take_over_failed(taken.error(), false);
  feed_->release();
  release_tcp();
  logger_.info("upgrade-table-taken",
               {{"routes", book_.routes()}, {"endpoints", book_.endpoints()}});
  take_sockets();
}

void RouterProcess::release_tcp() {
  const auto held = std::exchange(held_tcp_, std::nullopt);
  if (!held || tcp_ == nullptr) return;
  for (const nats::Message& message : *held) tcp_->take(message.subject, message.payload);
}

void RouterProcess::take_sockets() {
  if (const Result<void> taken = take_over_->fetch_sockets(inherited_); !taken) {
    return on_take_over_failed(taken.error(), true);
  }
  logger_.info("upgrade-sockets-taken", {{"sockets", inherited_.left()}});
  const auto take = [this](const net::Address& address) { return inherited_.take(address); };
  if (const Result<void> listening = admin_.listen(take); !listening) {
    take_over_->abandon(listening.error().detail);
    return fail("error-listening", listening.error());
  }
  if (tcp_ != nullptr) tcp_->inherit(take);
  serve();
}

// Without the other router this one is the only one left; otherwise that one goes on.
void RouterProcess::on_take_over_failed(const Error& error, bool has_table) {
  if (error.fault != Fault::closed) {
    take_over_->abandon(error.detail);
    return fail("upgrade-failed", error);
  }
  logger_.warn("upgrade-predecessor-died", {{"has_table", has_table}});
  take_over_.reset();
  if (!has_table) {
    feed_->release();
    release_tcp();
  }
  const auto take = [this](const net::Address& address) { return inherited_.take(address); };
  if (const Result<void> listening = admin_.listen(take); !listening) {
    return fail("error-listening", listening.error());
  }
  const bool may_serve = has_table;
  timer_.once(may_serve ? Duration::zero() : config_.start_response_delay, [this] { serve(); });
}

bool RouterProcess::finish_take_over() {
  // Sockets that nobody wanted close here, with the other router's.
  inherited_.clear();
  const Result<void> said = take_over_ ? take_over_->say_serving() : Result<void>();
  if (!said && said.error().fault != Fault::closed) {
    fail("upgrade-failed", said.error());
    return false;
  }
  open_hand_over();
  take_over_.reset();  // the other one learns that the path is this router's
  return true;
}

void RouterProcess::open_hand_over() {
  if (config_.upgrade_socket.empty()) return;
  HandOver::Giver& giver = *this;
  hand_over_ = std::make_unique<HandOver>(loop_, logger_,
                                          HandOver::Options{.path = config_.upgrade_socket,
                                                            .timeout = config_.upgrade_timeout,
                                                            .version = launch_.version,
                                                            .words = launch_.words},
                                          giver);
  if (const Result<void> listening = hand_over_->listen(); !listening) {
    // Requests are served all the same.
    logger_.error("upgrade-socket-failed", listening.error());
    hand_over_.reset();
  }
}

std::string_view RouterProcess::obstacle() const {
  if (phase_ == Phase::draining || phase_ == Phase::stopped) return "this router is ending";
  return phase_ == Phase::serving ? "" : "this router does not serve yet";
}

std::vector<KnownRoute> RouterProcess::http_routes() const { return as_routes(feed_->known()); }

std::vector<KnownRoute> RouterProcess::tcp_routes() const {
  return tcp_ == nullptr ? std::vector<KnownRoute>() : as_routes(tcp_->known());
}

std::vector<net::ListeningSocket> RouterProcess::listening_sockets() {
  std::vector<net::ListeningSocket> all = admin_.duplicate_sockets();
  const auto add = [&all](std::vector<net::ListeningSocket> some) {
    for (net::ListeningSocket& socket : some) all.push_back(std::move(socket));
  };
  for (const auto& worker : workers_) add(worker->duplicate_sockets());
  if (tcp_ != nullptr) add(tcp_->duplicate_sockets());
  return all;
}

void RouterProcess::run_at_full_priority(const std::function<void()>& work) {
  workers_.front()->run_there(work);
}

// As a drain, but for what concerns new clients: the sockets are the new router's, and so is the
// health that whoever balances over routers asks for.
void RouterProcess::on_handed_over() {
  admin_.leave_sockets();
  for (const auto& worker : workers_) worker->leave_sockets();
  if (tcp_ != nullptr) tcp_->leave_sockets();
  phase_ = Phase::draining;
  drain_began_ = clock_.now();
  const std::chrono::duration<double> timeout = config_.drain_timeout;
  logger_.info("gorouter-draining", {{"wait_seconds", 0.0}, {"timeout_seconds", timeout.count()}});
  drain_workers();
}

}  // namespace causeway::router
