#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace causeway::network {

struct PortForward {
  uint16_t container_port = 0;
  uint16_t host_port = 0;
};

// Where a container may open connections to: what a security group rule comes down to. Inclusive
// ranges, host byte order.
struct Egress {
  enum class Protocol : uint8_t { all, tcp, udp, icmp };
  Protocol protocol = Protocol::all;
  uint32_t first_address = 0, last_address = 0;
  uint16_t first_port = 0, last_port = 65535;  // tcp and udp
};

// A container's place in the network. A value; remembered with the container, so that a restarted
// rep finds it again.
struct Attachment {
  std::string handle;
  uint32_t address = 0;  // of the container, host byte order
  std::vector<PortForward> ports;
  std::vector<Egress> egress;
};

}  // namespace causeway::network
