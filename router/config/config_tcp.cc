#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "net/address_range.h"
#include "router/config/reading.h"

namespace causeway::router {

namespace {

using config::Section;

constexpr int64_t kConnectionsMax = 10'000'000;
constexpr int64_t kPipesMax = 100'000;

std::optional<uint16_t> parse_port(std::string_view text) {
  uint16_t port = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (failed != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// "1024" or "1024-1123".
std::optional<PortRange> parse_range(std::string_view text) {
  const size_t dash = std::min(text.find('-'), text.size());
  const auto first = parse_port(trimmed(text.substr(0, dash)));
  const auto last = dash == text.size() ? first : parse_port(trimmed(text.substr(dash + 1)));
  if (!first || !last || *first > *last) return std::nullopt;
  return PortRange{*first, *last};
}

// "1024-1123,2000", as router groups of Cloud Foundry write it.
void read_ports(Section section, std::vector<PortRange>& target) {
  std::string text;
  section.read("reservable_ports", text);
  std::string_view rest = trimmed(text);
  while (!rest.empty()) {
    const size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view one = trimmed(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    if (const auto range = parse_range(one)) {
      target.push_back(*range);
    } else {
      section.problem("reservable_ports",
                      "not a port or a range of ports: \"" + std::string(one) + "\"");
    }
  }
}

std::vector<uint16_t> own_ports(Reading& reading) {
  const RouterConfig& config = reading.loaded.config;
  std::vector<uint16_t> ports{config.port, config.status_port, config.routes_port,
                              config.prometheus_port};
  for (const auto& [section, key] :
       {std::pair{reading.root, "ssl_port"},
        std::pair{reading.root.section("status").section("tls"), "port"}}) {
    uint16_t port = 0;
    Section(section).read(key, port);
    ports.push_back(port);
  }
  return ports;
}

}  // namespace

void read_proxy_protocol(Section parent, ProxyProtocol& protocol) {
  parent.read("enable_proxy", protocol.is_accepted);
  Section section = parent.section("proxy_protocol");
  std::vector<std::string> trusted;
  section.read("trusted", trusted);
  for (const std::string& text : trusted) {
    if (const auto range = net::AddressRange::parse(text)) {
      protocol.trusted.push_back(*range);
    } else {
      section.problem("trusted", range.error().detail);
    }
  }
  section.read("header_timeout", protocol.header_timeout);
  if (protocol.header_timeout < std::chrono::milliseconds(1)) {
    section.problem("header_timeout", "must be longer than 0");
  }
}

void read_tcp(Reading& reading) {
  TcpSettings& tcp = reading.loaded.config.tcp;
  Section section = reading.root.section("tcp_router");
  read_ports(section, tcp.reservable_ports);
  tcp.is_enabled = !tcp.reservable_ports.empty();
  section.read("enabled", tcp.is_enabled);
  if (tcp.is_enabled && !section.has("reservable_ports")) {
    section.problem("reservable_ports", "is required");
  }
  tcp.own_ports = own_ports(reading);
  section.read("router_groups", tcp.router_groups);
  section.read("connect_timeout", tcp.connect_timeout);
  section.read("idle_timeout", tcp.idle_timeout);
  section.read("max_attempts", tcp.attempts_max, {.min = 1, .max = 100});
  section.read("max_connections", tcp.connections_max, {.min = 0, .max = kConnectionsMax});
  section.read("pipes_max", tcp.pipes_max, {.min = 0, .max = kPipesMax});
  section.read("log_connections", tcp.logs_connections);
  read_proxy_protocol(section, tcp.proxy_protocol);
  std::string sent = "none";
  section.read_choice("send_proxy", sent, {"none", "v1", "v2"});
  if (sent == "v1") tcp.sent_proxy_header = net::ProxyVersion::v1;
  if (sent == "v2") tcp.sent_proxy_header = net::ProxyVersion::v2;
  tcp.failed_mark_lifetime = reading.loaded.config.settings.failed_mark_lifetime;
  if (tcp.connect_timeout < std::chrono::milliseconds(1)) {
    section.problem("connect_timeout", "must be longer than 0");
  }
}

}  // namespace causeway::router
