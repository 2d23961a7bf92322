#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace causeway::network {

// An IPv4 network in host byte order: "10.240.4.0/22".
struct Subnet {
  uint32_t base = 0;
  int bits = 32;
  uint32_t size() const { return bits == 0 ? UINT32_MAX : 1u << (32 - bits); }
  bool contains(uint32_t address) const { return address - base < size(); }
};
// Fault::invalid unless it is a network address with 16..30 bits.
Result<Subnet> parse_subnet(std::string_view text);
std::string format_address(uint32_t address);
Result<uint32_t> parse_address(std::string_view text);

// One of the /22 networks in 10.224.0.0/11, by a hash of `seed`: cells of one machine seldom meet,
// and a cell finds its own again.
Subnet subnet_for(std::string_view seed);
// Eight hex digits that mark what belongs to a cell.
std::string mark_for(std::string_view seed);

// Gives out the addresses of a subnet: the first one is the gateway's, the last one is left out.
// Pure. Thread: one.
class AddressPool {
 public:
  explicit AddressPool(Subnet subnet) : subnet_(subnet), next_(subnet.base + 2) {}
  uint32_t gateway() const { return subnet_.base + 1; }
  const Subnet& subnet() const { return subnet_; }
  // Fault::limit when all are out. An address comes back last, so that a late packet seldom meets a
  // new owner.
  Result<uint32_t> take();
  // An address that is in use already. Fault::exists, or Fault::invalid outside of the subnet.
  Result<void> claim(uint32_t address);
  void give_back(uint32_t address) { taken_.erase(address); }

 private:
  Subnet subnet_;
  uint32_t next_;
  std::set<uint32_t> taken_;
};

// Ports of this machine, held by a bound socket each, so that nobody else, another cell neither,
// uses them meanwhile. Owner: Network. Thread: its loop's.
class HostPorts {
 public:
  HostPorts(uint16_t first, uint16_t last) : first_(first), last_(last), next_(first) {}
  HostPorts(const HostPorts&) = delete;
  HostPorts& operator=(const HostPorts&) = delete;
  ~HostPorts();

  Result<uint16_t> take();
  Result<void> claim(uint16_t port);
  void give_back(uint16_t port);

 private:
  uint16_t first_, last_;
  uint32_t next_;
  std::map<uint16_t, int> held_;  // port, socket
};

}  // namespace causeway::network
