#include "router/router_process.h"

#include <unistd.h>

#include <array>
#include <csignal>
#include <span>
#include <thread>
#include <utility>

#include "base/background.h"
#include "json/json.h"
#include "router/local_network.h"
#include "router/observe/process_metrics.h"
#include "router/upgrade/service_notice.h"
#include "tls/context.h"
#include "tls/random.h"

namespace causeway::router {

namespace {

// Reports of failed endpoints that wait for the control thread. One that finds no room is lost: the
// next request to that endpoint makes another.
constexpr size_t kFailedEndpointsMax = 4096;
// From subscribing until the NATS servers surely tell this router what they tell the other one.
constexpr Duration kSubscriptionTime = std::chrono::milliseconds(300);

uint64_t random_seed() {
  uint64_t seed = 0;
  tls::random_bytes(std::as_writable_bytes(std::span(&seed, 1)));
  return seed;
}

RouteFeed::Options feed_options(const RouterConfig& config, const std::string& ip) {
  const auto whole_seconds = [](Duration duration) {
    return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
  };
  return {.nats = config.nats,
          .start = {.id = std::to_string(config.index) + "-" + tls::random_uuid(),
                    .hosts = {ip},
                    .minimum_register_interval_s = whole_seconds(config.start_response_delay),
                    .prune_threshold_s = whole_seconds(config.routes.stale_threshold)},
          .prune_interval = config.prune_interval,
          .suspend_pruning_if_nats_unavailable = config.suspend_pruning_if_nats_unavailable,
          .registration_latency_bounds_ms = config.settings.histogram_bounds.route_registration_ms,
          .enable_http2 = config.settings.enable_http2};
}

}  // namespace

tls::ServerContext::Options RouterProcess::status_tls_of(const RouterConfig& config) {
  return {.key_pair = config.status_tls,
          .alpn = {"http/1.1"},
          .least = config.tls.least,
          .most = config.tls.most};
}

Admin::Options RouterProcess::admin_options(const RouterConfig& config) {
  return {.status_host = config.status_host,
          .status_port = config.status_port,
          .routes_port = config.routes_port,
          .user = config.status_user,
          .password = config.status_pass,
          .serves_plain_status = config.serves_plain_status,
          .status_tls_port = config.status_tls_port,
          .status_tls = status_tls_of(config),
          .prometheus_port = config.prometheus_port,
          .prometheus_tls = {.authorities = config.prometheus_tls.authorities,
                             .certificate = config.prometheus_tls.certificate,
                             .key = config.prometheus_tls.key},
          .prometheus_tls_interval = config.tls.reload_interval,
          .stale_threshold = config.routes.stale_threshold,
          .serves_varz = config.serves_varz,
          .identity = {.index = config.index,
                       .host = local_ip() + ":" + std::to_string(config.status_port),
                       .user = config.status_user,
                       .password = config.status_pass}};
}

RouterProcess::RouterProcess(LoadedConfig loaded, log::Sink& sink, const log::Logger& logger,
                             Launch launch)
    : config_(std::move(loaded.config)),
      values_(std::move(loaded.values)),
      sink_(sink),
      logger_(logger),
      launch_(std::move(launch)),
      reloads_(registry_.counter("config_reloads", "Configurations read again and taken on.")),
      reload_failures_(
          registry_.counter("config_reload_failures",
                            "Configurations read again that were not good: nothing changed.")),
      book_(config_.routes, clock_),
      table_(book_.publish()),
      admin_(loop_, logger_, registry_, admin_options(config_), [this] { return table_; }),
      timer_(loop_),
      drained_(loop_, 4096, [this](size_t&& open_exchanges) { on_worker_drained(open_exchanges); }),
      failed_endpoints_(loop_, kFailedEndpointsMax,
                        [this](FailedEndpoint&& failed) { feed_->take_failed(failed); }),
      failed_listeners_(loop_, 4096, [this](Error&& error) { on_failed_listener(error); }) {
  drained_.unref();
  failed_listeners_.unref();
  failed_endpoints_.unref();
  loop_.on_slow_turn([this](Duration took) {
    logger_.info("slow-turn",
                 {{"milliseconds", std::chrono::duration<double, std::milli>(took).count()}});
  });
}

RouterProcess::~RouterProcess() = default;

int RouterProcess::run() {
  if (open()) {
    watch_signals();
    loop_.run();
  }
  // What could still ask for something goes first; then the workers with their connections, and
  // last what lived on their loops.
  signals_.clear();
  hand_over_.reset();
  feed_.reset();
  if (access_log_ != nullptr) access_log_->stop_blocking();
  for (const auto& worker : workers_) worker->stop();
  tcp_.reset();
  return exit_code_;
}

bool RouterProcess::open() {
  logger_.info("starting");
  log_sharding();
  if (launch_.takes_over && !begin_take_over()) return false;
  if (!open_access_log()) return false;
  // A router that takes over gets the sockets when it can serve.
  const Result<void> listening = take_over_ ? Result<void>() : admin_.listen();
  if (!listening) {
    fail("error-listening", listening.error());
    return false;
  }
  register_metrics();
  start_workers();
  if (!open_tls()) return false;
  // From here on: the workers go first, and what this thread starts later waits as well.
  become_background_thread(config_.background_niceness);
  feed_ = std::make_unique<RouteFeed>(
      loop_, clock_, logger_, registry_, book_, feed_options(config_, local_ip()),
      RouteFeed::Events{.on_table =
                            [this](std::shared_ptr<const RouteTable> table) {
                              table_ = std::move(table);
                              for (const auto& worker : workers_) worker->post(table_);
                            },
                        .on_connected = [this] { on_connected(); },
                        .on_closed =
                            [this](const Error& error) {
                              const bool is_first = phase_ == Phase::connecting;
                              fail(is_first ? "nats-connection-error" : "nats-connection-closed",
                                   error);
                            }});
  if (tcp_ != nullptr) {
    feed_->nats().subscribe(TcpRouter::kSubjects, [this](const nats::Message& message) {
      if (held_tcp_) return held_tcp_->push_back(message);
      tcp_->take(message.subject, message.payload);
    });
  }
  return true;
}

bool RouterProcess::open_tls() {
  if (!config_.tls.is_enabled) return true;
  tls_keeper_ = std::make_unique<TlsKeeper>(loop_, logger_, registry_, config_.tls,
                                            [this](const std::shared_ptr<const FrontTls>& tls) {
                                              for (const auto& worker : workers_) worker->use(tls);
                                            });
  const Result<void> ready = tls_keeper_->open();
  if (!ready) fail("error-reading-certificates", ready.error());
  return ready.has_value();
}

bool RouterProcess::open_access_log() {
  const AccessLogConfig& config = config_.access_log;
  if (config.file.empty() && !config.streams_to_syslog) return true;
  AccessLog::Options options{.path = config.file,
                             .queue_bytes_max = config.queue_bytes,
                             .blocks_when_full = config.blocks_when_full,
                             .thread_niceness = config_.background_niceness,
                             .logger = &logger_};
  if (config.streams_to_syslog) {
    options.syslog = SyslogOutlet::Options{.host = config.syslog_host,
                                           .port = config.syslog_port,
                                           .is_tcp = config.syslog_over_tcp,
                                           .family = config.syslog_family,
                                           .tag = config_.log_source,
                                           .truncate_bytes = config.syslog_truncate,
                                           .is_rfc5424 = config.syslog_is_rfc5424};
  }
  auto access_log = AccessLog::open(std::move(options));
  if (!access_log) {
    fail("error-opening-access-log", access_log.error());
    return false;
  }
  access_log_ = std::move(access_log).value();
  return true;
}

void RouterProcess::log_sharding() const {
  constexpr std::array<const char*, 3> kModes{"all", "segments", "shared-and-segments"};
  json::Writer segments;
  segments.array();
  for (const std::string& segment : config_.routes.isolation_segments) {
    segments.value(std::string_view(segment));
  }
  logger_.info(
      "retrieved-isolation-segments",
      {log::Field::json("isolation_segments", segments.end().take()),
       {"routing_table_sharding_mode", kModes[static_cast<size_t>(config_.routes.sharding)]}});
}

void RouterProcess::register_metrics() {
  register_process_metrics(registry_);
  if (access_log_ != nullptr) access_log_->register_metrics(registry_);
}

Result<std::shared_ptr<const Settings>> RouterProcess::settings_of(
    const RouterConfig& config) const {
  Settings settings = config.settings;
  settings.router_ip = local_ip();
  auto backend_tls = tls::ClientContext::make(config.backend_tls);
  if (!backend_tls) return std::move(backend_tls).error();
  settings.backend_tls = *std::move(backend_tls);
  return std::make_shared<const Settings>(std::move(settings));
}

std::shared_ptr<const Settings> RouterProcess::worker_settings() const {
  auto settings = settings_of(config_);
  if (settings) return *std::move(settings);
  logger_.error("tls-to-endpoints-disabled", settings.error());
  Settings without = config_.settings;
  without.router_ip = local_ip();
  return std::make_shared<const Settings>(std::move(without));
}

void RouterProcess::start_workers() {
  const uint32_t cores = std::max(std::thread::hardware_concurrency(), 1u);
  const uint32_t count = config_.workers > 0 ? config_.workers : cores;
  const auto shared = worker_settings();
  const auto tell_failed = [this](FailedEndpoint failed) {
    (void)failed_endpoints_.post(std::move(failed));
  };
  const auto tell_broken = [this](const Error& error) { (void)failed_listeners_.post(error); };
  for (uint32_t index = 0; index < count; ++index) {
    workers_.push_back(std::make_unique<Worker>(Worker::Wiring{.settings = shared,
                                                               .logger = logger_,
                                                               .metrics = registry_,
                                                               .access_log = access_log_.get(),
                                                               .index = index,
                                                               .seed = random_seed(),
                                                               .on_failed_endpoint = tell_failed,
                                                               .on_failed_listener = tell_broken}));
  }
  make_tcp();
  for (const auto& worker : workers_) {
    worker->start();
    worker->post(table_);
  }
}

void RouterProcess::make_tcp() {
  if (!config_.tcp.is_enabled) return;
  std::vector<net::Loop*> loops;
  for (const auto& worker : workers_) loops.push_back(&worker->loop());
  TcpRouter::Options options{
      .book = {.settings = config_.tcp,
               .stale_threshold = config_.routes.stale_threshold,
               .sharding = config_.routes.sharding,
               .isolation_segments = config_.routes.isolation_segments},
      .prune_interval = config_.prune_interval,
      .suspend_pruning_if_nats_unavailable = config_.suspend_pruning_if_nats_unavailable,
      .seed = random_seed()};
  tcp_ = std::make_unique<TcpRouter>(loop_, clock_, logger_, registry_, std::move(options), loops);
  admin_.serve_json("/tcp_routes", [this] { return tcp_->routes_json(); });
}

void RouterProcess::on_connected() {
  if (phase_ != Phase::connecting) return;
  phase_ = Phase::learning;
  if (take_over_) {
    feed_->start_held();
    return timer_.once(kSubscriptionTime, [this] { take_table(); });
  }
  feed_->start();
  // The table fills for one registration interval before the first request.
  timer_.once(config_.start_response_delay, [this] { serve(); });
}

void RouterProcess::serve() {
  const Result<void> listening = listen_on_doors();
  if (!listening) {
    if (take_over_) take_over_->abandon(listening.error().detail);
    return fail("error-listening", listening.error());
  }
  if (tcp_ != nullptr) tcp_->serve([this] { return feed_->nats().is_connected(); });
  phase_ = Phase::serving;
  set_healthy(true);
  if (!finish_take_over()) return;
  notify_service_manager("READY=1\nMAINPID=" + std::to_string(::getpid()));
  logger_.info("gorouter.started",
               {{"port", config_.port}, {"workers", workers_.size()}, {"routes", book_.routes()}});
}

Result<void> RouterProcess::listen_on_doors() {
  if (config_.serves_plain) {
    if (auto listening = listen_on(config_.port, Entrance::plain); !listening) return listening;
  }
  return config_.tls.is_enabled ? listen_on(config_.tls.port, Entrance::tls) : Result<void>();
}

Result<void> RouterProcess::listen_on(uint16_t port, Entrance entrance) {
  const net::Address address = net::Address::any(port);
  if (!inherited_.has(address)) {
    if (auto free = check_port_is_free(port); !free) return free;
  }
  size_t next = 0;
  while (auto socket = inherited_.take(address)) {
    workers_[next++ % workers_.size()]->listen(*std::move(socket), entrance);
  }
  for (; next < workers_.size(); ++next) {
    const auto listening = workers_[next]->listen(address, entrance);
    if (!listening) return listening.error();
  }
  return {};
}

void RouterProcess::watch_signals() {
  const auto watch = [this](int signal, std::function<void()> callback) {
    signals_.push_back(std::make_unique<net::SignalWatch>(loop_, signal, std::move(callback)));
  };
  watch(SIGTERM, [this] { on_stop_signal("SIGTERM"); });
  watch(SIGINT, [this] { on_stop_signal("SIGINT"); });
  watch(SIGUSR1, [this] { on_drain_signal(); });
  watch(SIGHUP, [this] { on_hang_up(); });
}

void RouterProcess::on_stop_signal(const char* name) {
  if (phase_ >= Phase::draining) return logger_.info("gorouter.signal.ignored", {{"signal", name}});
  logger_.info("gorouter.stopping", {{"signal", name}});
  set_healthy(false);
  logger_.info("gorouter.stopped");
  stop();
}

void RouterProcess::on_drain_signal() {
  if (phase_ >= Phase::draining) {
    return logger_.info("gorouter.signal.ignored", {{"signal", "SIGUSR1"}});
  }
  if (phase_ != Phase::serving) return on_stop_signal("SIGUSR1");  // nobody to wait for
  begin_drain();
}

// Clients may reach some workers only: whoever watches over the router is to start another one.
void RouterProcess::on_failed_listener(const Error& error) {
  if (phase_ >= Phase::draining) return;
  logger_.error("listener-failed", error);
  exit_code_ = 1;
  begin_drain();
}

void RouterProcess::begin_drain() {
  phase_ = Phase::draining;
  drain_began_ = clock_.now();
  const auto in_seconds = [](Duration duration) {
    return std::chrono::duration<double>(duration).count();
  };
  logger_.info("gorouter-draining", {{"wait_seconds", in_seconds(config_.drain_wait)},
                                     {"timeout_seconds", in_seconds(config_.drain_timeout)}});
  set_healthy(false);
  timer_.once(config_.drain_wait, [this] { drain_workers(); });
}

void RouterProcess::drain_workers() {
  uint64_t outstanding = 0;
  if (access_log_ != nullptr) access_log_->stop_blocking();
  for (const auto& worker : workers_) outstanding += worker->counts().exchanges;
  if (tcp_ != nullptr) outstanding += tcp_->connections();
  logger_.info("Draining with " + std::to_string(outstanding) + " outstanding active connections");
  const auto tell = [this](size_t open) { (void)drained_.post(open); };
  for (const auto& worker : workers_) worker->drain(config_.drain_timeout, tell);
  if (tcp_ != nullptr) tcp_->drain(config_.drain_timeout, tell);
}

void RouterProcess::on_worker_drained(size_t open_exchanges) {
  exchanges_cut_ += open_exchanges;
  const size_t all = workers_.size() + (tcp_ != nullptr ? tcp_->workers() : 0);
  if (++workers_drained_ < all) return;
  if (exchanges_cut_ > 0) {
    logger_.error("router.drain.timed-out", {{"outstanding", exchanges_cut_}});
    logger_.error("gorouter-draining-error", {{"error", "router: Drain timeout"}});
  }
  const double took = std::chrono::duration<double>(clock_.now() - drain_began_).count();
  logger_.info("gorouter.stopping");
  logger_.info("gorouter.stopped", {{"took", took}});
  stop();
}

void RouterProcess::set_healthy(bool healthy) {
  admin_.set_healthy(healthy);
  for (const auto& worker : workers_) worker->set_healthy(healthy);
}

void RouterProcess::fail(std::string_view what, const Error& error) {
  logger_.error(what, error);
  exit_code_ = 1;
  stop();
}

void RouterProcess::stop() {
  phase_ = Phase::stopped;
  timer_.disarm();
  loop_.stop();
}

}  // namespace causeway::router
