#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "cf/wire/registry_message.h"
#include "log/logger.h"
#include "metrics/registry.h"
#include "router/route/route_book.h"

namespace causeway::router {

// Turns messages of the subjects router.* into changes of the RouteBook, in order; what is
// malformed is logged, counted and dropped. No I/O. Owner: RouteFeed. Thread: control.
class Subscriber {
 public:
  Subscriber(RouteBook& book, const Clock& clock, const log::Logger& logger,
             metrics::Registry& registry, std::vector<double> latency_bounds_ms = {50, 500, 5000});
  Subscriber(const Subscriber&) = delete;
  Subscriber& operator=(const Subscriber&) = delete;

  // `subject`: router.register, router.unregister; others are ignored.
  // `age`: how long ago it was said, when another router has heard it.
  void take(std::string_view subject, std::string_view payload, Duration age = {});

  // enable_http2 is off: endpoints that are registered for HTTP/2 are served in HTTP/1.
  void serve_http1_only() { is_http1_only_ = true; }

  uint64_t malformed_messages() const { return malformed_.value(); }

 private:
  // Counters of one value of tags.component.
  struct OfComponent {
    metrics::Counter* added;
    metrics::Counter* updated;
    metrics::Counter* unmodified;
    metrics::Counter* unregistered;
  };
  // Components with counters of their own; the wire could make up any number.
  static constexpr size_t kComponentsMax = 100;

  void applied(const RouteBook::Applied& applied, const EndpointSpec& spec);
  void log_endpoint(log::Level level, std::string_view message, std::string_view key,
                    const EndpointSpec& spec);
  void malformed(std::string_view subject, std::string_view payload, std::string_view reason);
  OfComponent& of_component(std::string_view component);

  RouteBook& book_;
  const Clock& clock_;
  const log::Logger logger_;    // subscriber
  const log::Logger registry_;  // registry
  metrics::Registry& metrics_;
  metrics::Counter& malformed_;
  metrics::Counter& refused_;
  metrics::Histogram& latency_ms_;
  std::map<std::string, OfComponent, std::less<>> components_;
  RouteChange change_;  // used again for each message
  bool is_http1_only_ = false;
};

// What a message says, as a change. `change` is reused. Options that cannot be are left out and
// told:
// "" when there is nothing to tell.
std::string_view to_change(cf::RegistryMessage&& message, RouteChange::Kind kind,
                           RouteChange& change);
// The registration of an endpoint under those uris, as its instance would say it.
cf::RegistryMessage to_message(const Endpoint& endpoint, std::vector<std::string> uris);

}  // namespace causeway::router
