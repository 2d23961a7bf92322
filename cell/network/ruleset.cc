#include "cell/network/ruleset.h"

#include <cstdio>

namespace causeway::network {
namespace {

std::string range(uint32_t first, uint32_t last) {
  const std::string text = format_address(first);
  return first == last ? text : text + "-" + format_address(last);
}

std::string_view protocol_name(Egress::Protocol protocol) {
  return protocol == Egress::Protocol::udp ? "udp" : "tcp";
}

// Adds or deletes, as `verb` says, the elements of one attachment.
void append_elements(std::string& out, std::string_view verb, std::string_view mark,
                     const Attachment& attachment) {
  const std::string start = std::string(verb) + " element ip " + table_name(mark) + " ";
  const std::string address = format_address(attachment.address);
  for (const PortForward& one : attachment.ports) {
    out += start + "forwards { " + std::to_string(one.host_port) + " : " + address + " . " +
           std::to_string(one.container_port) + " }\n";
  }
  for (const Egress& one : attachment.egress) {
    const std::string to = address + " . " + range(one.first_address, one.last_address);
    if (one.protocol == Egress::Protocol::all) {
      out += start + "egress_all { " + to + " }\n";
    } else if (one.protocol == Egress::Protocol::icmp) {
      out += start + "egress_icmp { " + to + " }\n";
    } else {
      out += start + "egress_ports { " + to + " . " + std::string(protocol_name(one.protocol)) +
             " . " + std::to_string(one.first_port) + "-" + std::to_string(one.last_port) + " }\n";
    }
  }
}

}  // namespace

std::string table_name(std::string_view mark) { return "causeway_" + std::string(mark); }

std::string link_prefix(std::string_view mark) { return "cw" + std::string(mark); }

std::string link_name(std::string_view mark, const Subnet& subnet, uint32_t address) {
  char number[6];
  std::snprintf(number, sizeof number, "-%04x",
                static_cast<unsigned>((address - subnet.base) & 0xffff));
  return link_prefix(mark) + number;
}

std::string table_text(std::string_view mark, const Subnet& subnet,
                       std::span<const Attachment> attached) {
  const std::string name = table_name(mark);
  const std::string network = format_address(subnet.base) + "/" + std::to_string(subnet.bits);
  const std::string links = "\"" + link_prefix(mark) + "*\"";
  // Added first, so that the deletion succeeds also when there is none: the classic way to replace
  // a table.
  std::string out =
      "add table ip " + name + "\ndelete table ip " + name + "\ntable ip " + name + " {\n";
  out += "  map forwards { type inet_service : ipv4_addr . inet_service; }\n";
  out += "  set egress_all { type ipv4_addr . ipv4_addr; flags interval; auto-merge; }\n";
  out += "  set egress_icmp { type ipv4_addr . ipv4_addr; flags interval; auto-merge; }\n";
  out +=
      "  set egress_ports { type ipv4_addr . ipv4_addr . inet_proto . inet_service; flags "
      "interval; auto-merge; }\n";
  // The links route loopback addresses, for our own connections to 127.0.0.1:PORT: containers must
  // not reach this machine's loopback that way, whatever their egress allows.
  out += "  chain guard { type filter hook prerouting priority raw;\n";
  out += "    iifname " + links + " ip daddr 127.0.0.0/8 drop; }\n";
  out += "  chain prerouting { type nat hook prerouting priority dstnat;\n";
  out += "    fib daddr type local dnat ip to tcp dport map @forwards; }\n";
  out += "  chain output { type nat hook output priority -100;\n";
  out += "    fib daddr type local dnat ip to tcp dport map @forwards; }\n";
  out += "  chain postrouting { type nat hook postrouting priority srcnat;\n";
  out += "    ip saddr 127.0.0.0/8 oifname " + links + " masquerade\n";
  out += "    ip saddr " + network + " oifname != " + links + " masquerade; }\n";
  out += "  chain egress {\n";
  out += "    ct state established,related accept\n";
  out += "    ip saddr . ip daddr @egress_all accept\n";
  out += "    meta l4proto icmp ip saddr . ip daddr @egress_icmp accept\n";
  out += "    ip saddr . ip daddr . meta l4proto . th dport @egress_ports accept\n";
  out += "    reject with icmp type admin-prohibited; }\n";
  out += "  chain forward { type filter hook forward priority filter;\n";
  out += "    iifname " + links + " jump egress; }\n";
  out += "  chain input { type filter hook input priority filter;\n";
  out += "    iifname " + links + " jump egress; }\n}\n";
  for (const Attachment& one : attached) append_elements(out, "add", mark, one);
  return out;
}

std::string attach_text(std::string_view mark, const Attachment& attachment) {
  std::string out;
  append_elements(out, "add", mark, attachment);
  return out;
}

std::string detach_text(std::string_view mark, const Attachment& attachment) {
  std::string out;
  append_elements(out, "delete", mark, attachment);
  return out;
}

std::string remove_table_text(std::string_view mark) {
  return "add table ip " + table_name(mark) + "\ndelete table ip " + table_name(mark) + "\n";
}

std::string link_batch(std::string_view mark, const Subnet& subnet, uint32_t gateway,
                       uint32_t address, std::string_view namespace_path) {
  const std::string link = link_name(mark, subnet, address);
  return "link add " + link + " type veth peer name eth0 netns " + std::string(namespace_path) +
         "\n" + "addr add " + format_address(gateway) + "/32 dev " + link + "\nlink set " + link +
         " up\nroute add " + format_address(address) + "/32 dev " + link + " src " +
         format_address(gateway) + "\n";
}

std::string inside_batch(uint32_t gateway, uint32_t address) {
  return "link set lo up\naddr add " + format_address(address) +
         "/32 dev eth0\nlink set eth0 up\nroute add " + format_address(gateway) +
         "/32 dev eth0 scope link\nroute add default via " + format_address(gateway) +
         " dev eth0\n";
}

}  // namespace causeway::network
