#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/rng.h"
#include "control/route_emitter/emitter_metrics.h"
#include "control/route_emitter/farewells.h"
#include "control/route_emitter/routing_table.h"
#include "log/logger.h"
#include "nats/client.h"
#include "net/timer.h"

namespace causeway::net {
class Loop;
}

namespace causeway::route_emitter {

// The NATS side: says changes at once, repeats all registrations within the routers' interval, all
// of them at once when a router starts or the link comes back, and unregistrations for a while.
// Without a link nothing is queued: all that counts is said when it stands again. Owner:
// RouteEmitter. Thread: its loop's.
class Announcer {
 public:
  struct Options {
    nats::Options nats = {};
    Duration register_interval = std::chrono::seconds(20);  // until a router names its own
    double jitter = 0.2;  // the part of the interval that repetitions are spread over
    Duration greet_timeout = std::chrono::seconds(1);
    int greet_attempts = 30;
    Duration unregistration_interval = std::chrono::seconds(30);
    uint32_t unregistration_repeats = 20;
    uint64_t seed = 0;  // of the repetition's spread
  };

  Announcer(net::Loop& loop, const log::Logger& logger, Options options, const RoutingTable& table,
            EmitterMetrics& metrics);
  Announcer(const Announcer&) = delete;
  Announcer& operator=(const Announcer&) = delete;

  void say(const Changes& changes);
  bool is_connected() const { return client_.is_connected(); }

 private:
  void on_link(nats::Link link, std::string_view server);
  void greet(int attempts_left);
  void take_router_start(std::string_view payload, std::string_view origin);
  void announce_all();
  void announce_some();
  void repeat_later();
  void send(std::string_view subject, const RouteMessage& message);
  void complain(const Error& error);

  const log::Logger logger_;
  const Options options_;
  const RoutingTable& table_;
  EmitterMetrics& metrics_;
  Farewells farewells_;
  Rng rng_;
  Duration interval_;
  bool is_announcing_ = false;
  bool announces_again_ = false;  // somebody asked for all while all were being sent
  std::optional<RouteKey> last_announced_;
  bool is_failing_ = false;  // publishing; logged once per time
  net::Timer announce_;
  net::Timer repeat_;
  net::Timer farewell_;
  net::Timer greet_;
  nats::Client client_;  // last: its end drops the callbacks that reach the rest
};

}  // namespace causeway::route_emitter
