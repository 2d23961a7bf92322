#include "router/feed/route_feed.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "json/json.h"
#include "net/loop.h"

namespace causeway::router {

namespace {

// Routes looked at in one turn of the loop: about a millisecond.
constexpr size_t kPruneStepRoutes = 20'000;
// Of a moment, as many as the NATS client lets wait. Further ones are not kept back.
constexpr size_t kHeldMessagesMax = 131'072;
// Making snapshots may take up to a fifth of the control thread.
constexpr int kPublicationShare = 4;

std::string json_list(const std::vector<std::string>& texts) {
  json::Writer writer;
  writer.array();
  for (const std::string& text : texts) writer.value(std::string_view(text));
  return writer.end().take();
}

}  // namespace

RouteFeed::RouteFeed(net::Loop& loop, const Clock& clock, const log::Logger& logger,
                     metrics::Registry& registry, RouteBook& book, Options options, Events events)
    : clock_(clock),
      nats_log_(logger.session("nats")),
      registry_log_(logger.session("registry")),
      book_(book),
      options_(std::move(options)),
      events_(std::move(events)),
      subscriber_(book, clock, logger, registry, options_.registration_latency_bounds_ms),
      routes_pruned_(
          registry.counter("routes_pruned", "Endpoints removed because nobody refreshed them")),
      endpoints_failed_(registry.counter("endpoints_pruned_on_failure",
                                         "TLS endpoints removed because they failed")),
      start_message_(cf::to_json(options_.start)),
      publish_timer_(loop),
      prune_timer_(loop),
      prune_step_timer_(loop),
      disconnected_timer_(loop),
      nats_(loop, logger, options_.nats,
            [this](nats::Link link, std::string_view server) { on_link(link, server); }) {
  if (!options_.enable_http2) subscriber_.serve_http1_only();
  register_gauges(registry);
}

RouteFeed::~RouteFeed() { book_.on_applied(nullptr); }

void RouteFeed::register_gauges(metrics::Registry& registry) {
  registry.gauge_from("total_routes", "Routes with endpoints",
                      [this] { return static_cast<double>(book_.routes()); });
  registry.gauge_from("total_endpoints", "Endpoints of all routes",
                      [this] { return static_cast<double>(book_.endpoints()); });
  registry.gauge_from("ms_since_last_registry_update", "Milliseconds since the last route message",
                      [this] {
                        const auto since = clock_.now() - book_.last_update();
                        return std::chrono::duration<double, std::milli>(since).count();
                      });
  registry.gauge_from("buffered_messages", "Route messages that wait",
                      [this] { return static_cast<double>(nats_.waiting_messages()); });
  registry.gauge_from("total_dropped_messages", "Route messages dropped because too many waited",
                      [this] { return static_cast<double>(nats_.dropped_messages()); });
  registry.gauge_from("nats_connected", "1 while the connection to NATS stands",
                      [this] { return nats_.is_connected() ? 1.0 : 0.0; });
}

void RouteFeed::start() {
  is_started_ = true;
  nats_.subscribe("router.*", [this](const nats::Message& message) { take(message); });
  say_start("router.start");
  prune_timer_.every(options_.prune_interval, [this] { prune_tick(); });
}

void RouteFeed::start_held() {
  is_held_ = true;
  start();
}

void RouteFeed::take_known(std::string_view payload, Duration age) {
  DCHECK(is_held_);
  subscriber_.take("router.register", payload, age);
}

void RouteFeed::release() {
  is_held_ = false;
  for (const nats::Message& message : std::exchange(held_, {})) take(message);
  publish_timer_.disarm();
  publish();
}

std::vector<std::pair<std::string, Duration>> RouteFeed::known() const {
  std::vector<std::pair<std::string, Duration>> known;
  for (RouteBook::Known& one : book_.contents()) {
    known.emplace_back(cf::to_json(to_message(*one.endpoint, std::move(one.uris))), one.age);
  }
  return known;
}

void RouteFeed::take(const nats::Message& message) {
  if (is_held_ && held_.size() < kHeldMessagesMax) return held_.push_back(message);
  if (message.subject == "router.greet") {
    if (!message.reply.empty()) say_start(message.reply);
    return;
  }
  subscriber_.take(message.subject, message.payload);
  changed();
}

void RouteFeed::take_failed(const FailedEndpoint& failed) {
  const std::shared_ptr<const Endpoint> endpoint = book_.remove_failed(failed);
  if (endpoint == nullptr) return;  // gone already, or one that goes by age
  endpoints_failed_.add();
  registry_log_.info("prune-failed-endpoint",
                     {{"uri", failed.route_key},
                      {"backend", endpoint->authority()},
                      {"application_id", endpoint->app_id()},
                      {"instance_id", endpoint->instance_id()},
                      {"server_cert_domain_san", endpoint->server_cert_domain_san()},
                      {"isTLS", endpoint->is_tls()}});
  changed();
}

void RouteFeed::say_start(std::string_view subject) {
  const Result<void> published = nats_.publish(subject, start_message_);
  if (!published) nats_log_.error("failed-to-publish-start-message", published.error());
}

void RouteFeed::on_link(nats::Link link, std::string_view server) {
  switch (link) {
    case nats::Link::connecting:
      return;
    case nats::Link::connected:
    case nats::Link::reconnected:
      disconnected_timer_.disarm();
      if (std::exchange(was_connected_, true)) {
        nats_log_.info("nats-connection-reconnected", {{"nats-host", server}});
        if (is_started_) say_start("router.start");
        return;
      }
      nats_log_.info("Successfully-connected-to-nats", {{"host", server}, {"addr", server}});
      return events_.on_connected();
    case nats::Link::disconnected:
      if (!was_connected_) return;
      nats_log_.info("nats-connection-disconnected", {{"nats-host", server}});
      return disconnected_timer_.every(options_.nats.ping_interval, [this] {
        nats_log_.info("nats-connection-still-disconnected");
      });
    case nats::Link::closed:
      if (!was_connected_) {
        return events_.on_closed({.fault = Fault::unavailable,
                                  .side = Side::backend,
                                  .detail = "no NATS server takes a connection"});
      }
      return events_.on_closed(
          {.fault = Fault::closed, .side = Side::backend, .detail = "the NATS connection ended"});
  }
}

void RouteFeed::changed() {
  if (publish_timer_.is_armed() || !book_.has_unpublished()) return;
  // Never at once: the rest of a burst is to go into the same snapshot.
  const Duration wait = std::max<Duration>(next_publication_ - clock_.now(), Milliseconds(1));
  publish_timer_.once(wait, [this] { publish(); });
}

void RouteFeed::publish() {
  const Instant before = clock_.now();
  events_.on_table(book_.publish());
  const Instant after = clock_.now();
  next_publication_ =
      after + std::max<Duration>(options_.publish_interval, (after - before) * kPublicationShare);
}

void RouteFeed::prune_tick() {
  if (options_.suspend_pruning_if_nats_unavailable && !nats_.is_connected()) {
    was_suspended_ = true;
    registry_log_.info("prune-suspended");
    return;
  }
  if (std::exchange(was_suspended_, false)) {
    registry_log_.info("prune-unsuspended-refresh-routes-start");
    book_.mark_all_fresh();
    registry_log_.info("prune-unsuspended-refresh-routes-complete");
  }
  prune_cursor_ = 0;
  prune_step();
}

void RouteFeed::prune_step() {
  std::vector<RouteBook::Pruned> pruned;
  const bool done = book_.prune_some(prune_cursor_, kPruneStepRoutes, pruned);
  for (const RouteBook::Pruned& route : pruned) {
    routes_pruned_.add(route.endpoints.size());
    registry_log_.info("pruned-route",
                       {{"uri", route.key},
                        log::Field::json("endpoints", json_list(route.endpoints)),
                        {"isolation_segment",
                         route.isolation_segment.empty() ? "-" : route.isolation_segment.c_str()}});
  }
  changed();
  if (!done) {
    prune_step_timer_.once(Milliseconds(1), [this] { prune_step(); });
  } else if (!book_.has_unpublished()) {
    // Lets go of snapshots that no worker holds any more.
    book_.publish();
  }
}

}  // namespace causeway::router
