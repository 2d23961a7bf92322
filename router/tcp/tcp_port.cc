#include "router/tcp/tcp_port.h"

#include <algorithm>

namespace causeway::router {

std::shared_ptr<const TcpEndpoint> TcpPort::choose(uint64_t turn, uint32_t attempt, Instant now) {
  if (choices() == 0) return nullptr;
  std::erase_if(marks_, [now](const Mark& mark) { return mark.until <= now; });
  const auto& endpoints = pool_->endpoints;
  const size_t first = static_cast<size_t>((turn + attempt) % endpoints.size());
  if (!marks_.empty()) {
    for (size_t i = 0; i < endpoints.size(); ++i) {
      const auto& endpoint = endpoints[(first + i) % endpoints.size()];
      if (!is_marked(endpoint->address, now)) return endpoint;
    }
  }
  return endpoints[first];
}

bool TcpPort::is_marked(const net::Address& address, Instant now) const {
  return std::any_of(marks_.begin(), marks_.end(),
                     [&](const Mark& mark) { return mark.address == address && mark.until > now; });
}

void TcpPort::mark_failed(const net::Address& address, Instant until) {
  const auto known = std::find_if(marks_.begin(), marks_.end(),
                                  [&](const Mark& mark) { return mark.address == address; });
  if (known != marks_.end()) {
    known->until = until;
  } else if (marks_.size() < marks_max) {
    marks_.push_back({address, until});
  }
}

void TcpPort::mark_reached(const net::Address& address) {
  if (marks_.empty()) return;
  std::erase_if(marks_, [&](const Mark& mark) { return mark.address == address; });
}

}  // namespace causeway::router
