#include "control/route_emitter/routing_table.h"

#include <algorithm>
#include <functional>
#include <tuple>
#include <utility>

#include "base/check.h"
#include "cf/wire/tcp_route_message.h"

namespace causeway::route_emitter {
namespace {

std::string address_of(const Instance& instance, const PortPair& pair) {
  return instance.host + ":" + std::to_string(http_port(pair));
}

bool announces_alike(const Desired& left, const Desired& right) {
  return left.log_guid == right.log_guid && left.routes == right.routes &&
         left.tcp_routes == right.tcp_routes &&
         left.internal_hostnames == right.internal_hostnames &&
         left.metric_tags == right.metric_tags;
}

}  // namespace

void RoutingTable::put(Desired desired) {
  Process& process = processes_[desired.process_guid];
  process.snapshot = snapshot_;
  if (process.desired) {
    if (desired.tag.is_older_than(process.desired->tag)) return;
    if (announces_alike(*process.desired, desired)) {
      process.desired = std::move(desired);
      return;
    }
  }
  for (auto& [key, endpoint] : process.endpoints) release(endpoint);
  process.desired = std::move(desired);
  for (auto& [key, endpoint] : process.endpoints) claim(process, endpoint);
}

void RoutingTable::remove(std::string_view process_guid, const Tag& tag) {
  const auto process = processes_.find(process_guid);
  if (process == processes_.end() || !process->second.desired) return;
  if (tag.is_older_than(process->second.desired->tag)) return;
  drop_desired(process->second);
  forget_if_empty(process_guid);
}

void RoutingTable::put(Instance instance) {
  if (instance.key.instance_guid.empty()) return;  // waits for a cell
  Process& process = processes_[instance.process_guid];
  const auto known = process.endpoints.find(instance.key);
  const bool is_known = known != process.endpoints.end();
  if (is_known) known->second.snapshot = snapshot_;
  if (is_known && instance.tag.is_older_than(known->second.instance.tag)) return;
  if (is_known && instance == known->second.instance) return;
  if (is_known) drop_endpoint(process, known);
  if (!instance.is_routable) {
    const std::string process_guid = std::move(instance.process_guid);
    forget_if_empty(process_guid);
    return;
  }
  move_in(instance);
  const InstanceKey key = instance.key;
  Endpoint& endpoint = process.endpoints[key];
  endpoint.instance = std::move(instance);
  endpoint.snapshot = snapshot_;
  claim(process, endpoint);
}

void RoutingTable::remove(std::string_view process_guid, const InstanceKey& key, const Tag& tag) {
  const auto process = processes_.find(process_guid);
  if (process == processes_.end()) return;
  const auto endpoint = process->second.endpoints.find(key);
  if (endpoint == process->second.endpoints.end()) return;
  if (tag.is_older_than(endpoint->second.instance.tag)) return;
  drop_endpoint(process->second, endpoint);
  forget_if_empty(process_guid);
}

void RoutingTable::replace(Snapshot snapshot) {
  ++snapshot_;
  for (Desired& desired : snapshot.desired) {
    if (!snapshot.fresh_domains.contains(desired.domain)) keep_old_routes(desired);
    put(std::move(desired));
  }
  for (Instance& instance : snapshot.instances) put(std::move(instance));
  for (auto process = processes_.begin(); process != processes_.end();) {
    Process& known = process->second;
    for (auto endpoint = known.endpoints.begin(); endpoint != known.endpoints.end();) {
      const bool stays = endpoint->second.snapshot == snapshot_;
      endpoint = stays ? std::next(endpoint) : drop_endpoint(known, endpoint);
    }
    if (known.desired && known.snapshot != snapshot_) {
      const bool is_elsewhere = snapshot.is_of_one_cell && known.endpoints.empty();
      if (is_elsewhere || snapshot.fresh_domains.contains(known.desired->domain)) {
        drop_desired(known);
      }
    }
    const bool is_empty = !known.desired && known.endpoints.empty();
    process = is_empty ? processes_.erase(process) : std::next(process);
  }
}

Changes RoutingTable::take_changes() {
  Changes changes;
  changes.collisions = std::exchange(collisions_, {});
  for (const RouteKey& key : std::exchange(touched_, {})) {
    const auto found = routes_.find(key);
    if (found == routes_.end()) continue;
    Route& route = found->second;
    const bool was_announced = !route.announced.payload.empty();
    if (route.claims.empty()) {
      if (was_announced) {
        --announced_[static_cast<size_t>(key.kind)];
        changes.unregistrations.push_back(std::move(route.announced));
      }
      routes_.erase(found);
      continue;
    }
    RouteMessage message = message_for(key, youngest(route.claims));
    if (message.payload == route.announced.payload) continue;
    if (!was_announced) ++announced_[static_cast<size_t>(key.kind)];
    route.announced = std::move(message);
    changes.registrations.push_back(route.announced);
  }
  return changes;
}

bool RoutingTable::has_desired(std::string_view process_guid) const {
  const auto process = processes_.find(process_guid);
  return process != processes_.end() && process->second.desired.has_value();
}

std::optional<RouteKey> RoutingTable::visit(
    Kinds kinds, const std::optional<RouteKey>& after, size_t count,
    const std::function<void(const RouteMessage&)>& visitor) const {
  auto route =
      after ? routes_.upper_bound(*after) : routes_.lower_bound(RouteKey{{}, {}, 0, kinds.first});
  const auto has_next = [&] { return route != routes_.end() && route->first.kind <= kinds.last; };
  const RouteKey* last = nullptr;
  for (; has_next() && count > 0; ++route, --count) {
    if (!route->second.announced.payload.empty()) visitor(route->second.announced);
    last = &route->first;
  }
  if (!has_next() || last == nullptr) return std::nullopt;
  return *last;
}

void RoutingTable::drop_desired(Process& process) {
  for (auto& [key, endpoint] : process.endpoints) release(endpoint);
  process.desired.reset();
}

RoutingTable::Endpoints::iterator RoutingTable::drop_endpoint(Process& process,
                                                              Endpoints::iterator endpoint) {
  release(endpoint->second);
  move_out(endpoint->second.instance);
  return process.endpoints.erase(endpoint);
}

void RoutingTable::claim(const Process& process, Endpoint& endpoint) {
  DCHECK(endpoint.claims.empty());
  if (!process.desired) return;
  const Desired& desired = *process.desired;
  const Instance& instance = endpoint.instance;
  for (size_t p = 0; p < instance.ports.size() && !instance.host.empty(); ++p) {
    const PortPair& pair = instance.ports[p];
    for (size_t r = 0; r < desired.routes.size() && http_port(pair) != 0; ++r) {
      if (pair.container_port != desired.routes[r].port) continue;
      stake(process, endpoint, key_of(desired.routes[r], instance, pair), r, p);
    }
    for (size_t r = 0; r < desired.tcp_routes.size() && tcp_port(pair) != 0; ++r) {
      if (pair.container_port != desired.tcp_routes[r].port) continue;
      stake(process, endpoint, key_of(desired.tcp_routes[r], instance, pair), r, p);
    }
  }
  for (size_t r = 0; r < desired.internal_hostnames.size(); ++r) {
    if (instance.container_ip.empty()) break;
    stake(process, endpoint, internal_key(desired.internal_hostnames[r], instance), r, 0);
  }
}

void RoutingTable::stake(const Process& process, Endpoint& endpoint, RouteKey key, size_t route,
                         size_t port) {
  routes_[key].claims.push_back({&process, &endpoint, route, port});
  touched_.insert(key);
  endpoint.claims.push_back(std::move(key));
}

void RoutingTable::release(Endpoint& endpoint) {
  for (const RouteKey& key : endpoint.claims) {
    std::erase_if(routes_.at(key).claims,
                  [&endpoint](const Claim& claim) { return claim.endpoint == &endpoint; });
    touched_.insert(key);
  }
  endpoint.claims.clear();
}

void RoutingTable::move_in(const Instance& instance) {
  for (const PortPair& pair : instance.ports) {
    if (http_port(pair) == 0) continue;
    const std::string address = address_of(instance, pair);
    std::vector<std::string>& residents = residents_[address];
    for (const std::string& other : residents) {
      if (other != instance.key.instance_guid) {
        collisions_.push_back({address, instance.key.instance_guid, other});
      }
    }
    residents.push_back(instance.key.instance_guid);
  }
}

void RoutingTable::move_out(const Instance& instance) {
  for (const PortPair& pair : instance.ports) {
    const auto found = residents_.find(address_of(instance, pair));
    if (found == residents_.end()) continue;
    std::vector<std::string>& residents = found->second;
    const auto self = std::find(residents.begin(), residents.end(), instance.key.instance_guid);
    if (self != residents.end()) residents.erase(self);
    if (residents.empty()) residents_.erase(found);
  }
}

void RoutingTable::forget_if_empty(std::string_view process_guid) {
  const auto process = processes_.find(process_guid);
  if (process == processes_.end()) return;
  if (!process->second.desired && process->second.endpoints.empty()) processes_.erase(process);
}

void RoutingTable::keep_old_routes(Desired& desired) const {
  const auto process = processes_.find(desired.process_guid);
  if (process == processes_.end() || !process->second.desired) return;
  const Desired& old = *process->second.desired;
  // Adds those of `from` that `to` has nothing like.
  const auto keep = [](auto& to, const auto& from, auto is_like) {
    for (const auto& route : from) {
      const bool is_there = std::any_of(to.begin(), to.end(),
                                        [&](const auto& there) { return is_like(there, route); });
      if (!is_there) to.push_back(route);
    }
  };
  keep(desired.routes, old.routes, [](const HttpRoute& left, const HttpRoute& right) {
    return left.hostname == right.hostname && left.port == right.port;
  });
  keep(desired.tcp_routes, old.tcp_routes, [](const TcpRoute& left, const TcpRoute& right) {
    return left.router_group_guid == right.router_group_guid &&
           left.external_port == right.external_port && left.port == right.port &&
           left.sni_hostname == right.sni_hostname;
  });
  keep(desired.internal_hostnames, old.internal_hostnames, std::equal_to<>());
}

const RoutingTable::Claim& RoutingTable::youngest(const std::vector<Claim>& claims) {
  const auto age = [](const Claim& claim) {
    const Instance& instance = claim.endpoint->instance;
    return std::tie(instance.since_ns, instance.key.instance_guid, instance.key.presence);
  };
  return *std::max_element(
      claims.begin(), claims.end(),
      [&age](const Claim& left, const Claim& right) { return age(left) < age(right); });
}

RouteMessage RoutingTable::message_for(const RouteKey& key, const Claim& claim) {
  const Desired& desired = *claim.process->desired;
  const Instance& instance = claim.endpoint->instance;
  RouteMessage message{.route = key};
  switch (key.kind) {
    case RouteKind::http:
      message.payload =
          message_of(desired, desired.routes[claim.route], instance, instance.ports[claim.port]);
      break;
    case RouteKind::tcp:
      message.tcp = std::make_shared<const cf::TcpRouteMessage>(tcp_message(
          desired, desired.tcp_routes[claim.route], instance, instance.ports[claim.port]));
      message.payload = cf::to_json(*message.tcp);
      break;
    case RouteKind::internal:
      message.payload =
          internal_message(desired, desired.internal_hostnames[claim.route], instance);
      break;
  }
  return message;
}

}  // namespace causeway::route_emitter
