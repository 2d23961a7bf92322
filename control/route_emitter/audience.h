#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/rng.h"
#include "control/route_emitter/routing_table.h"
#include "log/logger.h"
#include "nats/client.h"
#include "net/timer.h"

namespace causeway::net {
class Loop;
}

namespace causeway::route_emitter {

// Those who forget registrations that are not repeated: routers (HTTP and TCP routes), or service
// discovery (internal routes). They are greeted when the link comes, name the interval in which
// they want to hear everything, and get everything at once when one of them starts. Owner:
// Announcer. Thread: its loop's.
class Audience {
 public:
  struct Options {
    Duration register_interval = std::chrono::seconds(20);  // until one of them names its own
    double jitter = 0.2;  // the part of the interval that repetitions are spread over
    Duration greet_timeout = std::chrono::seconds(1);
    int greet_attempts = 30;
  };
  // Sends one registration again.
  class Speaker {
   public:
    virtual void repeat(const RouteMessage& message) = 0;

   protected:
    ~Speaker() = default;
  };

  // `name`: the first token of its subjects NAME.greet and NAME.start.
  Audience(net::Loop& loop, const log::Logger& logger, Options options, std::string name,
           RoutingTable::Kinds kinds, const RoutingTable& table, Speaker& speaker, Rng& rng);
  Audience(const Audience&) = delete;
  Audience& operator=(const Audience&) = delete;

  // Hears of starts from now on.
  void listen(nats::Client& client);
  // The link stands (again).
  void on_connected();

 private:
  void greet(int attempts_left);
  void take_start(std::string_view payload, const std::string& origin);
  void announce_all();
  void announce_some();
  void repeat_later();

  const log::Logger logger_;
  const Options options_;
  const std::string name_;
  const RoutingTable::Kinds kinds_;
  const RoutingTable& table_;
  Speaker& speaker_;
  Rng& rng_;
  nats::Client* client_ = nullptr;  // from listen() on
  Duration interval_;
  bool is_announcing_ = false;
  bool announces_again_ = false;  // somebody asked for all while all were being sent
  std::optional<RouteKey> last_announced_;
  net::Timer announce_;
  net::Timer repeat_;
  net::Timer greet_;
};

}  // namespace causeway::route_emitter
