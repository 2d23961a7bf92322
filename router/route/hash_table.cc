#include "router/route/hash_table.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/check.h"

namespace causeway::router {

namespace {

constexpr uint16_t kFree = 0xFFFF;
static_assert(HashTable::kEndpointsMax < kFree && HashTable::kEndpointsMax < HashTable::kManySlots);

// What names an endpoint to all routers alike.
std::string_view stable_name_of(const Endpoint& endpoint) {
  return endpoint.instance_id().empty() ? endpoint.authority() : endpoint.instance_id();
}

// An endpoint's own order of preference over all slots: every `step`th, beginning at `next`.
struct Claimant {
  std::string_view name;
  uint16_t place;
  uint32_t next = 0;
  uint32_t step = 0;
};

std::vector<Claimant> claimants_of(std::span<const std::shared_ptr<const Endpoint>> endpoints,
                                   size_t slots) {
  std::vector<Claimant> claimants;
  claimants.reserve(endpoints.size());
  for (const auto& endpoint : endpoints) {
    const std::string_view name = stable_name_of(*endpoint);
    const uint64_t hash = fnv1a(name);
    claimants.push_back({.name = name,
                         .place = static_cast<uint16_t>(claimants.size()),
                         .next = static_cast<uint32_t>(hash % slots),
                         .step = static_cast<uint32_t>(hash % (slots - 1)) + 1});
  }
  // The order of claims must not depend on the order of registrations.
  std::ranges::sort(claimants, [](const Claimant& left, const Claimant& right) {
    return left.name != right.name ? left.name < right.name : left.place < right.place;
  });
  return claimants;
}

}  // namespace

uint64_t fnv1a(std::string_view text) noexcept {
  uint64_t hash = 0xCBF29CE484222325;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001B3;
  }
  return hash;
}

HashTable::HashTable(std::span<const std::shared_ptr<const Endpoint>> endpoints) {
  endpoints = endpoints.first(std::min(endpoints.size(), kEndpointsMax));
  if (endpoints.empty()) return;
  size_ = static_cast<uint32_t>(endpoints.size() < kManyEndpoints ? kSlots : kManySlots);
  slots_ = std::make_unique<uint16_t[]>(size_);
  std::fill_n(slots_.get(), size_, kFree);
  std::vector<Claimant> claimants = claimants_of(endpoints, size_);
  // In turn, each claims the first free slot of its own order, until none is free.
  for (uint32_t taken = 0; true;) {
    for (Claimant& claimant : claimants) {
      while (slots_[claimant.next] != kFree) {
        claimant.next = (claimant.next + claimant.step) % size_;
      }
      slots_[claimant.next] = claimant.place;
      if (++taken == size_) return;
    }
  }
}

size_t HashTable::slot_of(std::string_view key) const noexcept {
  DCHECK(size_ > 0);
  return fnv1a(key) % size_;
}

}  // namespace causeway::router
