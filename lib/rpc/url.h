#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace causeway::rpc {

// The parts of an http or https URL that a client needs. A value.
struct Url {
  bool is_tls = false;  // https
  std::string host;     // without brackets
  uint16_t port = 80;
  std::string authority;  // for the Host line: as given
  std::string target;     // path and query, at least "/"
};

// "http://host:port/path?query"; without a port 80, with https 443. A fragment is dropped.
Result<Url> parse_url(std::string_view text);

// Undoes %XX. Nothing when an escape is broken or names NUL.
enum class Plus : uint8_t { as_is, is_space };
std::optional<std::string> percent_decode(std::string_view text, Plus plus = Plus::as_is);

// `text` as one path segment: all but unreserved characters (RFC 3986 section 2.3) are escaped.
std::string percent_encode(std::string_view text);

}  // namespace causeway::rpc
