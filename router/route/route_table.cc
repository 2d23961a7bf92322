#include "router/route/route_table.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <unordered_set>
#include <utility>

#include "base/check.h"
#include "router/route/host_hash.h"

namespace causeway::router {

namespace {

__extension__ using Wide = unsigned __int128;

uint64_t mix(uint64_t a, uint64_t b) noexcept {
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

// Compares the first `bytes` of a request's path, lower-cased, with a registered path: <0, 0, >0 as
// memcmp.
int compare_path(std::string_view asked, std::string_view registered) noexcept {
  const size_t common = std::min(asked.size(), registered.size());
  for (size_t i = 0; i < common; ++i) {
    const auto left = static_cast<unsigned char>(lower(asked[i]));
    const auto right = static_cast<unsigned char>(registered[i]);
    if (left != right) return left < right ? -1 : 1;
  }
  if (asked.size() == registered.size()) return 0;
  return asked.size() < registered.size() ? -1 : 1;
}

// Is `registered` a path below `parent` ("/a/b" below "/a")?
bool is_child(std::string_view registered, std::string_view parent) noexcept {
  return registered.size() > parent.size() && registered[parent.size()] == '/' &&
         compare_path(parent, registered.substr(0, parent.size())) == 0;
}

// Does `registered` sort before every path below `parent`?
bool sorts_before_children(std::string_view registered, std::string_view parent) noexcept {
  if (registered.size() > parent.size() &&
      compare_path(parent, registered.substr(0, parent.size())) == 0) {
    return registered[parent.size()] < '/';
  }
  return compare_path(parent, registered) >= 0;
}

std::string_view trim_one_slash(std::string_view path) noexcept {
  if (path.ends_with('/')) path.remove_suffix(1);
  return path;
}

}  // namespace

uint64_t hash_of(std::string_view text) noexcept {
  constexpr uint64_t kFirst = 0x9E3779B97F4A7C15;
  constexpr uint64_t kSecond = 0xE7037ED1A0B428DB;
  uint64_t hash = kSecond ^ text.size();
  const char* bytes = text.data();
  size_t left = text.size();
  for (; left >= 8; left -= 8, bytes += 8) {
    uint64_t word;
    std::memcpy(&word, bytes, 8);
    hash = mix(hash ^ word, kFirst);
  }
  if (left > 0) {
    uint64_t word = 0;
    std::memcpy(&word, bytes, left);
    hash = mix(hash ^ word, kSecond);
  }
  return mix(hash, kFirst);
}

std::string route_key(std::string_view uri) {
  std::string key;
  route_key(uri, key);
  return key;
}

void route_key(std::string_view uri, std::string& key) {
  if (uri.starts_with('/')) uri.remove_prefix(1);
  uri = trim_one_slash(uri.substr(0, uri.find('?')));
  key.resize(uri.size());
  std::ranges::transform(uri, key.begin(), lower);
}

RouteTable::RouteTable() : pages_(1) {}
RouteTable::~RouteTable() = default;

const RouteTable::Shard* RouteTable::shard_of(uint64_t hash) const noexcept {
  const uint64_t index = hash >> (64 - shard_bits_);
  const Page* page = pages_[index / kShardsPerPage].get();
  return page == nullptr ? nullptr : &page->shards[index % kShardsPerPage];
}

// The entries of `hash`, which stand together.
RouteTable::Run RouteTable::run_of(const Shard& shard, uint64_t hash) const noexcept {
  const Entry* const entries = shard.entries.get();
  const Entry* const end = entries + shard.size;
  const Entry* first;
  if (shard.size > kInterpolatedMax) {
    first = std::lower_bound(entries, end, hash,
                             [](const Entry& entry, uint64_t h) { return entry.hash < h; });
  } else {
    // Hashes are spread evenly: the place is guessed from the bits below the shard's, a few steps
    // away at most.
    const uint64_t fraction = (hash << shard_bits_) >> 32;
    first = entries + ((fraction * shard.size) >> 32);
    while (first > entries && first[-1].hash >= hash) --first;
    while (first < end && first->hash < hash) ++first;
  }
  const Entry* last = first;
  if (first < end && first->hash == hash) {
    // Nearly always one; a host with many paths has many.
    last = first + 1;
    if (last < end && last->hash == hash) {
      last = std::upper_bound(last, end, hash,
                              [](uint64_t h, const Entry& entry) { return h < entry.hash; });
    }
  }
  return {first, last};
}

const RouteTable::Entry* RouteTable::lower_bound_in(Run run, std::string_view host,
                                                    std::string_view path) noexcept {
  return std::partition_point(run.first, run.last, [&](const Entry& entry) {
    const int order = entry.pool->host().compare(host);
    if (order != 0) return order < 0;
    return compare_path(path, entry.pool->path()) > 0;
  });
}

// The deepest pool of one host; see find().
const Pool* RouteTable::find_in(const Shard& shard, std::string_view host, uint64_t hash,
                                std::string_view path) const noexcept {
  const Run run = run_of(shard, hash);
  if (run.first == run.last) return nullptr;
  const Pool* full = nullptr;     // deepest one with endpoints
  const Pool* deepest = nullptr;  // deepest one at all
  size_t deepest_end = 0;
  size_t end = 0;
  for (uint32_t depth = 0; depth <= shard.depth_max; ++depth) {
    const Entry* entry = lower_bound_in(run, host, path.substr(0, end));
    if (entry != run.last && entry->pool->host() == host &&
        compare_path(path.substr(0, end), entry->pool->path()) == 0) {
      deepest = entry->pool.get();
      deepest_end = end;
      if (!deepest->empty()) full = deepest;
    }
    if (end == path.size()) break;
    end = std::min(path.find('/', end + 1), path.size());
  }
  if (full != nullptr || deepest == nullptr || deepest_end == path.size())
    return full ? full : deepest;
  // Only emptied pools on the way. The deepest answers only where the way ends: not if a longer
  // route shares one more segment.
  const std::string_view next =
      path.substr(0, std::min(path.find('/', deepest_end + 1), path.size()));
  const Entry* below = std::partition_point(run.first, run.last, [&](const Entry& entry) {
    const int order = entry.pool->host().compare(host);
    return order != 0 ? order < 0 : sorts_before_children(entry.pool->path(), next);
  });
  const bool has_children =
      below != run.last && below->pool->host() == host && is_child(below->pool->path(), next);
  return has_children ? nullptr : deepest;
}

const Pool* RouteTable::find(std::string_view host, std::string_view path) const noexcept {
  host = host.substr(0, host.find(':'));
  if (routes_ == 0 || host.empty() || host.size() > kHostBytesMax) return nullptr;
  path = trim_one_slash(path);

  // One byte in front, for the "*" that takes the place of the first label.
  std::array<char, kHostBytesMax + 1> buffer;
  char* const lowered = buffer.data() + 1;
  std::transform(host.begin(), host.end(), lowered, lower);
  std::string_view name(lowered, host.size());
  while (true) {
    const uint64_t hash = hash_of(name);
    const Shard* shard = shard_of(hash);
    if (shard != nullptr && shard->size > 0) {
      if (const Pool* pool = find_in(*shard, name, hash, path)) return pool;
    }
    if (name.starts_with("*.")) name.remove_prefix(2);
    const size_t dot = name.find('.');
    if (dot == std::string_view::npos) return nullptr;
    // "a.b.c" -> "*.b.c", written over the end of the label. An empty label (".b") has the byte
    // before its dot.
    name.remove_prefix(dot);
    char* const star = buffer.data() + (name.data() - buffer.data()) - 1;
    *star = '*';
    name = {star, name.size() + 1};
  }
}

const Pool* RouteTable::find_exact(std::string_view key) const noexcept {
  const std::string_view host = key.substr(0, key.find('/'));
  const std::string_view path = key.substr(host.size());
  const uint64_t hash = hash_of(host);
  const Shard* shard = shard_of(hash);
  if (shard == nullptr || shard->size == 0) return nullptr;
  const Run run = run_of(*shard, hash);
  const Entry* entry = lower_bound_in(run, host, path);
  if (entry == run.last || entry->pool->key() != key) return nullptr;
  return entry->pool.get();
}

size_t RouteTable::footprint_bytes() const {
  const auto block = [](size_t bytes) { return (bytes + 8 + 15) / 16 * 16; };
  size_t bytes = block(sizeof(RouteTable) + 16) + block(pages_.size() * sizeof(pages_[0]));
  for (const auto& page : pages_) {
    if (page == nullptr) continue;
    bytes += block(sizeof(Page) + 16);
    for (const Shard& shard : page->shards) {
      if (shard.size > 0) bytes += block(shard.size * sizeof(Entry) + 24);
    }
  }
  std::unordered_set<const Endpoint*> seen;
  for_each([&](const Pool& pool) {
    bytes += pool.footprint_bytes();
    for (const auto& endpoint : pool.endpoints()) {
      if (seen.insert(endpoint.get()).second) bytes += endpoint->footprint_bytes();
    }
  });
  return bytes;
}

}  // namespace causeway::router
