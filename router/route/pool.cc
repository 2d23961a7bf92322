#include "router/route/pool.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace causeway::router {

bool InstanceFilter::matches(const Endpoint& endpoint) const noexcept {
  switch (by) {
    case By::nothing:
      return true;
    case By::app:
      return endpoint.app_id() == guid && endpoint.instance_index() == index;
    case By::process:
      return endpoint.tag("process_id") == guid &&
             (index.empty() || endpoint.instance_index() == index);
  }
  return false;
}

Pool::Pool(PoolId id, std::string_view key, const Terms& terms,
           std::span<const std::shared_ptr<const Endpoint>> endpoints)
    : id_(id),
      text_(std::make_unique<char[]>(key.size() + terms.route_service_url.size())),
      size_(static_cast<uint32_t>(endpoints.size())),
      key_bytes_(static_cast<uint32_t>(key.size())),
      host_bytes_(static_cast<uint32_t>(std::min(key.find('/'), key.size()))),
      route_service_url_bytes_(static_cast<uint32_t>(terms.route_service_url.size())),
      balancing_(terms.balancing) {
  std::ranges::copy(key, text_.get());
  std::ranges::copy(terms.route_service_url, text_.get() + key.size());
  if (size_ > 0) {
    endpoints_ = std::make_unique<std::shared_ptr<const Endpoint>[]>(size_);
    std::ranges::copy(endpoints, endpoints_.get());
    for (const auto& endpoint : endpoints) CHECK(endpoint != nullptr);
  }
}

const Endpoint* Pool::find_instance(std::string_view id) const noexcept {
  const Endpoint* by_authority = nullptr;
  for (const auto& endpoint : endpoints()) {
    if (endpoint->instance_id() == id) return endpoint.get();
    if (endpoint->authority() == id) by_authority = endpoint.get();
  }
  return by_authority;
}

bool Pool::has_match(const InstanceFilter& filter) const noexcept {
  return std::ranges::any_of(endpoints(),
                             [&](const auto& endpoint) { return filter.matches(*endpoint); });
}

size_t Pool::footprint_bytes() const noexcept {
  const auto block = [](size_t bytes) { return (bytes + 8 + 15) / 16 * 16; };
  const size_t list = size_ == 0 ? 0 : block(size_ * sizeof(std::shared_ptr<const Endpoint>) + 8);
  return block(sizeof(Pool) + 16) + block(key_bytes_ + route_service_url_bytes_) + list;
}

}  // namespace causeway::router
