#include "router/route/route_book.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/check.h"
#include "router/route/host_hash.h"

namespace causeway::router {

namespace {

using Slot = uint32_t;

// One endpoint of one route and the time of the last word about it.
struct Member {
  std::shared_ptr<const Endpoint> endpoint;
  Instant heard;
  uint64_t address_hash;
};

// One route. Slots are used again, `pool` is null in a free one.
struct Route {
  std::shared_ptr<const Pool> pool;  // as last published; before that without endpoints
  std::shared_ptr<const Endpoint>
      terms;  // of the last accepted registration: its balancing, its route service
  std::vector<Member> members;
  uint64_t hash = 0;  // of the key
  Instant emptied{};  // when the last member went
  bool unpublished = false;

  std::string_view key() const { return pool->key(); }
};

uint64_t hash_of_address(std::string_view host, uint16_t port) {
  return hash_of(host) + port * uint64_t{0x9E3779B97F4A7C15};
}

std::string_view host_of_key(std::string_view key) { return key.substr(0, key.find('/')); }

bool is_host(std::string_view host) { return !host.empty() && host.size() <= kHostBytesMax; }

// Is `tag` the one of `held`, or does it take its place?
bool equals_or_succeeds(const ModificationTag& tag, const Endpoint& held) {
  if (tag.guid.empty() || held.modification_guid().empty()) return true;
  if (tag.guid != held.modification_guid()) return true;
  return tag.index >= held.modification_index();
}

}  // namespace

struct RouteBook::State {
  State(Options o, const Clock& c)
      : options(std::move(o)),
        clock(c),
        slots(16, SlotHash{routes}, SlotEqual{routes}),
        table(std::make_shared<const RouteTable>()) {}

  // Finds slots by key; both look into `routes`.
  struct SlotHash {
    using is_transparent = void;
    const std::vector<Route>& routes;
    size_t operator()(Slot slot) const { return routes[slot].hash; }
    size_t operator()(std::string_view key) const { return hash_of(key); }
  };
  struct SlotEqual {
    using is_transparent = void;
    const std::vector<Route>& routes;
    bool operator()(Slot left, Slot right) const { return left == right; }
    bool operator()(std::string_view key, Slot slot) const { return routes[slot].key() == key; }
    bool operator()(Slot slot, std::string_view key) const { return routes[slot].key() == key; }
  };

  Route* find(std::string_view key) {
    const auto slot = slots.find(key);
    return slot == slots.end() ? nullptr : &routes[*slot];
  }

  Route& insert(std::string_view key) {
    Slot slot;
    if (free_slots.empty()) {
      slot = static_cast<Slot>(routes.size());
      routes.emplace_back();
    } else {
      slot = free_slots.back();
      free_slots.pop_back();
    }
    Route& route = routes[slot];
    route.pool = std::make_shared<const Pool>(++last_pool_id, key, Pool::Terms{},
                                              std::span<const std::shared_ptr<const Endpoint>>{});
    route.hash = hash_of(key);
    slots.insert(slot);
    return route;
  }

  void erase(Route& route) {
    const auto slot = static_cast<Slot>(&route - routes.data());
    slots.erase(slot);
    gone.push_back(std::move(route.pool));
    route = Route{};
    free_slots.push_back(slot);
  }

  void changed(Route& route) {
    if (route.unpublished) return;
    route.unpublished = true;
    dirty.push_back(static_cast<Slot>(&route - routes.data()));
  }

  static Member* member_of(Route& route, const EndpointSpec& spec, uint64_t address_hash) {
    for (Member& member : route.members) {
      if (member.address_hash == address_hash && member.endpoint->port() == spec.port &&
          member.endpoint->host() == spec.host) {
        return &member;
      }
    }
    return nullptr;
  }

  bool is_in_shard(const EndpointSpec& spec) const {
    if (options.sharding == Sharding::all) return true;
    if (spec.isolation_segment.empty()) return options.sharding == Sharding::shared_and_segments;
    return std::ranges::find(options.isolation_segments, spec.isolation_segment) !=
           options.isolation_segments.end();
  }

  size_t routes_in_use() const { return slots.size() - emptied; }

  bool keeps_emptied() const {
    return options.keep_emptied_routes && options.emptied_route_lifetime > Duration::zero();
  }

