#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "log/logger.h"
#include "metrics/registry.h"
#include "nats/client.h"
#include "net/timer.h"
#include "router/feed/subscriber.h"
#include "router/route/route_book.h"

namespace causeway::net {
class Loop;
}

namespace causeway::router {

// Keeps the RouteBook in step with NATS: registrations in, router.start and answers to router.greet
// out, the pruning clock, and the publication of snapshots. Owner: main(). Thread: control.
class RouteFeed {
 public:
  struct Options {
    nats::Options nats;
    cf::RouterStart start;  // what router.start says
    Duration prune_interval = std::chrono::seconds(30);
    bool suspend_pruning_if_nats_unavailable = false;
    // At most one snapshot in this time; more when making one takes longer.
    Duration publish_interval = std::chrono::milliseconds(20);
    std::vector<double> registration_latency_bounds_ms = {50, 500, 5000};
    bool enable_http2 = true;  // endpoints that are registered for it are served in HTTP/2
  };
  struct Events {
    std::function<void(std::shared_ptr<const RouteTable>)> on_table;
    std::function<void()> on_connected;           // for the first time
    std::function<void(const Error&)> on_closed;  // for good
  };

  RouteFeed(net::Loop& loop, const Clock& clock, const log::Logger& logger,
            metrics::Registry& registry, RouteBook& book, Options options, Events events);
  RouteFeed(const RouteFeed&) = delete;
  RouteFeed& operator=(const RouteFeed&) = delete;
  ~RouteFeed();

  // Subscribes and says router.start; from now on routes are pruned. Call it once, after
  // on_connected.
  void start();

  // The same, but what NATS says waits until release(): the table of another router comes first.
  void start_held();
  // A registration that another router heard so long ago. While held.
  void take_known(std::string_view payload, Duration age);
  // What waited is applied, in order, and everything is published at once.
  void release();
  // As take_known() wants them, of every endpoint.
  std::vector<std::pair<std::string, Duration>> known() const;

  // Publishes what has changed in the book without a message.
  void book_has_changed() { changed(); }
  // Whether routes are pruned while NATS is away, from now on.
  void suspend_pruning_without_nats(bool suspends) {
    options_.suspend_pruning_if_nats_unavailable = suspends;
  }

  // For subjects that are not router.*.
  nats::Client& nats() { return nats_; }

  // A worker could not reach this endpoint.
  void take_failed(const FailedEndpoint& failed);

  // The rest is for NATS and tests.
  void take(const nats::Message& message);
  void prune_tick();

 private:
  void on_link(nats::Link link, std::string_view server);
  void say_start(std::string_view subject);
  void changed();
  void publish();
  void prune_step();
  void register_gauges(metrics::Registry& registry);

  const Clock& clock_;
  const log::Logger nats_log_;      // nats
  const log::Logger registry_log_;  // registry
  RouteBook& book_;
  Options options_;
  const Events events_;
  Subscriber subscriber_;
  metrics::Counter& routes_pruned_;
  metrics::Counter& endpoints_failed_;
  const std::string start_message_;

  bool is_started_ = false;
  bool is_held_ = false;
  std::vector<nats::Message> held_;
  bool was_connected_ = false;
  bool was_suspended_ = false;
  Instant next_publication_{};
  size_t prune_cursor_ = 0;
  net::Timer publish_timer_;
  net::Timer prune_timer_;
  net::Timer prune_step_timer_;
  net::Timer disconnected_timer_;
  nats::Client nats_;  // last: it calls back into the rest
};

}  // namespace causeway::router
