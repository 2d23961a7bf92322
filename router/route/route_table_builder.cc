#include <algorithm>
#include <bit>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "router/route/host_hash.h"
#include "router/route/route_table.h"

namespace causeway::router {

namespace {

constexpr uint32_t kShardBitsMin = 6;
constexpr uint32_t kShardBitsMax = 20;
// A table is spread anew when a shard holds more routes than this on average, or fewer than a
// quarter of a route.
constexpr size_t kRoutesPerShardMax = 16;
constexpr size_t kRoutesPerShardAimed = 4;

uint32_t bits_for(size_t routes) {
  const size_t shards = std::bit_ceil(std::max<size_t>(routes / kRoutesPerShardAimed, 1));
  return std::clamp(static_cast<uint32_t>(std::countr_zero(shards)), kShardBitsMin, kShardBitsMax);
}

uint32_t depth_of(const Pool& pool) {
  return static_cast<uint32_t>(std::ranges::count(pool.path(), '/'));
}

std::string_view host_of(std::string_view key) { return key.substr(0, key.find('/')); }

}  // namespace

// A change with what orders it. Entries and changes are ordered by hash, host, path.
struct RouteTableBuilder::Keyed {
  uint64_t hash;
  std::string_view host;
  std::string_view path;
  size_t order;  // place in the list of changes
  std::shared_ptr<const Pool> pool;

