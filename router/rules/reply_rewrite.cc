#include "router/rules/reply_rewrite.h"

#include "http/h1_writer.h"
#include "router/settings/settings.h"

namespace causeway::router {

bool is_removed_by_rewrite(const http::Header& line, const Settings& settings) {
  for (const auto& rule : settings.remove_response_headers) {
    if (http::equals_ignoring_case(rule.name, line.name) &&
        (rule.value.empty() || rule.value == line.value))
      return true;
  }
  return false;
}

void append_rewrite_additions(std::string& out, const http::Headers& reply,
                              const Settings& settings) {
  for (const auto& [name, value] : settings.add_response_headers_if_not_present) {
    bool is_present = false;
    for (const http::Header& line : reply) {
      // What a rule has removed is not there any more.
      if (http::equals_ignoring_case(line.name, name) && !is_removed_by_rewrite(line, settings))
        is_present = true;
    }
    if (!is_present) http::append_header(out, name, value);
  }
}

}  // namespace causeway::router
