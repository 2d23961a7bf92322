#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "router/route/endpoint.h"

namespace causeway::router {

// Which endpoint of a pool a key belongs to: a Maglev look-up table. Each endpoint has an equal
// share of the slots, and keeps nearly all of them when others come or go. All routers that know
// the same instances make the same table, whatever the order they heard of them. An immutable
// value; part of a Pool. It holds places in the pool's list.
class HashTable {
 public:
  HashTable() = default;  // of no endpoints
  explicit HashTable(std::span<const std::shared_ptr<const Endpoint>> endpoints);

  size_t size() const noexcept { return size_; }  // slots; a prime number, or 0
  // The slot of a key, if there are any.
  size_t slot_of(std::string_view key) const noexcept;
  // The place in the pool's list of the endpoint that has this slot.
  size_t endpoint_at(size_t slot) const noexcept { return slots_[slot]; }

  // 1801 slots, RFC-0042's number, spread well what a route usually has; larger pools take more.
  static constexpr size_t kSlots = 1801;
  static constexpr size_t kManySlots = 65'537;
  // Endpoints from which on the larger table is used: fewer than nine slots each would not be even.
  static constexpr size_t kManyEndpoints = 200;
  // Further endpoints of one route get no slot.
  static constexpr size_t kEndpointsMax = 32'768;

 private:
  std::unique_ptr<uint16_t[]> slots_;
  uint32_t size_ = 0;
};

// FNV-1a, 64 bits.
uint64_t fnv1a(std::string_view text) noexcept;

}  // namespace causeway::router
