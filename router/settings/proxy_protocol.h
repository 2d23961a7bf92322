#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

#include "base/clock.h"
#include "net/address.h"
#include "net/address_range.h"

namespace causeway::router {

// What configuration says of PROXY protocol headers from those who connect (`enable_proxy`,
// `proxy_protocol`). A value.
struct ProxyProtocol {
  bool is_accepted = false;
  std::vector<net::AddressRange> trusted;  // whose headers are believed; none: everybody's
  // From a header's first byte to its last. Before the first one a connection may be silent for as
  // long as any other.
  Duration header_timeout = std::chrono::seconds(1);

  // May a header come from there? Everybody else's bytes are the client's own, whatever they are.
  bool expects_header_from(const net::Address& peer) const {
    return is_accepted && (trusted.empty() || std::any_of(trusted.begin(), trusted.end(),
                                                          [&peer](const net::AddressRange& range) {
                                                            return range.contains(peer);
                                                          }));
  }
};

}  // namespace causeway::router
