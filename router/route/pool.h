#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "router/route/endpoint.h"
#include "router/route/hash_table.h"

namespace causeway::router {

// Never used twice in a process; a route keeps it from its first registration to its removal.
using PoolId = uint64_t;

// Which instances of a pool a request insists on (X-CF-App-Instance, X-CF-Process-Instance). A
// value; views into the request.
struct InstanceFilter {
  enum class By : uint8_t { nothing, app, process };
  By by = By::nothing;
  std::string_view guid = {};
  std::string_view index = {};  // by process: empty = any index

  bool matches(const Endpoint& endpoint) const noexcept;
};

// One route: its host and path, and the endpoints that serve it, in order of registration. An
// immutable value; each change makes a new one with the same id. Part of a RouteTable; whoever
// needs it longer than the table holds a shared_ptr<const Pool>.
class Pool {
 public:
  // `key`: lower case, "host" or "host/path" as made by route_key(); its host at most 512 bytes.
  struct Terms {
    LoadBalancing balancing = LoadBalancing::round_robin;
    std::string_view route_service_url = {};
    // With hash: the header whose value chooses, the bound on imbalance (see EndpointSpec), and
    // what balances requests without that header.
    std::string_view hash_header = {};
    double hash_balance = 0;
    LoadBalancing without_header = LoadBalancing::round_robin;
  };
  Pool(PoolId id, std::string_view key, const Terms& terms,
       std::span<const std::shared_ptr<const Endpoint>> endpoints);
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool();

  PoolId id() const noexcept { return id_; }
  std::string_view key() const noexcept { return {text(), key_bytes_}; }    // "host/path"
  std::string_view host() const noexcept { return {text(), host_bytes_}; }  // "*.d" for wildcards
  // "" or "/path", lower case: what the route's requests begin with.
  std::string_view path() const noexcept { return key().substr(host_bytes_); }
  // Path for the sticky cookie: "/" or "/path".
  std::string_view context_path() const noexcept { return path().empty() ? "/" : path(); }
  LoadBalancing balancing() const noexcept { return balancing_; }
  // The next ones are those of Terms; "" and 0 unless balancing() is hash.
  std::string_view hash_header() const noexcept { return {hash_header_at(), hash_header_bytes_}; }
  double hash_balance() const noexcept { return hash_balance_; }
  LoadBalancing without_header() const noexcept { return without_header_; }
  const HashTable& hash_table() const noexcept { return hash_table_; }
  std::string_view route_service_url() const noexcept {
    return {text() + key_bytes_, route_service_url_bytes_};
  }

  std::span<const std::shared_ptr<const Endpoint>> endpoints() const noexcept {
    return {reinterpret_cast<const EndpointRef*>(block_.get()), size_};
  }
  size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }

  // The endpoint whose instance id, or else host:port, is `id`; null when there is none. For sticky
  // sessions.
  const Endpoint* find_instance(std::string_view id) const noexcept;
  // Is there an endpoint that the filter lets through?
  bool has_match(const InstanceFilter& filter) const noexcept;

  size_t footprint_bytes() const noexcept;  // without the endpoints themselves

 private:
  using EndpointRef = std::shared_ptr<const Endpoint>;
  const char* hash_header_at() const noexcept {
    return text() + key_bytes_ + route_service_url_bytes_;
  }
  const char* text() const noexcept {
    return reinterpret_cast<const char*>(block_.get()) + size_ * sizeof(EndpointRef);
  }

  PoolId id_;
  // One block, since most pools are small and there are many: the endpoints, then key, route
  // service url and hash header.
  std::unique_ptr<std::byte[]> block_;
  uint32_t size_;
  uint32_t key_bytes_;
  uint32_t route_service_url_bytes_;
  uint32_t hash_header_bytes_;
  float hash_balance_;
  uint16_t host_bytes_;
  LoadBalancing balancing_;
  LoadBalancing without_header_;
  HashTable hash_table_;
};

}  // namespace causeway::router
