#include "net/proxy_header.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

#include "base/check.h"

namespace causeway::net {

namespace {

constexpr std::string_view kLineStart = "PROXY ";
constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr size_t kFixedBytes = 16;  // signature, version and command, family, length
constexpr size_t kAddressBytesV4 = 12;
constexpr size_t kAddressBytesV6 = 36;
constexpr size_t kAddressBytesUnix = 216;

constexpr uint8_t kCommandLocal = 0x20;
constexpr uint8_t kCommandProxy = 0x21;
constexpr uint8_t kFamilyV4 = 0x1;
constexpr uint8_t kFamilyV6 = 0x2;
constexpr uint8_t kFamilyUnix = 0x3;
constexpr uint8_t kTransportStream = 0x1;
constexpr uint8_t kTransportDatagram = 0x2;

uint8_t octet(char byte) { return static_cast<uint8_t>(byte); }

std::optional<uint16_t> parse_port(std::string_view text) {
  uint16_t port = 0;
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

// The text up to the next space, which is taken too; "" when there is none.
std::string_view take_word(std::string_view& rest) {
  const size_t space = std::min(rest.find(' '), rest.size());
  const std::string_view word = rest.substr(0, space);
  rest.remove_prefix(std::min(space + 1, rest.size()));
  return word;
}

// `bytes`: address, then nothing; `port`: in network order.
Address address_from(bool is_v6, const char* bytes, const char* port) {
  if (is_v6) {
    sockaddr_in6 name{};
    name.sin6_family = AF_INET6;
    std::memcpy(&name.sin6_addr, bytes, sizeof name.sin6_addr);
    std::memcpy(&name.sin6_port, port, sizeof name.sin6_port);
    return Address::from(reinterpret_cast<const sockaddr*>(&name));
  }
  sockaddr_in name{};
  name.sin_family = AF_INET;
  std::memcpy(&name.sin_addr, bytes, sizeof name.sin_addr);
  std::memcpy(&name.sin_port, port, sizeof name.sin_port);
  return Address::from(reinterpret_cast<const sockaddr*>(&name));
}

// ::ffff:a.b.c.d for IPv4.
in6_addr as_v6(const Address& address) {
  if (address.is_v6()) {
    return reinterpret_cast<const sockaddr_in6*>(address.socket_address())->sin6_addr;
  }
  in6_addr mapped{};
  mapped.s6_addr[10] = mapped.s6_addr[11] = 0xff;
  const auto* v4 = reinterpret_cast<const sockaddr_in*>(address.socket_address());
  std::memcpy(&mapped.s6_addr[12], &v4->sin_addr, sizeof v4->sin_addr);
  return mapped;
}

// IPv4 inside IPv6, as proxies write it when the two ends differ, is told as IPv4.
Address unmapped(const Address& address) {
  if (!address.is_v6()) return address;
  const auto* name = reinterpret_cast<const sockaddr_in6*>(address.socket_address());
  if (!IN6_IS_ADDR_V4MAPPED(&name->sin6_addr)) return address;
  const char* bytes = reinterpret_cast<const char*>(name->sin6_addr.s6_addr);
  return address_from(false, bytes + 12, reinterpret_cast<const char*>(&name->sin6_port));
}

std::string ip_text(const Address& address, bool in_v6) {
  if (!in_v6 || address.is_v6()) return address.ip();
  return "::ffff:" + address.ip();
}

void append_bytes(std::string& out, const void* bytes, size_t size) {
  out.append(static_cast<const char*>(bytes), size);
}

void append_u16(std::string& out, uint16_t number) {
  const uint16_t big_endian = htons(number);
  append_bytes(out, &big_endian, sizeof big_endian);
}

}  // namespace

ProxyHeaderReader::Fed ProxyHeaderReader::feed(std::string_view bytes) {
  switch (kind_) {
    case Kind::unknown:
      return recognize(bytes);
    case Kind::line:
      return feed_line(bytes);
    case Kind::binary:
      return feed_binary(bytes);
  }
  return {Step::absent, 0};
}

size_t ProxyHeaderReader::keep(std::string_view bytes, size_t wanted) {
  DCHECK(wanted <= kept_bytes_max);
  const size_t count = std::min(bytes.size(), wanted - std::min(wanted, kept_bytes_));
  std::memcpy(kept_.data() + kept_bytes_, bytes.data(), count);
  kept_bytes_ += count;
  return count;
}

ProxyHeaderReader::Fed ProxyHeaderReader::refuse(std::string_view reason, size_t taken) {
  reason_ = reason;
  return {Step::bad, taken};
}

// The versions and everything else differ at the first byte; of everything else nothing is taken.
ProxyHeaderReader::Fed ProxyHeaderReader::recognize(std::string_view bytes) {
  if (bytes.empty()) return {Step::more, 0};
  const char first = kept_bytes_ > 0 ? kept_[0] : bytes[0];
  const std::string_view start = first == kLineStart[0] ? kLineStart : kSignature;
  const size_t count = std::min(bytes.size(), start.size() - kept_bytes_);
  if (bytes.substr(0, count) != start.substr(kept_bytes_, count)) return {Step::absent, 0};
  keep(bytes, start.size());
  if (kept_bytes_ < start.size()) return {Step::more, count};
  kind_ = first == kLineStart[0] ? Kind::line : Kind::binary;
  const Fed rest = feed(bytes.substr(count));
  return {rest.step, rest.taken + count};
}

ProxyHeaderReader::Fed ProxyHeaderReader::feed_line(std::string_view bytes) {
  const size_t room = kProxyLineBytesMax - kept_bytes_;
  const size_t line_feed = bytes.substr(0, room).find('\n');
  if (line_feed == std::string_view::npos) {
    const size_t taken = keep(bytes, kProxyLineBytesMax);
    if (kept_bytes_ == kProxyLineBytesMax) return refuse("the line is too long", taken);
    return {Step::more, taken};
  }
  keep(bytes.substr(0, line_feed + 1), kProxyLineBytesMax);
  std::string_view line = begun();
  line.remove_suffix(1);
  if (!line.ends_with('\r')) return refuse("the line does not end with CR LF", line_feed + 1);
  line.remove_suffix(1);
  line.remove_prefix(kLineStart.size());
  if (!read_line(line)) return {Step::bad, line_feed + 1};
  return {Step::done, line_feed + 1};
}

bool ProxyHeaderReader::read_line(std::string_view line) {
  std::string_view rest = line;
  const std::string_view family = take_word(rest);
  if (family == "UNKNOWN") return true;  // whatever else the line says
  const bool is_v6 = family == "TCP6";
  const auto fail = [this](std::string_view why) {
    reason_ = why;
    return false;
  };
  if (!is_v6 && family != "TCP4") return fail("neither TCP4 nor TCP6 nor UNKNOWN");
  const std::string_view client_ip = take_word(rest);
  const std::string_view server_ip = take_word(rest);
  const auto client_port = parse_port(take_word(rest));
  const auto server_port = parse_port(rest);
  if (!client_port || !server_port) return fail("a port is missing or is none");
  const auto client = Address::parse(client_ip, *client_port);
  const auto server = Address::parse(server_ip, *server_port);
  if (!client || !server) return fail("an address is missing or is none");
  if (client->is_v6() != is_v6 || server->is_v6() != is_v6) {
    return fail("an address is not of the family");
  }
  header_ = {.has_addresses = true, .client = unmapped(*client), .server = unmapped(*server)};
  return true;
}

ProxyHeaderReader::Fed ProxyHeaderReader::feed_binary(std::string_view bytes) {
  size_t taken = 0;
  if (kept_bytes_ < kFixedBytes) {
    taken = keep(bytes, kFixedBytes);
    if (kept_bytes_ < kFixedBytes) return {Step::more, taken};
    if (!read_fixed_part()) return {Step::bad, taken};
  }
  taken += keep(bytes.substr(taken), kFixedBytes + address_bytes_);
  if (kept_bytes_ < kFixedBytes + address_bytes_) return {Step::more, taken};
  const size_t skipped =
      std::min(bytes.size() - taken, body_bytes_ - address_bytes_ - skipped_bytes_);
  skipped_bytes_ += skipped;
  taken += skipped;
  if (address_bytes_ + skipped_bytes_ < body_bytes_) return {Step::more, taken};
  if (address_bytes_ > 0) read_addresses();
  return {Step::done, taken};
}

// What the header holds; false with a reason when it cannot be.
bool ProxyHeaderReader::read_fixed_part() {
  const uint8_t command = octet(kept_[12]);
  const uint8_t family = octet(kept_[13]) >> 4;
  const uint8_t transport = octet(kept_[13]) & 0xf;
  body_bytes_ = static_cast<size_t>(octet(kept_[14]) << 8 | octet(kept_[15]));
  const auto fail = [this](std::string_view why) {
    reason_ = why;
    return false;
  };
  if ((command & 0xf0) != 0x20) return fail("not of version 2");
  if (command != kCommandLocal && command != kCommandProxy) return fail("no such command");
  if (family > kFamilyUnix || transport > kTransportDatagram) return fail("no such family");
  if (command == kCommandLocal) return true;  // its addresses are to be ignored
  const size_t needed = family == kFamilyV4     ? kAddressBytesV4
                        : family == kFamilyV6   ? kAddressBytesV6
                        : family == kFamilyUnix ? kAddressBytesUnix
                                                : 0;
  if (body_bytes_ < needed) return fail("too short for its addresses");
  const bool is_ip = family == kFamilyV4 || family == kFamilyV6;
  if (is_ip && transport == kTransportStream) address_bytes_ = needed;
  return true;
}

void ProxyHeaderReader::read_addresses() {
  static_assert(kFixedBytes + kAddressBytesV6 <= kept_bytes_max);
  const bool is_v6 = address_bytes_ == kAddressBytesV6;
  const size_t size = is_v6 ? 16 : 4;
  const char* at = kept_.data() + kFixedBytes;
  header_ = {.has_addresses = true,
             .client = unmapped(address_from(is_v6, at, at + 2 * size)),
             .server = unmapped(address_from(is_v6, at + size, at + 2 * size + 2))};
}

void append_proxy_header(std::string& out, ProxyVersion version, const Address& client,
                         const Address& server) {
  const bool is_v6 = client.is_v6() || server.is_v6();
  if (version == ProxyVersion::v1) {
    out.append(kLineStart).append(is_v6 ? "TCP6 " : "TCP4 ");
    out.append(ip_text(client, is_v6)).append(" ").append(ip_text(server, is_v6)).append(" ");
    out.append(std::to_string(client.port())).append(" ");
    out.append(std::to_string(server.port())).append("\r\n");
    return;
  }
  out.append(kSignature);
  out.push_back(static_cast<char>(kCommandProxy));
  out.push_back(static_cast<char>((is_v6 ? kFamilyV6 : kFamilyV4) << 4 | kTransportStream));
  append_u16(out, static_cast<uint16_t>(is_v6 ? kAddressBytesV6 : kAddressBytesV4));
  for (const Address* address : {&client, &server}) {
    if (is_v6) {
      const in6_addr ip = as_v6(*address);
      append_bytes(out, &ip, sizeof ip);
    } else {
      const auto* v4 = reinterpret_cast<const sockaddr_in*>(address->socket_address());
      append_bytes(out, &v4->sin_addr, sizeof v4->sin_addr);
    }
  }
  append_u16(out, client.port());
  append_u16(out, server.port());
}

}  // namespace causeway::net
