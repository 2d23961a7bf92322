#include "net/address_range.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <span>

namespace causeway::net {

namespace {

// An address's bits: 4 bytes of IPv4, also when it stands inside IPv6, or 16.
struct IpBytes {
  explicit IpBytes(const Address& address) noexcept {
    static constexpr std::array<uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (!address.is_v6()) {
      const auto* v4 = reinterpret_cast<const sockaddr_in*>(address.socket_address());
      size = 4;
      std::memcpy(bytes.data(), &v4->sin_addr, size);
      return;
    }
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address.socket_address());
    const uint8_t* begin = v6->sin6_addr.s6_addr;
    const bool is_mapped = std::equal(kMapped.begin(), kMapped.end(), begin);
    size = is_mapped ? 4 : 16;
    std::copy_n(begin + (is_mapped ? kMapped.size() : 0), size, bytes.data());
  }
  bool bit(size_t at) const noexcept { return (bytes[at / 8] >> (7 - at % 8) & 1) != 0; }

  std::array<uint8_t, 16> bytes{};
  size_t size = 0;
};

Error refuse(std::string_view text, std::string_view why) {
  return {.fault = Fault::invalid,
          .side = Side::self,
          .detail = "\"" + std::string(text) + "\" " + std::string(why)};
}

}  // namespace

Result<AddressRange> AddressRange::parse(std::string_view text) {
  const size_t slash = std::min(text.find('/'), text.size());
  const auto address = Address::parse(text.substr(0, slash), 0);
  if (!address) return refuse(text, "is no IP address or range of them");
  const IpBytes ip(*address);
  auto bits = static_cast<uint8_t>(ip.size * 8);
  if (slash < text.size()) {
    const std::string_view digits = text.substr(slash + 1);
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (failed != std::errc() || end != digits.data() + digits.size() || bits > ip.size * 8) {
      return refuse(text, "has no prefix length that fits behind the slash");
    }
  }
  for (size_t at = bits; at < ip.size * 8; ++at) {
    if (ip.bit(at)) return refuse(text, "has bits set beyond its prefix");
  }
  return AddressRange(*address, bits);
}

bool AddressRange::contains(const Address& address) const noexcept {
  const IpBytes own(first_);
  const IpBytes other(address);
  if (own.size != other.size) return false;
  const size_t whole = bits_ / 8u;
  if (!std::equal(own.bytes.begin(), own.bytes.begin() + static_cast<ptrdiff_t>(whole),
                  other.bytes.begin())) {
    return false;
  }
  for (size_t at = whole * 8; at < bits_; ++at) {
    if (own.bit(at) != other.bit(at)) return false;
  }
  return true;
}

std::string AddressRange::to_string() const {
  return first_.ip() + "/" + std::to_string(static_cast<unsigned>(bits_));
}

}  // namespace causeway::net