  friend bool operator<(const Keyed& left, const Keyed& right) {
    if (left.hash != right.hash) return left.hash < right.hash;
    if (const int by_host = left.host.compare(right.host); by_host != 0) return by_host < 0;
    if (const int by_path = left.path.compare(right.path); by_path != 0) return by_path < 0;
    return left.order < right.order;
  }
  bool same_route(const Keyed& other) const {
    return hash == other.hash && host == other.host && path == other.path;
  }
};

std::vector<RouteTableBuilder::Keyed> RouteTableBuilder::sorted(std::vector<Change> changes) {
  std::vector<Keyed> keyed;
  keyed.reserve(changes.size());
  for (Change& change : changes) {
    const std::string_view host = host_of(change.key);
    keyed.push_back({hash_of(host), host, change.key.substr(host.size()), keyed.size(),
                     std::move(change.pool)});
  }
  std::ranges::sort(keyed, [](const Keyed& l, const Keyed& r) { return l < r; });
  // Of several changes of one route only the last stays.
  size_t kept = 0;
  for (size_t i = 0; i < keyed.size(); ++i) {
    if (i + 1 < keyed.size() && keyed[i].same_route(keyed[i + 1])) continue;
    if (kept != i) keyed[kept] = std::move(keyed[i]);
    ++kept;
  }
  keyed.erase(keyed.begin() + static_cast<std::ptrdiff_t>(kept), keyed.end());
  return keyed;
}

// `before` with its changes, which are sorted and all of this shard.
RouteTable::Shard RouteTableBuilder::merged(const RouteTable::Shard& before,
                                            std::span<Keyed> changes) {
  std::vector<RouteTable::Entry> entries;
  entries.reserve(before.size + changes.size());
  const RouteTable::Entry* old = before.entries.get();
  const RouteTable::Entry* const old_end = old + before.size;
  for (Keyed& change : changes) {
    while (old != old_end) {
      const Keyed held{old->hash, old->pool->host(), old->pool->path(), 0, nullptr};
      if (held.same_route(change)) {
        ++old;  // replaced or removed
        break;
      }
      if (!(held < change)) break;
      entries.push_back(*old++);
    }
    if (change.pool != nullptr) {
      CHECK(change.pool->host() == change.host && change.pool->path() == change.path);
      entries.push_back({change.hash, std::move(change.pool)});
    }
  }
  std::copy(old, old_end, std::back_inserter(entries));
  return shard_of(std::span(entries));
}

RouteTable::Shard RouteTableBuilder::shard_of(std::span<RouteTable::Entry> entries) {
  RouteTable::Shard shard;
  if (entries.empty()) return shard;
  const auto block = std::make_shared<RouteTable::Entry[]>(entries.size());
  for (size_t i = 0; i < entries.size(); ++i) {
    shard.depth_max = std::max(shard.depth_max, depth_of(*entries[i].pool));
    block[static_cast<std::ptrdiff_t>(i)] = std::move(entries[i]);
  }
  shard.size = static_cast<uint32_t>(entries.size());
  shard.entries = block;
  return shard;
}

// Applies `changes` page by page; untouched pages are shared with what `table` had.
void RouteTableBuilder::apply(RouteTable& table, std::span<Keyed> changes) {
  const uint32_t shift = 64 - table.shard_bits_;
  auto change = changes.begin();
  while (change != changes.end()) {
    const size_t page_index = (change->hash >> shift) / RouteTable::kShardsPerPage;
    auto& slot = table.pages_[page_index];
    const auto page = slot == nullptr ? std::make_shared<RouteTable::Page>()
                                      : std::make_shared<RouteTable::Page>(*slot);
    while (change != changes.end() &&
           (change->hash >> shift) / RouteTable::kShardsPerPage == page_index) {
      const uint64_t index = change->hash >> shift;
      const auto last = std::find_if(
          change, changes.end(), [&](const Keyed& keyed) { return keyed.hash >> shift != index; });
      RouteTable::Shard& shard = page->shards[index % RouteTable::kShardsPerPage];
      table.routes_ -= shard.size;
      shard = merged(shard, {change, last});
      table.routes_ += shard.size;
      change = last;
    }
    slot = page;
  }
}

// The same routes over another number of shards.
void RouteTableBuilder::spread(RouteTable& table, uint32_t shard_bits) {
  std::vector<RouteTable::Entry> all;
  all.reserve(table.routes_);
  // Shards follow one another in order of hash, so the whole list is sorted as well.
  for (const auto& page : table.pages_) {
    if (page == nullptr) continue;
    for (const RouteTable::Shard& shard : page->shards) {
      for (uint32_t i = 0; i < shard.size; ++i) {
        all.push_back(shard.entries[static_cast<std::ptrdiff_t>(i)]);
      }
    }
  }
  table.shard_bits_ = shard_bits;
  table.pages_.assign((size_t{1} << shard_bits) / RouteTable::kShardsPerPage, nullptr);
  const uint32_t shift = 64 - shard_bits;
  for (size_t first = 0; first < all.size();) {
    const uint64_t page_index = (all[first].hash >> shift) / RouteTable::kShardsPerPage;
    const auto page = std::make_shared<RouteTable::Page>();
    while (first < all.size() &&
           (all[first].hash >> shift) / RouteTable::kShardsPerPage == page_index) {
      const uint64_t index = all[first].hash >> shift;
      size_t last = first + 1;
      while (last < all.size() && all[last].hash >> shift == index) ++last;
      page->shards[index % RouteTable::kShardsPerPage] =
          shard_of(std::span(all).subspan(first, last - first));
      first = last;
    }
    table.pages_[page_index] = page;
  }
}

std::shared_ptr<const RouteTable> RouteTableBuilder::build(const RouteTable& before,
                                                           std::vector<Change> changes,
                                                           std::vector<EndpointId> departed) {
  const auto table = std::make_shared<RouteTable>();
  table->pages_ = before.pages_;
  table->shard_bits_ = before.shard_bits_;
  table->routes_ = before.routes_;
  table->version_ = before.version_ + 1;
  table->departed_ = std::move(departed);

  std::vector<Keyed> keyed = sorted(std::move(changes));
  apply(*table, keyed);
  const size_t shards = size_t{1} << table->shard_bits_;
  const uint32_t fitting = bits_for(table->routes_);
  const bool crowded = table->routes_ > shards * kRoutesPerShardMax;
  const bool sparse = table->routes_ * 4 < shards;
  if ((crowded || sparse) && fitting != table->shard_bits_) spread(*table, fitting);
  return table;
}

}  // namespace causeway::router
