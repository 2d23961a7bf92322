#pragma once

#include <span>
#include <string>
#include <string_view>

#include "cell/network/allocator.h"
#include "cell/network/attachment.h"

namespace causeway::network {

// Names on the machine that carry a cell's mark.
std::string table_name(std::string_view mark);   // causeway_1a2b3c4d
std::string link_prefix(std::string_view mark);  // cw1a2b3c4d
std::string link_name(std::string_view mark, const Subnet& subnet,
                      uint32_t address);  // cw1a2b3c4d-0005: 15 bytes, the kernel's limit

// Text for `nft -f -`, each one transaction: all of it or nothing.
// The whole table, with forwards and egress of `attached` and of nobody else. Replaces what an
// earlier rep left.
//   prerouting, output   host port -> container address and port, for every local address,
//   127.0.0.1 too postrouting          what leaves the machine from a container, or enters one from
//   127.0.0.0/8, takes the machine's address forward, input       containers open connections only
//   where their egress allows; answers always pass
std::string table_text(std::string_view mark, const Subnet& subnet,
                       std::span<const Attachment> attached);
std::string attach_text(std::string_view mark, const Attachment& attachment);
std::string detach_text(std::string_view mark, const Attachment& attachment);
std::string remove_table_text(std::string_view mark);

// Text for `ip -batch -`: the pair of links, seen from the machine, and from inside the network
// namespace.
std::string link_batch(std::string_view mark, const Subnet& subnet, uint32_t gateway,
                       uint32_t address, std::string_view namespace_path);
std::string inside_batch(uint32_t gateway, uint32_t address);

}  // namespace causeway::network
