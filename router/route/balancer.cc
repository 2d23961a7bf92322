#include "router/route/balancer.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "base/check.h"
#include "router/route/route_table.h"

namespace causeway::router {

Balancer::Balancer(Options options, uint64_t seed) : options_(std::move(options)), rng_(seed) {}

void Balancer::mark_failed(EndpointId endpoint, Instant now) {
  failed_at_.insert_or_assign(endpoint, now);
}

bool Balancer::is_failed(EndpointId endpoint, Instant now) const {
  if (failed_at_.empty()) return false;
  const auto mark = failed_at_.find(endpoint);
  return mark != failed_at_.end() && now - mark->second <= options_.failed_mark_lifetime;
}

bool Balancer::is_overloaded(const Endpoint& endpoint) const {
  return options_.in_flight_max > 0 && endpoint.in_flight() >= options_.in_flight_max;
}

bool Balancer::is_overloaded(const Pool& pool, const InstanceFilter& filter) const {
  if (options_.in_flight_max == 0) return false;
  bool any = false;
  for (const auto& endpoint : pool.endpoints()) {
    if (!filter.matches(*endpoint)) continue;
    if (!is_overloaded(*endpoint)) return false;
    any = true;
  }
  return any;
}

const Endpoint* Balancer::pick(const Pool& pool, const Wish& wish, Instant now) {
  if (pool.empty()) return nullptr;
  if (!wish.sticky_id.empty()) {
    const Endpoint* sticky = pool.find_instance(wish.sticky_id);
    const bool usable =
        sticky != nullptr && wish.filter.matches(*sticky) && !is_overloaded(*sticky);
    // A failure mark does not keep the first attempt from its instance; later ones look elsewhere,
    // unless they must not.
    if (usable && (wish.attempt == 1 || wish.sticky_or_nothing)) return sticky;
    if (wish.sticky_or_nothing) return nullptr;
  }
  if (pool.balancing() != LoadBalancing::hash) return pick_by(pool.balancing(), pool, wish, now);
  if (wish.hash_key.empty()) return pick_by(pool.without_header(), pool, wish, now);
  return pick_by_hash(pool, wish, now);
}

const Endpoint* Balancer::pick_by(LoadBalancing balancing, const Pool& pool, const Wish& wish,
                                  Instant now) {
  const bool zone_first = options_.prefer_zone && wish.attempt == 1 && !options_.zone.empty();
  if (balancing == LoadBalancing::least_connection) {
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
         (!zone_only || endpoint.availability_zone() == options_.zone) && !is_overloaded(endpoint);
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
  for (const auto& endpoint : endpoints) failed_at_.erase(endpoint->id());
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
    const uint32_t load = endpoint->in_flight();
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

namespace {

// What one endpoint of the pool may have in flight so that the balance is kept.
double balanced_in_flight_max(const Pool& pool) {
  uint64_t in_flight = 0;
  for (const auto& endpoint : pool.endpoints()) in_flight += endpoint->in_flight();
  return pool.hash_balance() * static_cast<double>(in_flight) / static_cast<double>(pool.size());
}

}  // namespace

// The key's own slot, then the next ones. Second best are endpoints with more in flight than the
// balance allows, or that were tried before; then those that have failed.
const Endpoint* Balancer::pick_by_hash(const Pool& pool, const Wish& wish, Instant now) {
  const HashTable& table = pool.hash_table();
  const double in_flight_max = pool.hash_balance() > 0 ? balanced_in_flight_max(pool) : 0;
  const Endpoint* second_best = nullptr;
  const Endpoint* failed = nullptr;
  const Endpoint* before = nullptr;  // of the slot before: runs of one endpoint are looked at once
  const size_t first = table.slot_of(wish.hash_key);
  for (size_t step = 0; step < table.size(); ++step) {
    const size_t slot = first + step < table.size() ? first + step : first + step - table.size();
    const Endpoint& endpoint = *pool.endpoints()[table.endpoint_at(slot)];
    if (&endpoint == std::exchange(before, &endpoint) || !may_serve(endpoint, wish, false))
      continue;
    if (is_failed(endpoint.id(), now)) {
      if (failed == nullptr) failed = &endpoint;
      continue;
    }
    const bool is_above_balance = pool.hash_balance() > 0 && endpoint.in_flight() > in_flight_max;
    if (!is_above_balance && std::ranges::find(wish.tried, endpoint.id()) == wish.tried.end()) {
      return &endpoint;
    }
    if (second_best == nullptr) second_best = &endpoint;
  }
  if (second_best != nullptr || failed == nullptr) return second_best;
  // As in round-robin: all that may serve have failed.
  for (const auto& endpoint : pool.endpoints()) failed_at_.erase(endpoint->id());
  return failed;
}

void Balancer::sweep(const RouteTable& table, Instant now) {
  std::erase_if(failed_at_, [&](const auto& mark) { return !is_failed(mark.first, now); });
  if (cursors_.size() <= table.size() + kSpareCursors) return;
  std::unordered_set<PoolId> live;
  live.reserve(table.size());
  table.for_each([&](const Pool& pool) { live.insert(pool.id()); });
  std::erase_if(cursors_, [&](const auto& entry) { return !live.contains(entry.first); });
}

}  // namespace causeway::router
