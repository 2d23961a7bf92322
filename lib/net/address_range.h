#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/address.h"

namespace causeway::net {

// A block of IP addresses: "10.0.0.0/8", "2001:db8::/32", or one address. A value.
class AddressRange {
 public:
  // Fault::invalid with the reason; bits beyond the prefix must be 0.
  static Result<AddressRange> parse(std::string_view text);

  // IPv4 inside IPv6 (::ffff:a.b.c.d) counts as IPv4; ports do not count.
  bool contains(const Address& address) const noexcept;
  std::string to_string() const;

  friend bool operator==(const AddressRange& left, const AddressRange& right) noexcept {
    return left.bits_ == right.bits_ && left.first_ == right.first_;
  }

 private:
  AddressRange(const Address& first, uint8_t bits) : first_(first), bits_(bits) {}

  Address first_;
  uint8_t bits_;  // of the prefix
};

}  // namespace causeway::net