  Duration threshold_of(const Endpoint& endpoint) const {
    const Duration own = endpoint.stale_threshold();
    return own == Duration::zero() || own > options.stale_threshold ? options.stale_threshold : own;
  }

  Pool::Terms terms_of(const Route& route) const {
    if (route.terms == nullptr) return {.balancing = options.balancing};
    const Endpoint& told = *route.terms;
    return {.balancing = told.balancing().value_or(options.balancing),
            .route_service_url = told.route_service_url(),
            .hash_header = told.hash_header(),
            .hash_balance = told.hash_balance(),
            .without_header = options.balancing};
  }

  // Makes `endpoint`, which was registered just now, the one whose terms the route follows.
  void adopt_terms(Route& route, const std::shared_ptr<const Endpoint>& endpoint) {
    if (route.terms != nullptr && route.terms->balancing() == endpoint->balancing() &&
        route.terms->route_service_url() == endpoint->route_service_url() &&
        route.terms->hash_header() == endpoint->hash_header() &&
        route.terms->hash_balance() == endpoint->hash_balance()) {
      return;
    }
    route.terms = endpoint;
    changed(route);
  }

  Outcome add(std::string_view key, const EndpointSpec& spec, uint64_t address_hash, Instant now);
  Outcome remove(std::string_view key, const EndpointSpec& spec, uint64_t address_hash,
                 Instant now);
  std::shared_ptr<const Endpoint> endpoint_for(const EndpointSpec& spec, const Member* held);
  // After a member of `route` has gone: without members it goes as well, unless it `stays_emptied`.
  void lost_member(Route& route, Instant now, bool stays_emptied);
  void prune(Route& route, Instant now, std::vector<Pruned>& pruned);
  std::shared_ptr<const Pool> rebuilt(const Route& route) const;

  Options options;
  const Clock& clock;
  OnApplied on_applied;

  std::vector<Route> routes;
  std::vector<Slot> free_slots;
  std::unordered_set<Slot, SlotHash, SlotEqual> slots;
  size_t endpoints = 0;  // members of all routes
  size_t emptied = 0;    // routes that are kept without members
  Instant last_update{};
  PoolId last_pool_id = 0;
  EndpointId last_endpoint_id = 0;

  std::string scratch_key;
  std::shared_ptr<const Endpoint> present;  // an endpoint that says what the change under way says

