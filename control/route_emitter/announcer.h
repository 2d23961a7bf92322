#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "base/boot_clock.h"
#include "base/rng.h"
#include "control/route_emitter/audience.h"
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

// The NATS side: says changes at once, and unregistrations again for a while; what is registered is
// repeated by the audiences, routers and service discovery. Without a link nothing is queued: all
// that counts is said when it stands again. Owner: RouteEmitter. Thread: its loop's.
class Announcer final : private Audience::Speaker {
 public:
  struct Options {
    nats::Options nats = {};
    Audience::Options audience = {};
    bool internal_routes = false;  // service discovery is greeted as well
    Duration unregistration_interval = std::chrono::seconds(30);
    uint32_t unregistration_repeats = 20;
    uint64_t seed = 0;  // of the repetitions' spread
    // Until when we may speak, as it is known now; asked for each message. Absent: for ever.
    std::function<BootInstant()> speaks_until = {};
  };

  Announcer(net::Loop& loop, const log::Logger& logger, Options options, const RoutingTable& table,
            EmitterMetrics& metrics);
  Announcer(const Announcer&) = delete;
  Announcer& operator=(const Announcer&) = delete;

  void say(const Changes& changes);
  bool is_connected() const { return client_.is_connected(); }

 private:
  void on_link(nats::Link link, std::string_view server);
  void repeat(const RouteMessage& message) override;
  void send(std::string_view subject, const RouteMessage& message);
  void complain(const Error& error);

  const log::Logger logger_;
  const Options options_;
  const RoutingTable& table_;
  EmitterMetrics& metrics_;
  Farewells farewells_;
  Rng rng_;
  bool is_failing_ = false;  // publishing; logged once per time
  SystemBootClock clock_;    // not the loop's: one that was stopped does not know the time yet
  net::Timer farewell_;
  std::vector<std::unique_ptr<Audience>> audiences_;
  nats::Client client_;  // last: its end drops the callbacks that reach the rest
};

}  // namespace causeway::route_emitter
