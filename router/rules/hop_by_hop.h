#pragma once

#include <string_view>

#include "http/headers.h"

namespace causeway::router {

struct Settings;

// Does the request's Connection header name `name`, so that the field ends at this hop (RFC 9110
// section 7.6.1)? Names listed in hop_by_hop_headers_to_filter do not count: a client must not make
// the router strip what the app relies on.
bool is_named_by_connection(const http::Headers& request, std::string_view name,
                            const Settings& settings);

// Does a reply's Connection header name other fields than the usual ones?
bool reply_names_headers(const http::Headers& reply);

}  // namespace causeway::router
