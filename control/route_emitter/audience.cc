#include "control/route_emitter/audience.h"

#include <algorithm>
#include <utility>

#include "cf/wire/registry_message.h"
#include "net/loop.h"

namespace causeway::route_emitter {
namespace {

// Of one turn when all are repeated: some ms of work, so that events are not held up.
constexpr size_t kAnnouncedPerTurn = 1000;
constexpr Duration kBetweenTurns = std::chrono::milliseconds(1);
// Who wants them more often than this, or hardly ever, is not believed.
constexpr int64_t kIntervalMinSeconds = 1;
constexpr int64_t kIntervalMaxSeconds = 3600;

}  // namespace

Audience::Audience(net::Loop& loop, const log::Logger& logger, Options options, std::string name,
                   RoutingTable::Kinds kinds, const RoutingTable& table, Speaker& speaker, Rng& rng)
    : logger_(logger),
      options_(options),
      name_(std::move(name)),
      kinds_(kinds),
      table_(table),
      speaker_(speaker),
      rng_(rng),
      interval_(options_.register_interval),
      announce_(loop),
      repeat_(loop),
      greet_(loop) {}

void Audience::listen(nats::Client& client) {
  client_ = &client;
  const std::string start = name_ + ".start";
  client.subscribe(start, [this, start](const nats::Message& message) {
    take_start(message.payload, start);
    announce_all();
  });
  repeat_later();
}

void Audience::on_connected() {
  announce_all();
  greet(options_.greet_attempts);
}

void Audience::greet(int attempts_left) {
  const std::string subject = name_ + ".greet";
  if (attempts_left == 0) {
    logger_.error("failed-greeting-routers",
                  {{"subject", subject}, {"attempts", options_.greet_attempts}});
    return;  // one that comes says that it starts
  }
  // The timer and not the answer paces the attempts: NATS answers at once that nobody listens.
  greet_.once(options_.greet_timeout, [this, attempts_left] { greet(attempts_left - 1); });
  client_->request(subject, "{}", options_.greet_timeout,
                   [this, subject](Result<nats::Message> answer) {
                     if (!answer) return;
                     greet_.disarm();
                     take_start(answer->payload, subject);
                   });
}

void Audience::take_start(std::string_view payload, const std::string& origin) {
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

void Audience::announce_all() {
  if (!client_->is_connected()) return;
  if (is_announcing_) {
    announces_again_ = true;
    return;
  }
  is_announcing_ = true;
  last_announced_.reset();
  announce_some();
}

void Audience::announce_some() {
  last_announced_ = table_.visit(kinds_, last_announced_, kAnnouncedPerTurn,
                                 [this](const RouteMessage& message) { speaker_.repeat(message); });
  if (last_announced_) {
    announce_.once(kBetweenTurns, [this] { announce_some(); });
    return;
  }
  is_announcing_ = false;
  if (std::exchange(announces_again_, false)) announce_all();
}

void Audience::repeat_later() {
  // Spread, so that many emitters do not speak at once; never later than asked for.
  const double part = 1.0 - options_.jitter * rng_.unit();
  const auto delay = std::chrono::duration_cast<Duration>(interval_ * part);
  repeat_.once(delay, [this] {
    announce_all();
    repeat_later();
  });
}

}  // namespace causeway::route_emitter
