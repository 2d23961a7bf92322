#pragma once

// Internal to lib/diego, and for configuration: addresses of services.

#include <string>
#include <string_view>

#include "base/result.h"

namespace causeway::config {
class Section;
}
namespace causeway::rpc {
struct Reply;
}

namespace causeway::diego {

// "10.0.0.1:8891" or "http://10.0.0.1:8891/" -> "http://10.0.0.1:8891". `scheme`: of one that names
// none.
Result<std::string> service_url(std::string_view address, std::string_view scheme = "http");
// `url` as a configuration's `key` names it, completed in place; empty stays empty. Otherwise a
// problem of the key.
void complete_url(config::Section& section, const char* key, std::string& url,
                  std::string_view scheme = "http");
// Does a URL ask for TLS?
bool is_https(std::string_view url);

// One segment of a path, escaped.
std::string path_segment(std::string_view text);

// A reply whose status is none of those the call knows: 404 not_found, 409 conflict, 400 invalid,
// 503 unavailable, others protocol.
Error unexpected_status(std::string_view url, const rpc::Reply& reply);

}  // namespace causeway::diego
