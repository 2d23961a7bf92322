#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "net/address.h"

namespace causeway::router {

enum class Protocol : uint8_t { http1, http2 };
// hash: by the value of a request header that the route names (CF RFC-0042).
enum class LoadBalancing : uint8_t { round_robin, least_connection, hash };

std::string_view name_of(Protocol protocol) noexcept;        // "http1", "http2"
std::string_view name_of(LoadBalancing balancing) noexcept;  // "round-robin" ...
std::optional<LoadBalancing> parse_load_balancing(std::string_view name) noexcept;

// Orders registrations of one endpoint that come from the routing API; NATS messages carry none
// (empty guid).
struct ModificationTag {
  std::string guid;
  uint32_t index = 0;
};

// Everything that one registration says about an endpoint: what an Endpoint is made from. A value.
struct EndpointSpec {
  std::string host;   // IP address or name
  uint16_t port = 0;  // the TLS port when `tls`
  bool tls = false;
  Protocol protocol = Protocol::http1;
  // Options of the whole route; the last registration wins.
  std::optional<LoadBalancing> balancing;
  std::string hash_header = {};  // with hash only: never empty then
  double hash_balance = 0;       // with hash only: 0 = off, else at least kHashBalanceMin
  std::string app_id;
  std::string instance_id;     // private_instance_id
  std::string instance_index;  // private_instance_index
  std::string server_cert_domain_san;
  std::string route_service_url;
  std::string isolation_segment;
  std::string availability_zone;
  std::map<std::string, std::string> tags;
  Duration stale_threshold{};  // as registered; 0 = the router's own
  ModificationTag modification_tag;
  int64_t updated_at_ns =
      0;  // endpoint_updated_at_ns; 0 = unknown. Not part of the endpoint's identity.
};

// An endpoint is passed over while it has more in flight than its pool's average times
// hash_balance.
inline constexpr double kHashBalanceMin = 1.1;
inline constexpr double kHashBalanceMax = 1000;

// Bytes of all texts of one endpoint together; a spec with more is refused (Endpoint::fits).
inline constexpr size_t kEndpointTextBytesMax = 60'000;

// Never used twice in a process, and kept when an endpoint is registered again with the same
// address, TLS name and protocol: what a worker knows about an endpoint (in flight, failures, idle
// connections) is filed under it. Endpoints of several routes that came by one message share it.
using EndpointId = uint64_t;

// One place a request can be sent to. An immutable value but for the count of what is in flight,
// shared by all threads through shared_ptr<const Endpoint>; lives as long as any snapshot or
// exchange that names it. All texts are views into the endpoint itself.
class Endpoint {
 public:
  // Do the texts of `spec` keep to the limit?
  static bool fits(const EndpointSpec& spec) noexcept;
  // CHECKs fits(spec). `before`: the endpoint whose place this one takes, if connections to it
  // serve this one as well: they count what is in flight together.
  Endpoint(EndpointId id, const EndpointSpec& spec,
           const std::shared_ptr<const Endpoint>& before = nullptr);
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  EndpointId id() const noexcept { return id_; }

  // "host:port" ("[v6]:port"): for X-CF-InstanceID without instance id, logs, X-Vcap-Backend.
  std::string_view authority() const noexcept { return text(Text::authority); }
  std::string_view host() const noexcept;
  uint16_t port() const noexcept { return address_.port(); }
  // Where to connect, when the host is a numeric address; otherwise (is_numeric() false) host()
  // must be resolved.
  bool is_numeric() const noexcept { return numeric_; }
  const net::Address& address() const noexcept { return address_; }

  bool is_tls() const noexcept { return tls_; }
  Protocol protocol() const noexcept { return protocol_; }
  std::optional<LoadBalancing> balancing() const noexcept { return balancing_; }

  std::string_view hash_header() const noexcept { return text(Text::hash_header); }
  double hash_balance() const noexcept { return number(2) / 1000.0; }

  std::string_view app_id() const noexcept { return text(Text::app_id); }
  std::string_view instance_id() const noexcept { return text(Text::instance_id); }
  std::string_view instance_index() const noexcept { return text(Text::instance_index); }
  std::string_view server_cert_domain_san() const noexcept { return text(Text::san); }
  std::string_view route_service_url() const noexcept { return text(Text::route_service_url); }
  std::string_view isolation_segment() const noexcept { return text(Text::isolation_segment); }
  std::string_view availability_zone() const noexcept { return text(Text::availability_zone); }
  std::string_view modification_guid() const noexcept { return text(Text::modification_guid); }
  uint32_t modification_index() const noexcept { return number(0); }
  Duration stale_threshold() const noexcept { return std::chrono::seconds(number(1)); }

  // Exchanges in flight here, those of all workers (doc/adr/0018): the one thing that changes. A
  // number to compare with others, it guards nothing.
  uint32_t in_flight() const noexcept { return counter().load(std::memory_order_relaxed); }
  // Around each exchange; every began() needs its ended().
  void began() const noexcept { counter().fetch_add(1, std::memory_order_relaxed); }
  void ended() const noexcept;

  // Value of one tag ("component", "process_id", "source_id" ...), "" when absent.
  std::string_view tag(std::string_view name) const noexcept;
  // Calls visit(name, value) for each tag in order of name.
  template <class Visit>
  void for_each_tag(Visit visit) const {
    for (std::string_view rest = text(Text::tags); !rest.empty();) {
      const std::string_view name = take_counted(rest);
      const std::string_view value = take_counted(rest);
      visit(name, value);
    }
  }

  // Would making an endpoint of `spec` give the same thing as this? Allocates nothing.
  bool says_the_same_as(const EndpointSpec& spec) const noexcept;
  // Does a connection to this endpoint serve `spec` as well (address, TLS, name to verify,
  // protocol)?
  bool connects_like(const EndpointSpec& spec) const noexcept;

  // Bytes of the global heap that this endpoint takes.
  size_t footprint_bytes() const noexcept;

 private:
  enum class Text : uint8_t {
    authority,
    app_id,
    instance_id,
    instance_index,
    san,
    route_service_url,
    isolation_segment,
    availability_zone,
    modification_guid,
    hash_header,
    tags,
    count_
  };
  static constexpr size_t kTexts = static_cast<size_t>(Text::count_);

  // block_: modification index, stale threshold in seconds, hash balance in thousandths (32 bits
  // each), the end of each text, the texts.
  static constexpr size_t kNumbers = 3;
  static constexpr size_t kEnds = 2 * kNumbers;
  static constexpr size_t kTextsAt = kEnds + kTexts;
  uint32_t number(size_t which) const noexcept;
  std::string_view text(Text which) const noexcept;
  static std::string_view take_counted(std::string_view& rest) noexcept;
  std::atomic<uint32_t>& counter() const noexcept {
    return counts_for_ == nullptr ? in_flight_ : counts_for_->in_flight_;
  }

  EndpointId id_;
  std::unique_ptr<uint16_t[]> block_;
  net::Address address_;  // of a name: any address, with the port
  bool numeric_;
  bool bracketed_;  // in authority()
  bool tls_;
  Protocol protocol_;
  std::optional<LoadBalancing> balancing_;
  mutable std::atomic<uint32_t> in_flight_{0};
  std::shared_ptr<const Endpoint> counts_for_;  // the first of its successors; null: this one
};

}  // namespace causeway::router
