#include "control/route_emitter/http_routes.h"

#include <optional>
#include <utility>

#include "json/json.h"

namespace causeway::route_emitter {
namespace {

Error bad_routes(std::string_view key, std::string_view reason) {
  return {.fault = Fault::invalid,
          .detail = "cf-router: " + std::string(key) + std::string(reason)};
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

bool has_routes(std::string_view json) {
  auto document = json::Document::parse(json);
  return document && document->root().is_array() && document->root().size() > 0;
}

}  // namespace causeway::route_emitter
