#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace causeway::rpc {

// Which handler serves a method and path. Pure. Owner: a server, filled before it listens.
class RouteTable {
 public:
  struct Match {
    std::optional<size_t> route;                // empty: not found
    std::map<std::string, std::string> params;  // decoded
    std::string allow;                          // not empty: the path exists, for these methods
  };

  // Answers the route's number, counted from 0. Patterns with parameters are tried in the order
  // they came, after exact ones.
  size_t add(std::string_view method, std::string_view pattern);
  // `path`: raw, still percent-encoded, so that an encoded slash does not split a parameter.
  Match find(std::string_view method, std::string_view path) const;

 private:
  struct Route {
    std::string method;  // "*": any
    size_t number;
  };
  struct Pattern {
    std::vector<std::string> segments;  // ":name" takes anything but nothing
    Route route;
  };

  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view path) const { return std::hash<std::string_view>()(path); }
  };

  static bool serves(const Route& route, std::string_view method);
  static bool fits(const Pattern& pattern, const std::vector<std::string_view>& segments,
                   Match& match);

  size_t next_ = 0;
  std::unordered_map<std::string, std::vector<Route>, Hash, std::equal_to<>> exact_;
  std::vector<Pattern> patterns_;
};

}  // namespace causeway::rpc
