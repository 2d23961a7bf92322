#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace causeway::router {

// A route service's URL, "https://host[:port][/path][?query]", taken apart. Views into it.
struct ServiceUrl {
  std::string_view authority;  // "host" or "host:port": the Host header
  std::string_view host;
  uint16_t port = 443;
  std::string_view path;    // "" or "/...", without query
  std::string_view target;  // path and query: what the service is asked for; "" stands for "/"
};

// Nothing when it is not such a URL.
std::optional<ServiceUrl> parse_service_url(std::string_view url);

// Where a request came for, out of X-CF-Forwarded-Url's form "scheme://host[:port]/path?query".
struct ForwardedUrl {
  std::string_view host;
  std::string_view path;  // without query
};
std::optional<ForwardedUrl> parse_forwarded_url(std::string_view url);

// Do the entries ("app.example.com", or "*.example.com" for one label) name the host? No entries
// name every host.
bool is_on_allowlist(std::string_view host, std::span<const std::string> entries);

}  // namespace causeway::router
