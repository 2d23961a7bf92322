#include "router/admin/routes_page.h"

#include <algorithm>
#include <vector>

#include "json/json.h"

namespace causeway::router {

namespace {

void write_endpoint(json::Writer& writer, const Endpoint& endpoint, Duration stale_threshold) {
  const auto unless_empty = [&writer](std::string_view key, std::string_view value) {
    if (!value.empty()) writer.member(key, value);
  };
  Duration ttl = endpoint.stale_threshold();
  if (ttl == Duration::zero() || ttl > stale_threshold) ttl = stale_threshold;
  writer.object();
  writer.member("address", endpoint.authority());
  writer.member("availability_zone", endpoint.availability_zone());
  writer.member("protocol", name_of(endpoint.protocol()));
  writer.member("tls", endpoint.is_tls());
  writer.member("ttl", std::chrono::duration_cast<std::chrono::seconds>(ttl).count());
  unless_empty("route_service_url", endpoint.route_service_url());
  writer.key("tags").object();
  endpoint.for_each_tag(
      [&writer](std::string_view name, std::string_view value) { writer.member(name, value); });
  writer.end();
  unless_empty("isolation_segment", endpoint.isolation_segment());
  unless_empty("private_instance_id", endpoint.instance_id());
  unless_empty("server_cert_domain_san", endpoint.server_cert_domain_san());
  if (endpoint.balancing()) {
    writer.member("load_balancing_algorithm", name_of(*endpoint.balancing()));
  }
  if (endpoint.balancing() == LoadBalancing::hash) {
    writer.member("hash_header", endpoint.hash_header());
    writer.member("hash_balance", endpoint.hash_balance());
  }
  writer.end();
}

}  // namespace

std::string routes_json(const RouteTable& table, Duration stale_threshold) {
  std::vector<const Pool*> pools;
  pools.reserve(table.size());
  table.for_each([&pools](const Pool& pool) { pools.push_back(&pool); });
  std::ranges::sort(pools, {}, &Pool::key);
  json::Writer writer;
  writer.object();
  for (const Pool* pool : pools) {
    writer.key(pool->key()).array();
    for (const auto& endpoint : pool->endpoints()) {
      write_endpoint(writer, *endpoint, stale_threshold);
    }
    writer.end();
  }
  return writer.end().take();
}

}  // namespace causeway::router
