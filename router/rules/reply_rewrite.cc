#include "router/rules/reply_rewrite.h"

namespace causeway::router {

bool is_removed_by_rewrite(const http::Header& line, const Settings& settings) {
  for (const auto& rule : settings.remove_response_headers) {
    if (http::equals_ignoring_case(rule.name, line.name) &&
        (rule.value.empty() || rule.value == line.value))
      return true;
  }
  return false;
}

}  // namespace causeway::router
