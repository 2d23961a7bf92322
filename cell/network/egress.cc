#include <charconv>

#include "cell/network/network.h"
#include "cf/models/models.h"

namespace causeway::network {
namespace {

Result<Egress> parse_destination(std::string_view text) {
  Egress egress;
  const size_t dash = text.find('-');
  const size_t slash = text.find('/');
  const Result<uint32_t> first =
      parse_address(text.substr(0, std::min({dash, slash, text.size()})));
  if (!first) return first.error();
  egress.first_address = egress.last_address = *first;
  if (dash != std::string_view::npos) {
    const Result<uint32_t> last = parse_address(text.substr(dash + 1));
    if (!last) return last.error();
    egress.last_address = *last;
  } else if (slash != std::string_view::npos) {
    uint32_t bits = 33;
    const char* end = text.data() + text.size();
    const auto [stop, failure] = std::from_chars(text.data() + slash + 1, end, bits);
    if (failure != std::errc{} || stop != end || bits > 32) bits = 33;
    if (bits == 33)
      return Error{.fault = Fault::invalid, .detail = "not a network: " + std::string(text)};
    const uint32_t mask = bits == 0 ? 0 : ~0u << (32 - bits);
    egress.first_address = *first & mask;
    egress.last_address = *first | ~mask;
  }
  if (egress.first_address > egress.last_address) {
    return Error{.fault = Fault::invalid, .detail = "an empty range: " + std::string(text)};
  }
  return egress;
}

void add_ports(std::vector<Egress>& out, const Egress& destination,
               const models::SecurityGroupRule& rule) {
  Egress one = destination;
  for (const uint32_t port : rule.ports()) {
    one.first_port = one.last_port = static_cast<uint16_t>(port);
    out.push_back(one);
  }
  if (rule.has_port_range()) {
    one.first_port = static_cast<uint16_t>(rule.port_range().start());
    one.last_port = static_cast<uint16_t>(rule.port_range().end());
    out.push_back(one);
  }
}

}  // namespace

Result<std::vector<Egress>> egress_of(const models::SecurityGroupRule& rule) {
  std::vector<Egress> out;
  if (rule.protocol() == "icmpv6") return out;
  for (const std::string& destinations : rule.destinations()) {
    std::string_view rest = destinations;
    while (!rest.empty()) {
      const std::string_view text = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(text.size() + 1, rest.size()));
      if (text.find(':') != std::string_view::npos) continue;  // IPv6
      Result<Egress> destination = parse_destination(text);
      if (!destination) return destination.error();
      if (rule.protocol() == "all" || rule.protocol() == "icmp") {
        destination->protocol =
            rule.protocol() == "all" ? Egress::Protocol::all : Egress::Protocol::icmp;
        out.push_back(*destination);
      } else {
        destination->protocol =
            rule.protocol() == "udp" ? Egress::Protocol::udp : Egress::Protocol::tcp;
        add_ports(out, *destination, rule);
      }
    }
  }
  return out;
}

}  // namespace causeway::network
