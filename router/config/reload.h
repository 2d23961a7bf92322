#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "router/config/router_config.h"

namespace causeway::router {

// Does a change of this key (a dotted path) take effect in a router that runs?
bool is_reloadable(std::string_view key);

// The keys whose values differ between two files, in order.
std::vector<std::string> changed_keys(const std::map<std::string, std::string>& before,
                                      const std::map<std::string, std::string>& after);

// What a running router has for its configuration after it has read `next`: the values of all keys
// that are reloadable, and its own for the rest.
RouterConfig reloaded(const RouterConfig& running, const RouterConfig& next);

}  // namespace causeway::router
