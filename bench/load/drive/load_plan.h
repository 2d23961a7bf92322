#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "bench/load/measure/rate.h"
#include "net/address.h"
#include "tls/context.h"

namespace causeway::load {

// How fast a slow client sends and reads.
struct Speed {
  double send = 0, read = 0;  // bytes/s; 0: as fast as it goes
  bool is_limited() const { return send > 0 || read > 0; }
};

// How clients speak TLS.
struct TlsOptions {
  bool is_insecure = false;              // trusts every server
  std::string ca_pem;                    // whom to trust; empty: the system's authorities
  std::string certificate_pem, key_pem;  // shown to servers that ask
  std::string server_name;  // SNI, and the certificate's name; empty: the first host of an address
  bool resumes = false;     // sessions of earlier connections
  bool is_1_2_at_most = false;
};

// What every kind of load is asked for.
struct LoadOptions {
  std::string rate;         // open loop; empty: closed, or none
  bool holds_only = false;  // opens the connections, sends nothing
  Spacing spacing = Spacing::constant;
  uint64_t seed = 1;
  unsigned connections = 64;
  unsigned threads = 1;
  Duration duration = std::chrono::seconds(10);
  Duration warm_up = std::chrono::seconds(0);
  Duration timeout = std::chrono::seconds(5);
  int digits = 3;
  Speed speed;
  TlsOptions tls;
};

// The same, worked out. Immutable while workers run; they share it.
struct LoadPlan {
  enum class Pace : uint8_t { open, closed, hold } pace = Pace::closed;
  std::vector<net::Address> addresses;
  std::optional<RateProfile> profile;  // present: open loop
  Spacing spacing = Spacing::constant;
  uint64_t seed = 1;
  unsigned connections = 1;
  unsigned threads = 1;
  bool opens_ahead = true;  // connections stand before the run begins
  Duration warm_up{};
  Duration duration{};
  Duration timeout{};
  int digits = 3;
  Duration interval{};
  size_t interval_count = 0;
  Speed speed;
  std::shared_ptr<const tls::ClientContext> tls;  // absent: plain
  bool resumes_sessions = false;
  std::vector<std::string> server_names;  // by address, when TLS is spoken
};

// Checks what can be checked and sets all but the addresses. Fault::invalid names the option.
Result<void> set_load_plan(LoadPlan& plan, const LoadOptions& options);

// Makes the plan speak TLS and offer `alpn`. `names`: by address. Fault::invalid names the option.
Result<void> set_tls(LoadPlan& plan, const TlsOptions& options, std::vector<std::string> names,
                     std::vector<std::string> alpn);

// Of a host and port, by the resolver (which may take its time).
Result<net::Address> resolve(const std::string& host, uint16_t port);

// Connects to each address once (the first 100 of them). The error names the first that cannot be
// reached.
Result<void> probe_addresses(const LoadPlan& plan);

}  // namespace causeway::load
