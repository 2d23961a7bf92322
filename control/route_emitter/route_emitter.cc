#include "control/route_emitter/route_emitter.h"

#include <algorithm>
#include <utility>

#include "net/loop.h"
#include "rpc/debug.h"
#include "tls/random.h"

namespace causeway::route_emitter {
namespace {

// Somebody else takes the lock when its ttl is over: no need to wait long for its release.
constexpr Duration kReleaseTimeout = std::chrono::seconds(1);

uint64_t random_seed() {
  uint64_t seed = 0;
  tls::random_bytes(std::as_writable_bytes(std::span(&seed, 1)));
  return seed;
}

}  // namespace

RouteEmitter::RouteEmitter(net::Loop& loop, const log::Logger& logger, EmitterConfig config,
                           Identities identities, OnEnd on_end)
    : loop_(loop),
      logger_(logger),
      config_(std::move(config)),
      identities_(identities),
      on_end_(std::move(on_end)),
      metrics_(registry_),
      server_(loop, logger),
      release_deadline_(loop) {}

RouteEmitter::~RouteEmitter() = default;

Result<net::Address> RouteEmitter::start() {
  rpc::serve_metrics(server_, registry_);
  rpc::register_process_metrics(registry_);
  server_.route("GET", "/", [](const rpc::Request&, rpc::Responder responder) {
    responder.reply(200, "text/plain; charset=utf-8", "ok\n");
  });
  auto address = server_.listen(config_.health_address);
  if (!address) return address;
  if (config_.locket_url.empty()) {
    begin();
  } else {
    take_lock();
  }
  return address;
}

void RouteEmitter::begin() {
  announcer_ = std::make_unique<Announcer>(
      loop_, logger_,
      Announcer::Options{
          .nats = config_.nats,
          .audience = {.register_interval = config_.register_interval,
                       .jitter = config_.jitter_factor},
          .internal_routes = config_.serves.internal,
          .unregistration_interval = config_.unregistration_interval,
          .unregistration_repeats = config_.unregistration_send_count,
          .seed = random_seed(),
          .speaks_until = [this] { return lease_ ? lease_->acts_until() : BootInstant::max(); }},
      table_, metrics_);
  begin_routing_api();
  watcher_ =
      std::make_unique<Watcher>(loop_, logger_,
                                Watcher::Options{.bbs_url = config_.bbs_url,
                                                 .identity = identities_.bbs,
                                                 .cell_id = config_.cell_id,
                                                 .reach = config_.reach,
                                                 .serves = config_.serves,
                                                 .call_timeout = config_.communication_timeout,
                                                 .sync_interval = config_.sync_interval},
                                table_, metrics_, [this](const Changes& changes) {
                                  announcer_->say(changes);
                                  if (routing_api_) routing_api_->say(changes);
                                });
  logger_.info("started");
}

void RouteEmitter::begin_routing_api() {
  const RoutingApiConfig& config = config_.routing_api;
  if (config.url.empty()) return;
  RoutingApi::Options options{
      .url = config.url,
      .identity = identities_.routing_api,
      .ttl = config.ttl,
      .tells_tls = config.tells_tls,
      .repeat_interval = std::min(config_.sync_interval, config.ttl / 2),
      .call_timeout = config_.communication_timeout,
      .may_send = [this] { return lease_ == nullptr || lease_->may_act(); }};
  if (!config.uaa_url.empty()) {
    options.token = UaaToken::Options{.url = config.uaa_url,
                                      .client_name = config.client_name,
                                      .client_secret = config.client_secret,
                                      .identity = identities_.uaa,
                                      .timeout = config.uaa_timeout > Duration::zero()
                                                     ? config.uaa_timeout
                                                     : config_.communication_timeout};
  }
  routing_api_ = std::make_unique<RoutingApi>(loop_, logger_, std::move(options), table_, metrics_);
}

void RouteEmitter::take_lock() {
  logger_.info("lock.acquiring-lock", {{"key", "route_emitter"}});
  lease_ = std::make_unique<diego::Lease>(
      loop_,
      diego::Lease::Options{.locket_url = config_.locket_url,
                            .kind = diego::Lease::Kind::lock,
                            .key = "route_emitter",
                            .owner = config_.uuid.empty() ? tls::random_uuid() : config_.uuid,
                            .ttl = config_.lock_ttl,
                            .retry_interval = config_.lock_retry_interval,
                            .identity = identities_.locket},
      diego::Lease::Events{
          .on_held =
              [this] {
                logger_.info("lock.acquired-lock", {{"key", "route_emitter"}});
                metrics_.lock_held.set(1);
                if (!watcher_) begin();
              },
          .on_lost = [this](const Error& error) { lose_lock(error); },
          .on_refused =
              [this](const Error& error) {
                logger_.debug("lock.failed-to-acquire-lock", {{"error", to_string(error)}});
              }});
}

void RouteEmitter::lose_lock(const Error& error) {
  logger_.error("lock.lost-lock", error, {{"key", "route_emitter"}});
  // Another one speaks now; what is still due here must not be said.
  watcher_.reset();
  routing_api_.reset();
  announcer_.reset();
  loop_.defer([this] { on_end_(1); });
}

void RouteEmitter::stop() {
  logger_.info("shutting-down");
  watcher_.reset();
  routing_api_.reset();
  announcer_.reset();
  server_.drain();
  if (!lease_) {
    loop_.defer([this] { on_end_(0); });
    return;
  }
  release_deadline_.once(kReleaseTimeout, [this] { on_end_(0); });
  lease_->release([this] {
    if (!release_deadline_.is_armed()) return;
    release_deadline_.disarm();
    on_end_(0);
  });
}

}  // namespace causeway::route_emitter
