#include "control/route_emitter/announcer.h"

#include <string>
#include <utility>

#include "net/loop.h"

namespace causeway::route_emitter {

Announcer::Announcer(net::Loop& loop, const log::Logger& logger, Options options,
                     const RoutingTable& table, EmitterMetrics& metrics)
    : logger_(logger.session("nats-emitter")),
      options_(std::move(options)),
      table_(table),
      metrics_(metrics),
      farewells_({.repeats = options_.unregistration_repeats}),
      rng_(options_.seed),
      farewell_(loop),
      client_(loop, logger, options_.nats,
              [this](nats::Link link, std::string_view server) { on_link(link, server); }) {
  const auto add = [&](const char* name, RoutingTable::Kinds kinds) {
    Speaker& speaker = *this;
    audiences_.push_back(std::make_unique<Audience>(loop, logger_, options_.audience, name, kinds,
                                                    table_, speaker, rng_));
    audiences_.back()->listen(client_);
  };
  add("router", {RouteKind::http, RouteKind::tcp});
  if (options_.internal_routes) {
    add("service-discovery", {RouteKind::internal, RouteKind::internal});
  }
  farewell_.every(options_.unregistration_interval, [this] {
    if (!client_.is_connected()) return;
    farewells_.repeat([this](const RouteMessage& message) {
      send(unregister_subject(message.route.kind), message);
    });
    metrics_.waiting_unregistrations.set(static_cast<double>(farewells_.size()));
  });
}

void Announcer::say(const Changes& changes) {
  for (const RouteMessage& message : changes.registrations) {
    farewells_.forget(message.route);
    send(register_subject(message.route.kind), message);
    metrics_.registered.add();
  }
  for (const RouteMessage& message : changes.unregistrations) {
    farewells_.add(message);
    send(unregister_subject(message.route.kind), message);
    metrics_.unregistered.add();
  }
  metrics_.routes(table_);
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
  for (const auto& audience : audiences_) audience->on_connected();
  farewells_.visit([this](const RouteMessage& message) {
    send(unregister_subject(message.route.kind), message);
  });
}

void Announcer::repeat(const RouteMessage& message) {
  send(register_subject(message.route.kind), message);
  metrics_.repeated.add();
}

void Announcer::send(std::string_view subject, const RouteMessage& message) {
  if (!client_.is_connected()) return;
  const BootInstant latest = options_.speaks_until ? options_.speaks_until() : BootInstant::max();
  if (latest != BootInstant::max() && clock_.now() >= latest) {
    return complain({.fault = Fault::refused, .detail = "the lock may be another one's by now"});
  }
  auto sent = client_.publish_before(latest, subject, message.payload);
  if (!sent) return complain(sent.error());
  metrics_.messages_of(message.route.kind).add();
  is_failing_ = false;
}

void Announcer::complain(const Error& error) {
  metrics_.failed_messages.add();
  if (!std::exchange(is_failing_, true)) logger_.error("failed-to-publish", error);
}

}  // namespace causeway::route_emitter
