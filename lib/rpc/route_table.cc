#include "rpc/route_table.h"

#include <utility>

#include "base/check.h"
#include "rpc/url.h"

namespace causeway::rpc {

namespace {

std::vector<std::string_view> split_path(std::string_view path) {
  std::vector<std::string_view> segments;
  if (path.starts_with('/')) path.remove_prefix(1);
  for (;;) {
    const size_t slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

void allow(std::string& list, std::string_view method) {
  if (list.find(method) != std::string::npos) return;
  if (!list.empty()) list += ", ";
  list += method;
}

}  // namespace

size_t RouteTable::add(std::string_view method, std::string_view pattern) {
  CHECK(pattern.starts_with('/'));
  const Route route{std::string(method), next_++};
  if (pattern.find("/:") == std::string_view::npos) {
    exact_[std::string(pattern)].push_back(route);
  } else {
    Pattern entry{.segments = {}, .route = route};
    for (const std::string_view segment : split_path(pattern)) entry.segments.emplace_back(segment);
    patterns_.push_back(std::move(entry));
  }
  return route.number;
}

bool RouteTable::serves(const Route& route, std::string_view method) {
  return route.method == "*" || route.method == method ||
         (method == "HEAD" && route.method == "GET");
}

bool RouteTable::fits(const Pattern& pattern, const std::vector<std::string_view>& segments,
                      Match& match) {
  if (pattern.segments.size() != segments.size()) return false;
  match.params.clear();
  for (size_t i = 0; i < segments.size(); ++i) {
    const std::string& expected = pattern.segments[i];
    if (expected.starts_with(':')) {
      auto decoded = percent_decode(segments[i]);
      if (!decoded || decoded->empty()) return false;
      match.params.emplace(expected.substr(1), std::move(*decoded));
    } else if (expected != segments[i]) {
      return false;
    }
  }
  return true;
}

RouteTable::Match RouteTable::find(std::string_view method, std::string_view path) const {
  Match match;
  if (const auto found = exact_.find(path); found != exact_.end()) {
    for (const Route& route : found->second) {
      if (serves(route, method)) {
        match.route = route.number;
        return match;
      }
      allow(match.allow, route.method);
    }
  }
  const std::vector<std::string_view> segments = split_path(path);
  for (const Pattern& pattern : patterns_) {
    if (!fits(pattern, segments, match)) continue;
    if (serves(pattern.route, method)) {
      match.route = pattern.route.number;
      match.allow.clear();
      return match;
    }
    allow(match.allow, pattern.route.method);
  }
  match.params.clear();
  return match;
}

}  // namespace causeway::rpc
