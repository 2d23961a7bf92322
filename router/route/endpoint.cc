#include "router/route/endpoint.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/check.h"

namespace causeway::router {

namespace {

// A text inside another one: two bytes of length, then the bytes.
constexpr size_t kCountBytes = sizeof(uint16_t);

size_t tags_bytes(const std::map<std::string, std::string>& tags) {
  size_t bytes = 0;
  for (const auto& [name, value] : tags) {
    bytes += kCountBytes + name.size() + kCountBytes + value.size();
  }
  return bytes;
}

// "host:port" without allocation: the port's digits.
struct PortDigits {
  explicit PortDigits(uint16_t port) {
    size = static_cast<size_t>(
        std::to_chars(digits.data(), digits.data() + digits.size(), port).ptr - digits.data());
  }
  std::string_view view() const { return {digits.data(), size}; }
  std::array<char, 5> digits{};
  size_t size;
};

bool needs_brackets(std::string_view host) {
  return host.find(':') != std::string_view::npos && !host.starts_with('[');
}

uint32_t whole_seconds(Duration duration) {
  const int64_t seconds = std::chrono::duration_cast<std::chrono::seconds>(duration).count();
  return static_cast<uint32_t>(
      std::clamp<int64_t>(seconds, 0, std::numeric_limits<uint32_t>::max()));
}

uint32_t thousandths(double factor) {
  return static_cast<uint32_t>(std::lround(std::clamp(factor, 0.0, kHashBalanceMax) * 1000));
}

size_t heap_block(size_t bytes) { return (bytes + 8 + 15) / 16 * 16; }  // glibc's malloc

}  // namespace

std::string_view name_of(Protocol protocol) noexcept {
  return protocol == Protocol::http2 ? "http2" : "http1";
}

std::string_view name_of(LoadBalancing balancing) noexcept {
  switch (balancing) {
    case LoadBalancing::round_robin:
      return "round-robin";
    case LoadBalancing::least_connection:
      return "least-connection";
    case LoadBalancing::hash:
      return "hash";
  }
  return "";
}

std::optional<LoadBalancing> parse_load_balancing(std::string_view name) noexcept {
  if (name == "round-robin") return LoadBalancing::round_robin;
  if (name == "least-connection") return LoadBalancing::least_connection;
  if (name == "hash") return LoadBalancing::hash;
  return std::nullopt;
}

bool Endpoint::fits(const EndpointSpec& spec) noexcept {
  const size_t bytes = 2 * spec.host.size() + 8 + spec.app_id.size() + spec.instance_id.size() +
                       spec.instance_index.size() + spec.server_cert_domain_san.size() +
                       spec.route_service_url.size() + spec.isolation_segment.size() +
                       spec.availability_zone.size() + spec.modification_tag.guid.size() +
                       spec.hash_header.size() + tags_bytes(spec.tags);
  return bytes <= kEndpointTextBytesMax;
}

Endpoint::Endpoint(EndpointId id, const EndpointSpec& spec,
                   const std::shared_ptr<const Endpoint>& before)
    : id_(id), tls_(spec.tls), protocol_(spec.protocol), balancing_(spec.balancing) {
  CHECK(fits(spec));
  if (before != nullptr) {
    counts_for_ = before->counts_for_ == nullptr ? before : before->counts_for_;
  }
  const auto numeric = net::Address::parse(spec.host, spec.port);
  numeric_ = numeric.has_value();
  address_ = numeric_ ? numeric.value() : net::Address::any(spec.port);

  std::string authority;
  authority.reserve(spec.host.size() + 8);
  bracketed_ = needs_brackets(spec.host);
  if (bracketed_) {
    authority.append("[").append(spec.host).append("]");
  } else {
    authority.append(spec.host);
  }
  authority.append(":").append(PortDigits(spec.port).view());

  std::string tags;
  tags.reserve(tags_bytes(spec.tags));
  const auto add_counted = [&tags](std::string_view piece) {
    const auto count = static_cast<uint16_t>(piece.size());
    std::array<char, kCountBytes> bytes;
    std::memcpy(bytes.data(), &count, kCountBytes);
    tags.append(bytes.data(), kCountBytes).append(piece);
  };
  for (const auto& [name, value] : spec.tags) {
    add_counted(name);
    add_counted(value);
  }

  const std::array<std::string_view, kTexts> texts{authority,
                                                   spec.app_id,
                                                   spec.instance_id,
                                                   spec.instance_index,
                                                   spec.server_cert_domain_san,
                                                   spec.route_service_url,
                                                   spec.isolation_segment,
                                                   spec.availability_zone,
                                                   spec.modification_tag.guid,
                                                   spec.hash_header,
                                                   tags};
  size_t total = 0;
  for (const std::string_view piece : texts) total += piece.size();
  block_ = std::make_unique<uint16_t[]>(kTextsAt + (total + 1) / 2);
  const std::array<uint32_t, kNumbers> numbers{spec.modification_tag.index,
                                               whole_seconds(spec.stale_threshold),
                                               thousandths(spec.hash_balance)};
  std::memcpy(block_.get(), numbers.data(), sizeof numbers);
  char* const bytes = reinterpret_cast<char*>(block_.get() + kTextsAt);
  size_t end = 0;
  for (size_t i = 0; i < kTexts; ++i) {
    if (!texts[i].empty()) std::memcpy(bytes + end, texts[i].data(), texts[i].size());
    end += texts[i].size();
    block_[kEnds + i] = static_cast<uint16_t>(end);
  }
}

uint32_t Endpoint::number(size_t which) const noexcept {
  static_assert(kEnds * sizeof(uint16_t) == kNumbers * sizeof(uint32_t));
  uint32_t value;
  std::memcpy(&value, block_.get() + 2 * which, sizeof value);
  return value;
}

std::string_view Endpoint::text(Text which) const noexcept {
  const auto i = static_cast<size_t>(which);
  const size_t begin = i == 0 ? 0 : block_[kEnds + i - 1];
  return {reinterpret_cast<const char*>(block_.get() + kTextsAt) + begin,
          block_[kEnds + i] - begin};
}

std::string_view Endpoint::host() const noexcept {
  std::string_view host = authority();
  host = host.substr(0, host.rfind(':'));
  if (bracketed_) host = host.substr(1, host.size() - 2);
  return host;
}

std::string_view Endpoint::take_counted(std::string_view& rest) noexcept {
  uint16_t count = 0;
  std::memcpy(&count, rest.data(), kCountBytes);
  const std::string_view piece = rest.substr(kCountBytes, count);
  rest.remove_prefix(kCountBytes + count);
  return piece;
}

std::string_view Endpoint::tag(std::string_view name) const noexcept {
  std::string_view found;
  for_each_tag([&](std::string_view tag_name, std::string_view value) {
    if (tag_name == name) found = value;
  });
  return found;
}

bool Endpoint::connects_like(const EndpointSpec& spec) const noexcept {
  return host() == spec.host && port() == spec.port && tls_ == spec.tls &&
         protocol_ == spec.protocol && server_cert_domain_san() == spec.server_cert_domain_san;
}

bool Endpoint::says_the_same_as(const EndpointSpec& spec) const noexcept {
  if (!connects_like(spec) || app_id() != spec.app_id || instance_id() != spec.instance_id ||
      instance_index() != spec.instance_index || route_service_url() != spec.route_service_url ||
      isolation_segment() != spec.isolation_segment ||
      availability_zone() != spec.availability_zone ||
      modification_guid() != spec.modification_tag.guid ||
      modification_index() != spec.modification_tag.index || balancing_ != spec.balancing ||
      number(1) != whole_seconds(spec.stale_threshold) || hash_header() != spec.hash_header ||
      number(2) != thousandths(spec.hash_balance)) {
    return false;
  }
  std::string_view rest = text(Text::tags);
  for (const auto& [name, value] : spec.tags) {
    if (rest.empty() || take_counted(rest) != name || take_counted(rest) != value) return false;
  }
  return rest.empty();
}

void Endpoint::ended() const noexcept {
  CHECK(counter().fetch_sub(1, std::memory_order_relaxed) > 0);
}

size_t Endpoint::footprint_bytes() const noexcept {
  const size_t texts = block_[kEnds + kTexts - 1];
  return heap_block(sizeof(Endpoint) + 16) + heap_block(2 * (kTextsAt + (texts + 1) / 2));
}

}  // namespace causeway::router
