#pragma once

#include <algorithm>
#include <string_view>

#include "http/headers.h"
#include "router/settings/settings.h"

namespace causeway::router {

// http_rewrite.responses: which lines of a reply go, and which are added when no line of that name
// came. For every reply, also the router's own.
bool is_removed_by_rewrite(const http::Header& line, const Settings& settings);
// Calls add(name, value) for each that is to be added.
template <class Add>
void add_by_rewrite(const http::Headers& reply, const Settings& settings, Add add) {
  for (const auto& [name, value] : settings.add_response_headers_if_not_present) {
    const auto is_it = [&settings, &name = name](const http::Header& line) {
      // What a rule has removed is not there any more.
      return http::equals_ignoring_case(line.name, name) && !is_removed_by_rewrite(line, settings);
    };
    if (std::none_of(reply.begin(), reply.end(), is_it)) add(name, value);
  }
}

}  // namespace causeway::router
