#include "router/route_service/service_url.h"

#include <algorithm>
#include <charconv>

namespace causeway::router {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool are_equal(std::string_view left, std::string_view right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](char a, char b) { return lower(a) == lower(b); });
}

// Characters that could end or split a header line or request line.
bool is_clean(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c != '\x7f'; });
}

}  // namespace

std::optional<ServiceUrl> parse_service_url(std::string_view url) {
  constexpr std::string_view scheme = "https://";
  if (!are_equal(url.substr(0, scheme.size()), scheme) || !is_clean(url)) return std::nullopt;
  url.remove_prefix(scheme.size());
  url = url.substr(0, url.find('#'));
  const size_t end = std::min(url.find_first_of("/?"), url.size());
  ServiceUrl parts;
  parts.authority = url.substr(0, end);
  parts.target = url.substr(end);
  parts.path = parts.target.substr(0, parts.target.find('?'));
  if (parts.authority.find('@') != std::string_view::npos) return std::nullopt;
  // The colon of a port stands behind the bracket of an IPv6 address.
  const size_t bracket = parts.authority.rfind(']');
  const size_t colon = parts.authority.rfind(':');
  const bool has_port =
      colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  parts.host = parts.authority.substr(0, has_port ? colon : std::string_view::npos);
  if (has_port) {
    const std::string_view digits = parts.authority.substr(colon + 1);
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), parts.port);
    if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size() || parts.port == 0)
      return std::nullopt;
  }
  if (parts.host.empty()) return std::nullopt;
  return parts;
}

std::optional<ForwardedUrl> parse_forwarded_url(std::string_view url) {
  const size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::nullopt;
  url.remove_prefix(scheme + 3);
  const size_t end = std::min(url.find_first_of("/?#"), url.size());
  ForwardedUrl parts;
  parts.host = url.substr(0, end);
  parts.path = url.substr(end);
  parts.path = parts.path.substr(0, parts.path.find_first_of("?#"));
  if (parts.host.empty()) return std::nullopt;
  return parts;
}

bool is_on_allowlist(std::string_view host, std::span<const std::string> entries) {
  if (entries.empty()) return true;
  return std::any_of(entries.begin(), entries.end(), [host](std::string_view entry) {
    if (!entry.starts_with("*.")) return are_equal(entry, host);
    const size_t dot = host.find('.');
    return dot != std::string_view::npos && dot > 0 && are_equal(entry.substr(1), host.substr(dot));
  });
}

}  // namespace causeway::router
