#pragma once

#include <string>

#include "http/headers.h"

namespace causeway::router {

struct Settings;

// http_rewrite.responses: which lines of a reply go, and which are added when no line of that name
// came. For every reply, also the router's own.
bool is_removed_by_rewrite(const http::Header& line, const Settings& settings);
void append_rewrite_additions(std::string& out, const http::Headers& reply,
                              const Settings& settings);

}  // namespace causeway::router
