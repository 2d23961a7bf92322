#include "router/rules/hop_by_hop.h"

#include <algorithm>

#include "router/settings/settings.h"

namespace causeway::router {

bool is_named_by_connection(const http::Headers& request, std::string_view name,
                            const Settings& settings) {
  if (!request.has_token("connection", name)) return false;
  const auto& kept = settings.hop_by_hop_headers_to_filter;
  return std::none_of(kept.begin(), kept.end(), [name](const std::string& entry) {
    return http::equals_ignoring_case(entry, name);
  });
}

bool reply_names_headers(const http::Headers& reply) {
  for (const http::Header& line : reply) {
    if (line.name.size() == 10 && http::equals_ignoring_case(line.name, "connection") &&
        !http::equals_ignoring_case(line.value, "close") &&
        !http::equals_ignoring_case(line.value, "keep-alive"))
      return true;
  }
  return false;
}

}  // namespace causeway::router
