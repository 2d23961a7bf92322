#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "cell/network/allocator.h"
#include "cell/network/attachment.h"

namespace models {
class SecurityGroupRule;
}

namespace causeway::network {

struct Options {
  std::string seed;    // what tells this cell from others of the machine: cell id and state folder
  std::string subnet;  // "": one of 10.224.0.0/11 by the seed
  uint16_t host_port_first = 61001;  // above the kernel's usual ephemeral ports
  uint16_t host_port_last = 65534;
};

// The network of one cell's containers. What allocates is quick and on the loop's thread; what
// touches the machine blocks for some milliseconds (ip, nft) and runs on a worker, one call at a
// time. Owner: main().
class Network {
 public:
  // Needs ip, nft and nsenter, and root. Fault::invalid for bad options; Fault::exists when
  // somebody else routes the subnet.
  static Result<std::unique_ptr<Network>> make(const Options& options);
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  // -- Loop's thread.
  // An address and a host port for each of `container_ports`. Fault::limit when there are no more.
  Result<Attachment> reserve(const std::string& handle, std::span<const uint16_t> container_ports,
                             std::vector<Egress> egress);
  // Takes over what an earlier rep gave out.
  Result<void> adopt(const Attachment& attachment);
  void release(const Attachment& attachment);

  // -- Worker.
  // Makes the cell's table with the forwards of `adopted` and removes links that belong to none of
  // them. First call of all.
  Result<void> set_up(std::span<const Attachment> adopted) const;
  // Connects the network namespace at `namespace_path`.
  Result<void> attach(const Attachment& attachment, const std::string& namespace_path) const;
  // Disconnects; what is gone already is no error. Established connections end.
  Result<void> detach(const Attachment& attachment) const;
  // Removes everything that carries the cell's mark.
  Result<void> tear_down() const;

  const std::string& mark() const { return mark_; }

 private:
  Network(const Options& options, Subnet subnet);
  Result<void> remove_links_but(std::span<const Attachment> kept) const;

  const std::string mark_;
  AddressPool addresses_;
  HostPorts host_ports_;
};

// A security group rule of the BBS as egress entries: destinations may be an address, a CIDR, or
// "a-b", comma lists of them. IPv6 destinations are left out: containers have IPv4 only.
// Fault::invalid for what does not parse.
Result<std::vector<Egress>> egress_of(const models::SecurityGroupRule& rule);

}  // namespace causeway::network
