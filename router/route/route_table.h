#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "router/route/pool.h"

namespace causeway::router {

// The key of a route: the URI in lower case, without query, without one trailing "/".
std::string route_key(std::string_view uri);
// The same into `key`, whose capacity is reused.
void route_key(std::string_view uri, std::string& key);

// All routes at one moment. An immutable snapshot that shares every unchanged part with the one
// before; made by RouteTableBuilder on the control thread, read by all threads through
// shared_ptr<const RouteTable>.
//
// Shape: hash of the host -> page (64 shards) -> shard (about 16 routes, sorted by hash, host,
// path) -> Pool. A change copies one shard, one page and the root.
class RouteTable {
 public:
  RouteTable();  // empty
  RouteTable(const RouteTable&) = delete;
  RouteTable& operator=(const RouteTable&) = delete;
  ~RouteTable();

  // The pool for a request, null when no route matches. `host`: the Host header as received (cut at
  // its first colon here); `path`: the escaped path of the request target, without query ("" or
  // "/..."). Both may have any case. The deepest registered path with endpoints wins; if only
  // emptied pools lie on the way, the deepest node's own empty pool is the answer (the request is
  // answered 503 then); otherwise the leftmost label of the host is replaced by "*", again and
  // again. Allocates nothing. Valid as long as the table.
  const Pool* find(std::string_view host, std::string_view path) const noexcept;

  // The pool with exactly this key (see route_key), null when there is none.
  const Pool* find_exact(std::string_view key) const noexcept;

  size_t size() const noexcept { return routes_; }        // routes, emptied ones included
  uint64_t version() const noexcept { return version_; }  // counts publications

  // Endpoints that left a route since the table before; another route may still have one of them.
  // Idle connections to those that are gone have no reason to stay.
  std::span<const EndpointId> departed() const noexcept { return departed_; }

  // Calls visit(const Pool&) for every route, in no particular order.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const auto& page : pages_) {
      if (page == nullptr) continue;
      for (const Shard& shard : page->shards) {
        for (uint32_t i = 0; i < shard.size; ++i) visit(*shard.entries[i].pool);
      }
    }
  }

  // Bytes of the global heap: table, pools and endpoints. Walks all of it.
  size_t footprint_bytes() const;

 private:
  friend class RouteTableBuilder;

  struct Entry {
    uint64_t hash = 0;  // of the host
    std::shared_ptr<const Pool> pool;
  };
  struct Shard {
    std::shared_ptr<const Entry[]> entries;
    uint32_t size = 0;
    uint32_t depth_max = 0;  // path segments of its deepest route
  };
  static constexpr size_t kShardsPerPage = 64;
  struct Page {
    Shard shards[kShardsPerPage];
  };

  // The entries of one hash.
  struct Run {
    const Entry* first;
    const Entry* last;
  };
  // Shards up to this size are searched from a guessed place on.
  static constexpr uint32_t kInterpolatedMax = 64;

  const Shard* shard_of(uint64_t hash) const noexcept;
  Run run_of(const Shard& shard, uint64_t hash) const noexcept;
  static const Entry* lower_bound_in(Run run, std::string_view host,
                                     std::string_view path) noexcept;
  const Pool* find_in(const Shard& shard, std::string_view host, uint64_t hash,
                      std::string_view path) const noexcept;

  std::vector<std::shared_ptr<const Page>> pages_;  // a power of two of them
  uint32_t shard_bits_ = 6;                         // log2 of the number of shards
  size_t routes_ = 0;
  uint64_t version_ = 0;
  std::vector<EndpointId> departed_;
};

// Makes the next snapshot out of the present one and a list of changed routes. Owner: RouteBook.
// Thread: control.
class RouteTableBuilder {
 public:
  struct Change {
    std::string_view key;              // lives until build() returns
    std::shared_ptr<const Pool> pool;  // null: the route is gone
  };
  // Never null. Changes of one key: the last one counts.
  static std::shared_ptr<const RouteTable> build(const RouteTable& before,
                                                 std::vector<Change> changes,
                                                 std::vector<EndpointId> departed = {});

 private:
  struct Keyed;
  static std::vector<Keyed> sorted(std::vector<Change> changes);
  static RouteTable::Shard merged(const RouteTable::Shard& before, std::span<Keyed> changes);
  static RouteTable::Shard shard_of(std::span<RouteTable::Entry> entries);
  static void apply(RouteTable& table, std::span<Keyed> changes);
  static void spread(RouteTable& table, uint32_t shard_bits);
};

}  // namespace causeway::router
