#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/clock.h"
#include "base/rng.h"
#include "router/route/pool.h"

namespace causeway::router {

class RouteTable;

// Chooses an endpoint of a pool, and keeps what one worker knows for that: failure marks and
// round-robin cursors. What is in flight is counted by the endpoints themselves, for all workers.
// No I/O, no clock of its own: the same calls with the same seed choose the same. Owner and thread:
// a worker; lives as long as it. doc/routes.md says how exact it is.
class Balancer {
 public:
  struct Options {
    Duration failed_mark_lifetime = std::chrono::seconds(30);  // droplet_stale_threshold / 4
    uint32_t in_flight_max = 0;  // backends.max_conns: per endpoint, of all workers; 0 = no limit
    std::string zone = {};       // this router's availability zone
    bool prefer_zone =
        false;  // balancing_algorithm_az_preference: locally-optimistic (first attempt only)
  };
  Balancer(Options options, uint64_t seed);
  Balancer(const Balancer&) = delete;
  Balancer& operator=(const Balancer&) = delete;

  // For picks from now on.
  void use(Options options) { options_ = std::move(options); }

  // What one attempt asks for. Views into the request.
  struct Wish {
    InstanceFilter filter = {};
    std::string_view sticky_id = {};  // value of the sticky cookie, "" = none
    bool sticky_or_nothing = false;   // every attempt goes to that instance, or nowhere
    uint32_t attempt = 1;             // from 1
    std::string_view hash_key = {};   // value of the pool's hash_header(), "" = none
    // Endpoints that attempts before this one went to: hash then takes the next in its table.
    std::span<const EndpointId> tried = {};
  };

  // The endpoint for this attempt; null when none may be used (pool empty, all overloaded, sticky
  // one gone). Valid as long as `pool`.
  const Endpoint* pick(const Pool& pool, const Wish& wish, Instant now);

  // Has every endpoint that the filter lets through reached in_flight_max? False for an empty pool.
  bool is_overloaded(const Pool& pool, const InstanceFilter& filter = {}) const;

  // After a failure of class "marks endpoint failed" (gorouter section 5).
  void mark_failed(EndpointId endpoint, Instant now);
  bool is_failed(EndpointId endpoint, Instant now) const;

  // Forgets marks that have expired and cursors of routes that `table` no longer has. Call it every
  // half minute or so.
  void sweep(const RouteTable& table, Instant now);
  size_t remembered() const { return failed_at_.size() + cursors_.size(); }

 private:
  // Cursors of removed routes are tolerated up to this number before sweep() looks for them.
  static constexpr size_t kSpareCursors = 1024;

  bool is_overloaded(const Endpoint& endpoint) const;
  bool may_serve(const Endpoint& endpoint, const Wish& wish, bool zone_only) const;
  const Endpoint* pick_by(LoadBalancing balancing, const Pool& pool, const Wish& wish, Instant now);
  const Endpoint* pick_round_robin(const Pool& pool, const Wish& wish, bool zone_only, Instant now);
  const Endpoint* pick_least_connection(const Pool& pool, const Wish& wish, bool zone_only);
  const Endpoint* pick_by_hash(const Pool& pool, const Wish& wish, Instant now);
  uint32_t& cursor_of(const Pool& pool);

  Options options_;
  Rng rng_;
  std::unordered_map<EndpointId, Instant> failed_at_;
  std::unordered_map<PoolId, uint32_t> cursors_;
};

}  // namespace causeway::router
