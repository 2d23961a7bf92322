#include "router/route/balancer.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "base/check.h"
#include "router/route/route_table.h"

namespace causeway::router {

Balancer::Balancer(Options options, uint64_t seed) : options_(std::move(options)), rng_(seed) {}

void Balancer::began(EndpointId endpoint) { ++endpoints_[endpoint].in_flight; }

void Balancer::ended(EndpointId endpoint) {
  const auto note = endpoints_.find(endpoint);
  CHECK(note != endpoints_.end() && note->second.in_flight > 0);
  --note->second.in_flight;
}

uint32_t Balancer::in_flight(EndpointId endpoint) const {
  const auto note = endpoints_.find(endpoint);
  return note == endpoints_.end() ? 0 : note->second.in_flight;
}

void Balancer::mark_failed(EndpointId endpoint, Instant now) {
  EndpointNote& note = endpoints_[endpoint];
  note.failed = true;
  note.failed_at = now;
}

bool Balancer::has_live_mark(const EndpointNote& note, Instant now) const {
  return note.failed && now - note.failed_at <= options_.failed_mark_lifetime;
}

bool Balancer::is_failed(EndpointId endpoint, Instant now) const {
  const auto note = endpoints_.find(endpoint);
  return note != endpoints_.end() && has_live_mark(note->second, now);
}

bool Balancer::is_overloaded(EndpointId endpoint) const {
  return options_.in_flight_max > 0 && in_flight(endpoint) >= options_.in_flight_max;
}

bool Balancer::is_overloaded(const Pool& pool, const InstanceFilter& filter) const {
  if (options_.in_flight_max == 0) return false;
  bool any = false;
  for (const auto& endpoint : pool.endpoints()) {
    if (!filter.matches(*endpoint)) continue;
    if (!is_overloaded(endpoint->id())) return false;
    any = true;
  }
  return any;
}

const Endpoint* Balancer::pick(const Pool& pool, const Wish& wish, Instant now) {
  if (pool.empty()) return nullptr;
  if (!wish.sticky_id.empty()) {
    const Endpoint* sticky = pool.find_instance(wish.sticky_id);
    const bool usable =
        sticky != nullptr && wish.filter.matches(*sticky) && !is_overloaded(sticky->id());
    // A failure mark does not keep the first attempt from its instance; later ones look elsewhere,
    // unless they must not.
    if (usable && (wish.attempt == 1 || wish.sticky_or_nothing)) return sticky;
    if (wish.sticky_or_nothing) return nullptr;
  }
  const bool zone_first = options_.prefer_zone && wish.attempt == 1 && !options_.zone.empty();
  if (pool.balancing() == LoadBalancing::least_connection) {
    if (zone_first) {
      if (const Endpoint* near = pick_least_connection(pool, wish, true)) return near;
    }
    return pick_least_connection(pool, wish, false);
  }
  if (zone_first) {
    if (const Endpoint* near = pick_round_robin(pool, wish, true, now)) return near;
  }
  return pick_round_robin(pool, wish, false, now);
}

bool Balancer::may_serve(const Endpoint& endpoint, const Wish& wish, bool zone_only) const {
  return wish.filter.matches(endpoint) &&
         (!zone_only || endpoint.availability_zone() == options_.zone) &&
         !is_overloaded(endpoint.id());
}

uint32_t& Balancer::cursor_of(const Pool& pool) {
  const auto [cursor, is_new] = cursors_.try_emplace(pool.id());
  if (is_new) cursor->second = static_cast<uint32_t>(rng_.below(pool.size()));
  return cursor->second;
}

const Endpoint* Balancer::pick_round_robin(const Pool& pool, const Wish& wish, bool zone_only,
                                           Instant now) {
  const auto endpoints = pool.endpoints();
  const size_t size = endpoints.size();
  uint32_t& cursor = cursor_of(pool);
  const size_t first = cursor % size;  // the pool may have shrunk
  size_t failed_place = size;          // of the first one in turn that only its mark excludes
  for (size_t step = 0; step < size; ++step) {
    const size_t place = first + step < size ? first + step : first + step - size;
    const Endpoint& endpoint = *endpoints[place];
    if (!may_serve(endpoint, wish, zone_only)) continue;
    if (is_failed(endpoint.id(), now)) {
      if (failed_place == size) failed_place = place;
      continue;
    }
    cursor = static_cast<uint32_t>(place + 1);
    return &endpoint;
  }
  if (failed_place == size || zone_only) return nullptr;
  // All that may serve have failed: better a second chance for each than no answer.
  for (const auto& endpoint : endpoints) {
    const auto note = endpoints_.find(endpoint->id());
    if (note != endpoints_.end()) note->second.failed = false;
  }
  cursor = static_cast<uint32_t>(failed_place + 1);
  return endpoints[failed_place].get();
}

const Endpoint* Balancer::pick_least_connection(const Pool& pool, const Wish& wish,
                                                bool zone_only) {
  const Endpoint* best = nullptr;
  uint32_t best_load = 0;
  uint64_t ties = 0;
  for (const auto& endpoint : pool.endpoints()) {
    if (!may_serve(*endpoint, wish, zone_only)) continue;
    const uint32_t load = in_flight(endpoint->id());
    if (best == nullptr || load < best_load) {
      best = endpoint.get();
      best_load = load;
      ties = 1;
    } else if (load == best_load && rng_.below(++ties) == 0) {
      best = endpoint.get();  // each of the equals is taken with the same chance
    }
  }
  return best;
}

void Balancer::sweep(const RouteTable& table, Instant now) {
  std::erase_if(endpoints_, [&](const auto& entry) {
    return entry.second.in_flight == 0 && !has_live_mark(entry.second, now);
  });
  if (cursors_.size() <= table.size() + kSpareCursors) return;
  std::unordered_set<PoolId> live;
  live.reserve(table.size());
  table.for_each([&](const Pool& pool) { live.insert(pool.id()); });
  std::erase_if(cursors_, [&](const auto& entry) { return !live.contains(entry.first); });
}

}  // namespace causeway::router
