#include "cell/network/allocator.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

namespace causeway::network {
namespace {

uint64_t fnv1a(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash ^ (hash >> 32);
}

constexpr uint32_t kPoolBase =
    10u << 24 | 224u << 16;  // 10.224.0.0/11: 2048 networks of 1024 addresses
constexpr uint32_t kPoolNetworks = 2048;

}  // namespace

Result<uint32_t> parse_address(std::string_view text) {
  in_addr parsed{};
  if (::inet_pton(AF_INET, std::string(text).c_str(), &parsed) != 1) {
    return Error{.fault = Fault::invalid, .detail = "not an IPv4 address: " + std::string(text)};
  }
  return ntohl(parsed.s_addr);
}

std::string format_address(uint32_t address) {
  const in_addr raw{.s_addr = htonl(address)};
  char text[INET_ADDRSTRLEN];
  ::inet_ntop(AF_INET, &raw, text, sizeof text);
  return text;
}

Result<Subnet> parse_subnet(std::string_view text) {
  const Error refusal{
      .fault = Fault::invalid,
      .detail = "not a network like 10.240.4.0/22 with 16 to 30 bits: " + std::string(text)};
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return refusal;
  const Result<uint32_t> base = parse_address(text.substr(0, slash));
  Subnet subnet;
  const char* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data() + slash + 1, end, subnet.bits);
  if (!base || failure != std::errc{} || stop != end || subnet.bits < 16 || subnet.bits > 30)
    return refusal;
  subnet.base = *base;
  if (subnet.base % subnet.size() != 0) return refusal;
  return subnet;
}

Subnet subnet_for(std::string_view seed) {
  return {.base = kPoolBase + static_cast<uint32_t>(fnv1a(seed) % kPoolNetworks) * 1024,
          .bits = 22};
}

std::string mark_for(std::string_view seed) {
  static constexpr char kHex[] = "0123456789abcdef";
  uint64_t hash = fnv1a(seed);
  std::string mark;
  for (int i = 0; i < 8; ++i, hash >>= 4) mark.push_back(kHex[hash & 15]);
  return mark;
}

Result<uint32_t> AddressPool::take() {
  const uint32_t first = subnet_.base + 2;
  const uint32_t count = subnet_.size() - 3;
  for (uint32_t tried = 0; tried < count; ++tried) {
    const uint32_t address = next_;
    next_ = address + 1 >= first + count ? first : address + 1;
    if (taken_.insert(address).second) return address;
  }
  return Error{.fault = Fault::limit, .detail = "no free container address"};
}

Result<void> AddressPool::claim(uint32_t address) {
  if (!subnet_.contains(address)) {
    return Error{.fault = Fault::invalid,
                 .detail = format_address(address) + " is not an address of this cell"};
  }
  if (!taken_.insert(address).second) {
    return Error{.fault = Fault::exists, .detail = format_address(address) + " is in use"};
  }
  return {};
}

HostPorts::~HostPorts() {
  for (const auto& [port, descriptor] : held_) ::close(descriptor);
}

Result<void> HostPorts::claim(uint16_t port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (descriptor < 0 ||
      ::bind(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    const int os = errno;
    if (descriptor >= 0) ::close(descriptor);
    return Error{.fault = Fault::exists,
                 .os = os,
                 .detail = "host port " + std::to_string(port) + " is in use"};
  }
  held_[port] = descriptor;
  return {};
}

Result<uint16_t> HostPorts::take() {
  for (uint32_t tried = first_; tried <= last_; ++tried) {
    const auto port = static_cast<uint16_t>(next_);
    next_ = next_ >= last_ ? first_ : next_ + 1;
    if (!held_.contains(port) && claim(port)) return port;
  }
  return Error{.fault = Fault::limit, .detail = "no free host port"};
}

void HostPorts::give_back(uint16_t port) {
  const auto held = held_.find(port);
  if (held == held_.end()) return;
  ::close(held->second);
  held_.erase(held);
}

}  // namespace causeway::network
