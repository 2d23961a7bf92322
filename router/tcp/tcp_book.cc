#include "router/tcp/tcp_book.h"

#include <algorithm>
#include <utility>

#include "json/json.h"

namespace causeway::router {
namespace {

bool contains(const std::vector<std::string>& list, const std::string& text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

}  // namespace

bool TcpBook::is_served(const cf::TcpRouteMessage& message) const {
  const std::vector<std::string>& groups = options_.settings.router_groups;
  if (!groups.empty() && !contains(groups, message.router_group_guid)) return false;
  switch (options_.sharding) {
    case RouteBook::Sharding::all:
      return true;
    case RouteBook::Sharding::segments:
      return contains(options_.isolation_segments, message.isolation_segment);
    case RouteBook::Sharding::shared_and_segments:
      return message.isolation_segment.empty() ||
             contains(options_.isolation_segments, message.isolation_segment);
  }
  return true;
}

const char* TcpBook::refusal(const cf::TcpRouteMessage& message) const {
  if (!options_.settings.allows(message.external_port)) return "the port is not reservable";
  if (!message.sni_hostname.empty()) return "routes by TLS server name are not served";
  if (message.terminate_frontend_tls) return "TLS of the front end is not served";
  if (message.enable_backend_mtls) return "mutual TLS to instances is not served";
  if (message.port == 0) return "TLS to instances is not served";
  if (!net::Address::parse(message.host, message.port)) return "the host is not an IP address";
  const auto route = routes_.find(message.external_port);
  if (route != routes_.end() && !route->second.entries.empty() &&
      route->second.router_group != message.router_group_guid) {
    return "the port belongs to another router group";
  }
  if (endpoints_ >= options_.endpoints_max) return "too many instances";
  return nullptr;
}

TcpBook::Applied TcpBook::add(const cf::TcpRouteMessage& message, Instant now) {
  if (!is_served(message)) return {Outcome::out_of_shard};
  if (const char* reason = refusal(message); reason != nullptr) return {Outcome::refused, reason};
  Route& route = routes_[message.external_port];
  route.router_group = message.router_group_guid;
  route.isolation_segment = message.isolation_segment;
  TcpEndpoint endpoint{.address = *net::Address::parse(message.host, message.port),
                       .app_id = message.app,
                       .instance_id = message.private_instance_id,
                       .instance_index = message.private_instance_index,
                       .availability_zone = message.availability_zone};
  const Duration own =
      std::chrono::seconds(std::clamp<int64_t>(message.stale_threshold_in_seconds, 0, INT32_MAX));
  const Duration lifetime =
      own == Duration::zero() || own > options_.stale_threshold ? options_.stale_threshold : own;
  const auto known = std::find_if(
      route.entries.begin(), route.entries.end(),
      [&endpoint](const Entry& entry) { return entry.endpoint->address == endpoint.address; });
  if (known == route.entries.end()) {
    route.entries.push_back(
        {std::make_shared<const TcpEndpoint>(std::move(endpoint)), now, lifetime});
    ++endpoints_;
    changed_.insert(message.external_port);
    return {Outcome::added};
  }
  known->refreshed = now;
  known->lifetime = lifetime;
  if (*known->endpoint == endpoint) return {Outcome::refreshed};
  known->endpoint = std::make_shared<const TcpEndpoint>(std::move(endpoint));
  changed_.insert(message.external_port);
  return {Outcome::updated};
}

TcpBook::Applied TcpBook::remove(const cf::TcpRouteMessage& message) {
  if (!is_served(message)) return {Outcome::out_of_shard};
  const auto route = routes_.find(message.external_port);
  if (route == routes_.end() || route->second.router_group != message.router_group_guid) {
    return {Outcome::not_found};
  }
  const auto address = net::Address::parse(message.host, message.port);
  const size_t gone = std::erase_if(route->second.entries, [&address](const Entry& entry) {
    return address && entry.endpoint->address == *address;
  });
  if (gone == 0) return {Outcome::not_found};
  endpoints_ -= gone;
  changed_.insert(message.external_port);
  forget_if_empty(route);
  return {Outcome::removed};
}

std::vector<TcpBook::Pruned> TcpBook::prune(Instant now) {
  std::vector<Pruned> pruned;
  for (auto route = routes_.begin(); route != routes_.end();) {
    const auto current = route++;
    const uint16_t port = current->first;
    const size_t gone = std::erase_if(current->second.entries, [&](const Entry& entry) {
      if (now - entry.refreshed <= entry.lifetime) return false;
      pruned.push_back({port, entry.endpoint->address.to_string()});
      return true;
    });
    if (gone == 0) continue;
    endpoints_ -= gone;
    changed_.insert(port);
    forget_if_empty(current);
  }
  return pruned;
}

void TcpBook::mark_all_fresh(Instant now) {
  for (auto& [port, route] : routes_) {
    for (Entry& entry : route.entries) entry.refreshed = now;
  }
}

void TcpBook::forget_if_empty(std::map<uint16_t, Route>::iterator route) {
  if (route->second.entries.empty()) routes_.erase(route);
}

std::vector<TcpRouteChange> TcpBook::take_changes() {
  std::vector<TcpRouteChange> changes;
  for (const uint16_t port : std::exchange(changed_, {})) {
    TcpRouteChange change{.port = port, .pool = nullptr};
    if (const auto route = routes_.find(port); route != routes_.end()) {
      TcpPool pool;
      for (const Entry& entry : route->second.entries) pool.endpoints.push_back(entry.endpoint);
      change.pool = std::make_shared<const TcpPool>(std::move(pool));
    }
    changes.push_back(std::move(change));
  }
  return changes;
}

std::vector<std::pair<std::string, Duration>> TcpBook::known(Instant now) const {
  std::vector<std::pair<std::string, Duration>> known;
  for (const auto& [port, route] : routes_) {
    for (const Entry& entry : route.entries) {
      cf::TcpRouteMessage message;
      message.router_group_guid = route.router_group;
      message.external_port = port;
      message.host = entry.endpoint->address.ip();
      message.port = entry.endpoint->address.port();
      message.app = entry.endpoint->app_id;
      message.private_instance_id = entry.endpoint->instance_id;
      message.private_instance_index = entry.endpoint->instance_index;
      message.isolation_segment = route.isolation_segment;
      message.availability_zone = entry.endpoint->availability_zone;
      message.stale_threshold_in_seconds =
          std::chrono::duration_cast<std::chrono::seconds>(entry.lifetime).count();
      known.emplace_back(cf::to_json(message), now - entry.refreshed);
    }
  }
  return known;
}

std::string TcpBook::to_json(Instant now) const {
  json::Writer writer;
  writer.object();
  for (const auto& [port, route] : routes_) {
    writer.key(std::to_string(port)).array();
    for (const Entry& entry : route.entries) {
      const TcpEndpoint& endpoint = *entry.endpoint;
      const auto age = std::chrono::duration_cast<std::chrono::seconds>(now - entry.refreshed);
      const auto lifetime = std::chrono::duration_cast<std::chrono::seconds>(entry.lifetime);
      writer.object()
          .member("address", endpoint.address.to_string())
          .member("router_group_guid", std::string_view(route.router_group))
          .member("app", std::string_view(endpoint.app_id))
          .member("private_instance_id", std::string_view(endpoint.instance_id))
          .member("private_instance_index", std::string_view(endpoint.instance_index))
          .member("availability_zone", std::string_view(endpoint.availability_zone))
          .member("isolation_segment", std::string_view(route.isolation_segment))
          .member("age", static_cast<int64_t>(age.count()))
          .member("ttl", static_cast<int64_t>(lifetime.count()))
          .end();
    }
    writer.end();
  }
  return writer.end().take();
}

}  // namespace causeway::router
