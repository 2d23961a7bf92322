#include "router/route/pool.h"

#include <algorithm>
#include <memory>

#include "base/check.h"
#include "router/route/host_hash.h"

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
      block_(std::make_unique<std::byte[]>(endpoints.size_bytes() + key.size() +
                                           terms.route_service_url.size() +
                                           terms.hash_header.size())),
      size_(static_cast<uint32_t>(endpoints.size())),
      key_bytes_(static_cast<uint32_t>(key.size())),
      route_service_url_bytes_(static_cast<uint32_t>(terms.route_service_url.size())),
      hash_header_bytes_(static_cast<uint32_t>(terms.hash_header.size())),
      hash_balance_(static_cast<float>(terms.hash_balance)),
      host_bytes_(static_cast<uint16_t>(std::min(key.find('/'), key.size()))),
      balancing_(terms.balancing),
      without_header_(terms.without_header) {
  static_assert(alignof(EndpointRef) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);
  CHECK(std::min(key.find('/'), key.size()) <= kHostBytesMax);
  for (const EndpointRef& endpoint : endpoints) CHECK(endpoint != nullptr);
  std::uninitialized_copy(endpoints.begin(), endpoints.end(),
                          reinterpret_cast<EndpointRef*>(block_.get()));
  char* const text_begin = reinterpret_cast<char*>(block_.get()) + endpoints.size_bytes();
  std::ranges::copy(key, text_begin);
  std::ranges::copy(terms.route_service_url, text_begin + key.size());
  std::ranges::copy(terms.hash_header, text_begin + key.size() + terms.route_service_url.size());
  CHECK(without_header_ != LoadBalancing::hash);
  CHECK((balancing_ == LoadBalancing::hash) == !hash_header().empty());
  if (balancing_ == LoadBalancing::hash) hash_table_ = HashTable(this->endpoints());
}

Pool::~Pool() { std::destroy_n(reinterpret_cast<EndpointRef*>(block_.get()), size_); }

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
  return block(sizeof(Pool) + 16) +
         block(size_ * sizeof(EndpointRef) + key_bytes_ + route_service_url_bytes_ +
               hash_header_bytes_) +
         (hash_table_.size() == 0 ? 0 : block(hash_table_.size() * sizeof(uint16_t)));
}

}  // namespace causeway::router
