#include "control/route_emitter/routing_table.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/check.h"
#include "cf/wire/registry_message.h"

namespace causeway::route_emitter {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// Routers take the TLS port when there is one.
uint16_t reached_port(const PortPair& pair) {
  return pair.tls_port != 0 ? pair.tls_port : pair.port;
}

std::string address_of(const Instance& instance, const PortPair& pair) {
  return instance.host + ":" + std::to_string(reached_port(pair));
}

bool announces_alike(const Desired& left, const Desired& right) {
  return left.log_guid == right.log_guid && left.routes == right.routes &&
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
        --announced_;
        changes.unregistrations.push_back(std::move(route.announced));
      }
      routes_.erase(found);
      continue;
    }
    std::string payload = message_of(youngest(route.claims));
    if (payload == route.announced.payload) continue;
    if (!was_announced) ++announced_;
    route.announced = {key, std::move(payload)};
    changes.registrations.push_back(route.announced);
  }
  return changes;
}

bool RoutingTable::has_desired(std::string_view process_guid) const {
  const auto process = processes_.find(process_guid);
  return process != processes_.end() && process->second.desired.has_value();
}

std::optional<RouteKey> RoutingTable::visit(
    const std::optional<RouteKey>& after, size_t count,
    const std::function<void(const RouteMessage&)>& visitor) const {
  auto route = after ? routes_.upper_bound(*after) : routes_.begin();
  const RouteKey* last = nullptr;
  for (; route != routes_.end() && count > 0; ++route, --count) {
    if (!route->second.announced.payload.empty()) visitor(route->second.announced);
    last = &route->first;
  }
  if (route == routes_.end() || last == nullptr) return std::nullopt;
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
  const Instance& instance = endpoint.instance;
  if (instance.host.empty()) return;
  for (size_t r = 0; r < process.desired->routes.size(); ++r) {
    const HttpRoute& route = process.desired->routes[r];
    for (size_t p = 0; p < instance.ports.size(); ++p) {
      const PortPair& pair = instance.ports[p];
      if (pair.container_port != route.port || reached_port(pair) == 0) continue;
      RouteKey key{lower(route.hostname), instance.host, reached_port(pair)};
      routes_[key].claims.push_back({&process, &endpoint, r, p});
      touched_.insert(key);
      endpoint.claims.push_back(std::move(key));
    }
  }
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
    if (reached_port(pair) == 0) continue;
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
  for (const HttpRoute& old : process->second.desired->routes) {
    const bool is_there =
        std::any_of(desired.routes.begin(), desired.routes.end(), [&old](const HttpRoute& route) {
          return route.hostname == old.hostname && route.port == old.port;
        });
    if (!is_there) desired.routes.push_back(old);
  }
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

std::string RoutingTable::message_of(const Claim& claim) {
  const Desired& desired = *claim.process->desired;
  const Instance& instance = claim.endpoint->instance;
  const HttpRoute& route = desired.routes[claim.route];
  const PortPair& pair = instance.ports[claim.port];
  cf::RegistryMessage message;
  message.host = instance.host;
  message.port = pair.port;
  message.tls_port = pair.tls_port;
  message.uris = {route.hostname};
  message.app = desired.log_guid;
  message.private_instance_id = instance.key.instance_guid;
  message.private_instance_index = std::to_string(instance.index);
  if (pair.tls_port != 0) message.server_cert_domain_san = instance.key.instance_guid;
  message.protocol = route.protocol;
  message.route_service_url = route.route_service_url;
  message.endpoint_updated_at_ns = instance.since_ns;
  message.isolation_segment = route.isolation_segment;
  message.availability_zone = instance.availability_zone;
  message.options_json = route.options;
  for (const auto& [name, tag] : desired.metric_tags) {
    switch (tag.kind) {
      case MetricTag::Kind::index:
        message.tags[name] = message.private_instance_index;
        break;
      case MetricTag::Kind::instance_guid:
        message.tags[name] = message.private_instance_id;
        break;
      case MetricTag::Kind::fixed:
        message.tags[name] = tag.text;
        break;
    }
  }
  message.tags["component"] = "route-emitter";
  return cf::to_json(message);
}

}  // namespace causeway::route_emitter
