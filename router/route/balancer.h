#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "base/rng.h"
#include "router/route/pool.h"

namespace causeway::router {

class RouteTable;

// Chooses an endpoint of a pool, and keeps what one worker knows for that: exchanges in flight,
// failure marks, round-robin cursors. No I/O, no clock of its own: the same calls with the same
// seed choose the same. Owner and thread: a worker; lives as long as it.
class Balancer {
 public:
  struct Options {
    Duration failed_mark_lifetime = std::chrono::seconds(30);  // droplet_stale_threshold / 4
    uint32_t in_flight_max =
        0;  // per endpoint and worker, 0 = no limit: the worker's share of backends.max_conns
    std::string zone = {};  // this router's availability zone
    bool prefer_zone =
        false;  // balancing_algorithm_az_preference: locally-optimistic (first attempt only)
  };
  Balancer(Options options, uint64_t seed);
  Balancer(const Balancer&) = delete;
  Balancer& operator=(const Balancer&) = delete;

  // What one attempt asks for. Views into the request.
  struct Wish {
    InstanceFilter filter = {};
    std::string_view sticky_id = {};  // value of the sticky cookie, "" = none
    bool sticky_or_nothing = false;   // every attempt goes to that instance, or nowhere
    uint32_t attempt = 1;             // from 1
  };

  // The endpoint for this attempt; null when none may be used (pool empty, all overloaded, sticky
  // one gone). Valid as long as `pool`.
  const Endpoint* pick(const Pool& pool, const Wish& wish, Instant now);

  // Has every endpoint that the filter lets through reached in_flight_max? False for an empty pool.
  bool is_overloaded(const Pool& pool, const InstanceFilter& filter = {}) const;

  // Around each use of an endpoint; every began() needs its ended().
  void began(EndpointId endpoint);
  void ended(EndpointId endpoint);
  uint32_t in_flight(EndpointId endpoint) const;

  // After a failure of class "marks endpoint failed" (gorouter section 5).
  void mark_failed(EndpointId endpoint, Instant now);
  bool is_failed(EndpointId endpoint, Instant now) const;

  // Forgets marks that have expired and cursors of routes that `table` no longer has. Call it every
  // half minute or so.
  void sweep(const RouteTable& table, Instant now);
  size_t remembered() const { return endpoints_.size() + cursors_.size(); }

 private:
  struct EndpointNote {
    uint32_t in_flight = 0;
    bool failed = false;
    Instant failed_at{};
  };
  // Cursors of removed routes are tolerated up to this number before sweep() looks for them.
  static constexpr size_t kSpareCursors = 1024;

  bool has_live_mark(const EndpointNote& note, Instant now) const;
  bool is_overloaded(EndpointId endpoint) const;
  bool may_serve(const Endpoint& endpoint, const Wish& wish, bool zone_only) const;
  const Endpoint* pick_round_robin(const Pool& pool, const Wish& wish, bool zone_only, Instant now);
  const Endpoint* pick_least_connection(const Pool& pool, const Wish& wish, bool zone_only);
  uint32_t& cursor_of(const Pool& pool);

  Options options_;
  Rng rng_;
  std::unordered_map<EndpointId, EndpointNote> endpoints_;
  std::unordered_map<PoolId, uint32_t> cursors_;
};

}  // namespace causeway::router
