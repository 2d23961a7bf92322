#include "control/route_emitter/lrp_routes.h"

#include <optional>
#include <utility>

#include "json/json.h"

namespace causeway::route_emitter {
namespace {

Error bad_routes(std::string_view key, std::string_view reason,
                 std::string_view router = "cf-router") {
  return {.fault = Fault::invalid,
          .detail = std::string(router) + ": " + std::string(key) + std::string(reason)};
}

// Calls read(entry) for each object of the list, until one is malformed.
template <class Read>
Result<void> read_entries(std::string_view json, std::string_view router, Read read) {
  auto document = json::Document::parse(json);
  if (!document) return std::move(document).error();
  const json::Node root = document->root();
  if (root.is_null()) return {};
  if (!root.is_array()) return bad_routes("", "not a list", router);
  for (size_t i = 0; i < root.size(); ++i) {
    if (!root.at(i).is_object()) return bad_routes("", "an entry is not an object", router);
    if (Result<void> entry = read(root.at(i)); !entry) return entry;
  }
  return {};
}

std::optional<uint16_t> read_port(json::Node entry, std::string_view key) {
  const std::optional<int64_t> port = entry[key].integer();
  if (!port || *port < 1 || *port > 65535) return std::nullopt;
  return static_cast<uint16_t>(*port);
}

bool read_flag(json::Node entry, std::string_view key, bool& target) {
  const json::Node found = entry[key];
  if (!found.exists() || found.is_null()) return true;
  const auto flag = found.boolean();
  if (!flag) return false;
  target = *flag;
  return true;
}

// Absent and null leave `target`; false for another kind.
bool read_text(json::Node object, std::string_view key, std::string& target) {
  const json::Node found = object[key];
  if (!found.exists() || found.is_null()) return true;
  if (!found.is_string()) return false;
  target = *found.string();
  return true;
}

// What the hostnames of one entry share.
Result<HttpRoute> read_common(json::Node entry) {
  HttpRoute route;
  const std::optional<int64_t> port = entry["port"].integer();
  if (!port || *port < 1 || *port > 65535) return bad_routes("port", ": not from 1 to 65535");
  route.port = static_cast<uint32_t>(*port);
  if (!read_text(entry, "protocol", route.protocol)) return bad_routes("protocol", ": not text");
  if (!read_text(entry, "route_service_url", route.route_service_url)) {
    return bad_routes("route_service_url", ": not text");
  }
  if (!read_text(entry, "isolation_segment", route.isolation_segment)) {
    return bad_routes("isolation_segment", ": not text");
  }
  const json::Node options = entry["options"];
  if (options.exists() && !options.is_null()) {
    if (!options.is_object()) return bad_routes("options", ": not an object");
    if (options.size() > 0) route.options = options.text();
  }
  return route;
}

}  // namespace

Result<std::vector<HttpRoute>> parse_http_routes(std::string_view json) {
  auto document = json::Document::parse(json);
  if (!document) return std::move(document).error();
  const json::Node root = document->root();
  std::vector<HttpRoute> routes;
  if (root.is_null()) return routes;
  if (!root.is_array()) return bad_routes("", "not a list");
  for (size_t i = 0; i < root.size(); ++i) {
    const json::Node entry = root.at(i);
    if (!entry.is_object()) return bad_routes("", "an entry is not an object");
    auto common = read_common(entry);
    if (!common) return std::move(common).error();
    const json::Node hostnames = entry["hostnames"];
    if (hostnames.exists() && !hostnames.is_null() && !hostnames.is_array()) {
      return bad_routes("hostnames", ": not a list");
    }
    for (size_t k = 0; k < hostnames.size(); ++k) {
      const auto hostname = hostnames.at(k).string();
      if (!hostname) return bad_routes("hostnames", ": an entry is not text");
      if (hostname->empty()) continue;
      HttpRoute route = *common;
      route.hostname = *hostname;
      routes.push_back(std::move(route));
    }
  }
  return routes;
}

Result<std::vector<TcpRoute>> parse_tcp_routes(std::string_view json) {
  constexpr std::string_view kRouter = "tcp-router";
  std::vector<TcpRoute> routes;
  auto read = read_entries(json, kRouter, [&](json::Node entry) -> Result<void> {
    TcpRoute route;
    const auto external = read_port(entry, "external_port");
    if (!external) return bad_routes("external_port", ": not from 1 to 65535", kRouter);
    const auto container = read_port(entry, "container_port");
    if (!container) return bad_routes("container_port", ": not from 1 to 65535", kRouter);
    route.external_port = *external;
    route.port = *container;
    for (const auto& [key, target] : {std::pair{"router_group_guid", &route.router_group_guid},
                                      std::pair{"backend_sni_hostname", &route.sni_hostname}}) {
      if (!read_text(entry, key, *target)) return bad_routes(key, ": not text", kRouter);
    }
    for (const auto& [key, target] :
         {std::pair{"terminate_frontend_tls", &route.terminate_frontend_tls},
          std::pair{"enable_backend_mtls", &route.enable_backend_mtls}}) {
      if (!read_flag(entry, key, *target)) return bad_routes(key, ": not true or false", kRouter);
    }
    routes.push_back(std::move(route));
    return {};
  });
  if (!read) return std::move(read).error();
  return routes;
}

Result<std::vector<std::string>> parse_internal_routes(std::string_view json) {
  constexpr std::string_view kRouter = "internal-router";
  std::vector<std::string> hostnames;
  auto read = read_entries(json, kRouter, [&](json::Node entry) -> Result<void> {
    std::string hostname;
    if (!read_text(entry, "hostname", hostname)) {
      return bad_routes("hostname", ": not text", kRouter);
    }
    if (!hostname.empty()) hostnames.push_back(std::move(hostname));
    return {};
  });
  if (!read) return std::move(read).error();
  return hostnames;
}

}  // namespace causeway::route_emitter
