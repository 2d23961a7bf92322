#include "control/route_emitter/announcer.h"

#include <algorithm>
#include <string>
#include <utility>

#include "cf/wire/registry_message.h"
#include "net/loop.h"

namespace causeway::route_emitter {
namespace {

constexpr std::string_view kRegister = "router.register";
constexpr std::string_view kUnregister = "router.unregister";

// Of one turn when all are repeated: some ms of work, so that events are not held up.
constexpr size_t kAnnouncedPerTurn = 1000;
constexpr Duration kBetweenTurns = std::chrono::milliseconds(1);
// A router that wants them more often than this, or hardly ever, is not believed.
constexpr int64_t kIntervalMinSeconds = 1;
constexpr int64_t kIntervalMaxSeconds = 3600;

}  // namespace

Announcer::Announcer(net::Loop& loop, const log::Logger& logger, Options options,
                     const RoutingTable& table, EmitterMetrics& metrics)
    : logger_(logger.session("nats-emitter")),
      options_(std::move(options)),
      table_(table),
      metrics_(metrics),
      farewells_({.repeats = options_.unregistration_repeats}),
      rng_(options_.seed),
      interval_(options_.register_interval),
      announce_(loop),
      repeat_(loop),
      farewell_(loop),
      greet_(loop),
      client_(loop, logger, options_.nats,
              [this](nats::Link link, std::string_view server) { on_link(link, server); }) {
  client_.subscribe("router.start", [this](const nats::Message& message) {
    take_router_start(message.payload, "router.start");
    announce_all();
  });
  farewell_.every(options_.unregistration_interval, [this] {
    if (!client_.is_connected()) return;
    farewells_.repeat([this](const RouteMessage& message) { send(kUnregister, message); });
    metrics_.waiting_unregistrations.set(static_cast<double>(farewells_.size()));
  });
  repeat_later();
}

void Announcer::say(const Changes& changes) {
  for (const RouteMessage& message : changes.registrations) {
    farewells_.forget(message.route);
    send(kRegister, message);
    metrics_.registered.add();
  }
  for (const RouteMessage& message : changes.unregistrations) {
    farewells_.add(message);
    send(kUnregister, message);
    metrics_.unregistered.add();
  }
  metrics_.routes(table_.announced());
  metrics_.waiting_unregistrations.set(static_cast<double>(farewells_.size()));
  if (changes.registrations.empty() && changes.unregistrations.empty()) return;
  logger_.debug("emit", {{"num-registration-messages", changes.registrations.size()},
                         {"num-unregistration-messages", changes.unregistrations.size()}});
}

void Announcer::on_link(nats::Link link, std::string_view server) {
  metrics_.nats_connected.set(client_.is_connected() ? 1 : 0);
  switch (link) {
    case nats::Link::connected:
      logger_.info("Successfully-connected-to-nats", {{"addr", server}});
      break;
    case nats::Link::reconnected:
      logger_.info("nats-connection-reconnected", {{"addr", server}});
      break;
    case nats::Link::disconnected:
      logger_.info("nats-connection-disconnected", {{"addr", server}});
      return;
    case nats::Link::connecting:
    case nats::Link::closed:
      return;
  }
  announce_all();
  farewells_.visit([this](const RouteMessage& message) { send(kUnregister, message); });
  greet(options_.greet_attempts);
}

void Announcer::greet(int attempts_left) {
  if (attempts_left == 0) {
    logger_.error("failed-greeting-routers", {{"attempts", options_.greet_attempts}});
    return;  // a router that comes says router.start
  }
  // The timer and not the answer paces the attempts: NATS answers at once that nobody listens.
  greet_.once(options_.greet_timeout, [this, attempts_left] { greet(attempts_left - 1); });
  client_.request("router.greet", "{}", options_.greet_timeout,
                  [this](Result<nats::Message> answer) {
                    if (!answer) return;
                    greet_.disarm();
                    take_router_start(answer->payload, "router.greet");
                  });
}

void Announcer::take_router_start(std::string_view payload, std::string_view origin) {
  auto start = cf::parse_router_start(payload);
  if (!start) {
    logger_.error("failed-to-unmarshal-router-start", start.error(), {{"subject", origin}});
    return;
  }
  logger_.info("received-router-start",
               {{"subject", origin},
                {"router", start->id},
                {"minimum-register-interval", start->minimum_register_interval_s}});
  if (start->minimum_register_interval_s <= 0) return;
  const Duration interval = std::chrono::seconds(
      std::clamp(start->minimum_register_interval_s, kIntervalMinSeconds, kIntervalMaxSeconds));
  if (interval == interval_) return;
  interval_ = interval;
  repeat_later();
}

void Announcer::announce_all() {
  if (!client_.is_connected()) return;
  if (is_announcing_) {
    announces_again_ = true;
    return;
  }
  is_announcing_ = true;
  last_announced_.reset();
  announce_some();
}

void Announcer::announce_some() {
  last_announced_ =
      table_.visit(last_announced_, kAnnouncedPerTurn, [this](const RouteMessage& message) {
        send(kRegister, message);
        metrics_.repeated.add();
      });
  if (last_announced_) {
    announce_.once(kBetweenTurns, [this] { announce_some(); });
    return;
  }
  is_announcing_ = false;
  if (std::exchange(announces_again_, false)) announce_all();
}

void Announcer::repeat_later() {
  // Spread, so that many emitters do not speak at once; never later than asked for.
  const double part = 1.0 - options_.jitter * rng_.unit();
  const auto delay = std::chrono::duration_cast<Duration>(interval_ * part);
  repeat_.once(delay, [this] {
    announce_all();
    repeat_later();
  });
}

void Announcer::send(std::string_view subject, const RouteMessage& message) {
  if (!client_.is_connected()) return;
  auto sent = client_.publish(subject, message.payload);
  if (!sent) return complain(sent.error());
  metrics_.messages.add();
  is_failing_ = false;
}

void Announcer::complain(const Error& error) {
  metrics_.failed_messages.add();
  if (!std::exchange(is_failing_, true)) logger_.error("failed-to-publish", error);
}

}  // namespace causeway::route_emitter