  std::vector<Slot> dirty;
  std::vector<EndpointId> departed;               // from some route, since the last publication
  std::vector<std::shared_ptr<const Pool>> gone;  // pools of removed routes, for their keys
  std::shared_ptr<const RouteTable> table;
  std::vector<std::shared_ptr<const RouteTable>> retired;
};

// What the change under way says, as an endpoint: one for all its uris.
std::shared_ptr<const Endpoint> RouteBook::State::endpoint_for(const EndpointSpec& spec,
                                                               const Member* held) {
  if (present == nullptr) {
    const bool same_place = held != nullptr && held->endpoint->connects_like(spec);
    present =
        std::make_shared<const Endpoint>(same_place ? held->endpoint->id() : ++last_endpoint_id,
                                         spec, same_place ? held->endpoint : nullptr);
  }
  return present;
}

Outcome RouteBook::State::add(std::string_view route_key, const EndpointSpec& spec,
                              uint64_t address_hash, Instant now) {
  Route* route = find(route_key);
  Member* member = route == nullptr ? nullptr : member_of(*route, spec, address_hash);
  if (member != nullptr) {
    if (!equals_or_succeeds(spec.modification_tag, *member->endpoint)) return Outcome::outdated;
    member->heard = now;
    Outcome outcome = Outcome::refreshed;
    if (!member->endpoint->says_the_same_as(spec)) {
      const EndpointId before = member->endpoint->id();
      member->endpoint = endpoint_for(spec, member);
      if (member->endpoint->id() != before) departed.push_back(before);
      changed(*route);
      outcome = Outcome::updated;
    }
    adopt_terms(*route, member->endpoint);
    return outcome;
  }
  if (route == nullptr) {
    route = &insert(route_key);
  } else if (route->members.empty()) {
    --emptied;
  }
  route->members.push_back({endpoint_for(spec, nullptr), now, address_hash});
  ++endpoints;
  adopt_terms(*route, route->members.back().endpoint);
  changed(*route);
  return Outcome::added;
}

Outcome RouteBook::State::remove(std::string_view route_key, const EndpointSpec& spec,
                                 uint64_t address_hash, Instant now) {
  Route* route = find(route_key);
  Member* member = route == nullptr ? nullptr : member_of(*route, spec, address_hash);
  if (member == nullptr || !equals_or_succeeds(spec.modification_tag, *member->endpoint)) {
    return Outcome::not_found;
  }
  departed.push_back(member->endpoint->id());
  route->members.erase(route->members.begin() + (member - route->members.data()));
  --endpoints;
  lost_member(*route, now, keeps_emptied());
  return Outcome::removed;
}

void RouteBook::State::lost_member(Route& route, Instant now, bool stays_emptied) {
  if (!route.members.empty()) return changed(route);
  if (!stays_emptied) return erase(route);
  ++emptied;
  route.emptied = now;
  changed(route);
}

void RouteBook::State::prune(Route& route, Instant now, std::vector<Pruned>& pruned) {
  Pruned lost;
  const size_t before = route.members.size();
  std::erase_if(route.members, [&](const Member& member) {
    const Endpoint& endpoint = *member.endpoint;
    if (endpoint.is_tls() || now - member.heard <= threshold_of(endpoint)) return false;
    if (lost.endpoints.empty()) lost.isolation_segment = endpoint.isolation_segment();
    lost.endpoints.emplace_back(endpoint.authority());
    departed.push_back(endpoint.id());
    return true;
  });
  if (!lost.endpoints.empty()) {
    endpoints -= before - route.members.size();
    lost.key = route.key();
    pruned.push_back(std::move(lost));
    changed(route);
    if (route.members.empty()) {
      ++emptied;
      route.emptied = now;
    }
  }
  if (!route.members.empty()) return;
  if (!keeps_emptied() || now - route.emptied > options.emptied_route_lifetime) {
    --emptied;
    erase(route);
  }
}

std::shared_ptr<const Pool> RouteBook::State::rebuilt(const Route& route) const {
  std::vector<std::shared_ptr<const Endpoint>> list;
  list.reserve(route.members.size());
  for (const Member& member : route.members) list.push_back(member.endpoint);
  return std::make_shared<const Pool>(route.pool->id(), route.key(), terms_of(route), list);
}

RouteBook::RouteBook(Options options, const Clock& clock)
    : state_(std::make_unique<State>(std::move(options), clock)) {}
RouteBook::~RouteBook() = default;

void RouteBook::use(Options options) {
  const bool is_balanced_anew = options.balancing != state_->options.balancing;
  state_->options = std::move(options);
  if (!is_balanced_anew) return;
  for (Route& route : state_->routes) {
    if (route.pool != nullptr) state_->changed(route);
  }
}

void RouteBook::on_applied(OnApplied callback) { state_->on_applied = std::move(callback); }

void RouteBook::apply(const RouteChange& change) {
  State& state = *state_;
  const EndpointSpec& spec = change.endpoint;
  const Instant now = state.clock.now() - change.age;
  const uint64_t address_hash = hash_of_address(spec.host, spec.port);
  const bool adding = change.kind == RouteChange::Kind::add;
  const bool refused = adding && !Endpoint::fits(spec);
  const bool out_of_shard = adding && !state.is_in_shard(spec);
  state.present = nullptr;
  if (adding && !refused && !out_of_shard) {
    // An endpoint that some of the uris have already is given to the others as well.
    for (const std::string& uri : change.uris) {
      route_key(uri, state.scratch_key);
      Route* route = state.find(state.scratch_key);
      const Member* member = route ? State::member_of(*route, spec, address_hash) : nullptr;
      if (member != nullptr && member->endpoint->says_the_same_as(spec)) {
        state.present = member->endpoint;
        break;
      }
    }
  }
  for (const std::string& uri : change.uris) {
    route_key(uri, state.scratch_key);
    const size_t routes_before = state.routes_in_use();
    Outcome outcome;
    if (out_of_shard) {
      outcome = Outcome::out_of_shard;
    } else if (refused || !is_host(host_of_key(state.scratch_key))) {
      outcome = Outcome::refused;
    } else if (adding) {
      outcome = state.add(state.scratch_key, spec, address_hash, now);
    } else {
      outcome = state.remove(state.scratch_key, spec, address_hash, now);
    }
    const bool is_edge = state.routes_in_use() != routes_before;
    if (state.on_applied) state.on_applied({outcome, is_edge, state.scratch_key}, spec);
  }
  state.present = nullptr;
  state.last_update = std::max(state.last_update, now);
}

bool RouteBook::prune_some(size_t& cursor, size_t routes_max, std::vector<Pruned>& pruned) {
  const Instant now = state_->clock.now();
  for (size_t visited = 0; cursor < state_->routes.size(); ++cursor) {
    if (visited++ == routes_max) return false;
    Route& route = state_->routes[cursor];
    if (route.pool != nullptr) state_->prune(route, now, pruned);
  }
  return true;
}

std::vector<RouteBook::Pruned> RouteBook::prune() {
  std::vector<Pruned> pruned;
  size_t cursor = 0;
  CHECK(prune_some(cursor, SIZE_MAX, pruned));
  return pruned;
}

std::shared_ptr<const Endpoint> RouteBook::remove_failed(const FailedEndpoint& failed) {
  State& state = *state_;
  Route* route = state.find(failed.route_key);
  if (route == nullptr) return nullptr;
  const auto member = std::ranges::find_if(route->members, [&](const Member& each) {
    return each.endpoint->id() == failed.endpoint && each.endpoint->is_tls();
  });
  if (member == route->members.end()) return nullptr;
  std::shared_ptr<const Endpoint> endpoint = std::move(member->endpoint);
  state.departed.push_back(endpoint->id());
  route->members.erase(member);
  --state.endpoints;
  // Without a time to keep emptied routes this one is there until the next pruning.
  state.lost_member(*route, state.clock.now(), state.options.keep_emptied_routes);
  return endpoint;
}

void RouteBook::mark_all_fresh() {
  const Instant now = state_->clock.now();
  for (Route& route : state_->routes) {
    for (Member& member : route.members) member.heard = now;
  }
}

std::vector<RouteBook::Known> RouteBook::contents() const {
  std::vector<Known> known;
  std::unordered_map<const Endpoint*, size_t> places;
  const Instant now = state_->clock.now();
  for (const Route& route : state_->routes) {
    for (const Member& member : route.members) {
      const auto [place, is_new] = places.emplace(member.endpoint.get(), known.size());
      if (is_new) known.push_back({member.endpoint, {}, now - member.heard});
      Known& one = known[place->second];
      one.uris.emplace_back(route.key());
      one.age = std::min<Duration>(one.age, now - member.heard);
    }
  }
  return known;
}

bool RouteBook::has_unpublished() const { return !state_->dirty.empty() || !state_->gone.empty(); }

std::shared_ptr<const RouteTable> RouteBook::publish() {
  State& state = *state_;
  // A snapshot that nobody else holds any more ends here, on the control thread.
  std::erase_if(state.retired, [](const auto& table) { return table.use_count() == 1; });
  if (!has_unpublished()) return state.table;
  std::vector<RouteTableBuilder::Change> changes;
  changes.reserve(state.gone.size() + state.dirty.size());
  // Removals first: a route that is back by now has the last word.
  for (const auto& pool : state.gone) changes.push_back({pool->key(), nullptr});
  std::vector<std::shared_ptr<const Pool>> replaced;  // their keys live until build() is done
  for (const Slot slot : state.dirty) {
    Route& route = state.routes[slot];
    if (!route.unpublished) continue;  // removed meanwhile, or listed twice
    route.unpublished = false;
    replaced.push_back(std::exchange(route.pool, state.rebuilt(route)));
    changes.push_back({route.pool->key(), route.pool});
  }
  state.retired.push_back(state.table);
  state.table =
      RouteTableBuilder::build(*state.table, std::move(changes), std::exchange(state.departed, {}));
  state.dirty.clear();
  state.gone.clear();
  return state.table;
}

size_t RouteBook::routes() const { return state_->routes_in_use(); }
size_t RouteBook::endpoints() const { return state_->endpoints; }
Instant RouteBook::last_update() const { return state_->last_update; }
Duration RouteBook::threshold_of(const Endpoint& endpoint) const {
  return state_->threshold_of(endpoint);
}

size_t RouteBook::footprint_bytes() const {
  const State& state = *state_;
  size_t bytes = sizeof(State) + state.routes.capacity() * sizeof(Route) +
                 state.slots.bucket_count() * sizeof(void*) + state.slots.size() * 32;
  for (const Route& route : state.routes) bytes += route.members.capacity() * sizeof(Member) + 16;
  return bytes;
}

}  // namespace causeway::router
