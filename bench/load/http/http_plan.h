#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "bench/load/http/targets.h"
#include "bench/load/measure/rate.h"
#include "net/address.h"

namespace causeway::load {

struct RequestHeader {
  std::string name, value;
};

// What a run is to do, as asked for.
struct HttpOptions {
  std::vector<std::string> urls;  // patterns
  std::string targets_file;
  std::string connect;  // host:port to connect to, whatever the URLs say
  std::string rate;     // empty: closed loop
  Spacing spacing = Spacing::constant;
  uint64_t seed = 1;
  unsigned connections = 64;
  unsigned threads = 1;
  Duration duration = std::chrono::seconds(10);
  Duration warm_up = std::chrono::seconds(0);
  Duration timeout = std::chrono::seconds(5);
  std::string method;  // empty: GET, or POST with a body
  std::vector<RequestHeader> headers;
  std::string body;
  bool close_each = false;  // a connection per request
  int digits = 3;
};

// The same, worked out. Immutable while workers run; they share it.
struct HttpPlan {
  struct Request {
    std::string head;
    size_t address = 0;  // index into addresses
  };
  std::vector<net::Address> addresses;
  std::vector<Request> requests;
  std::vector<std::vector<size_t>> requests_of;  // by address: indices into requests
  std::string method;
  std::string body;
  bool close_each = false;
  std::optional<RateProfile> profile;  // absent: closed loop
  Spacing spacing = Spacing::constant;
  uint64_t seed = 1;
  unsigned connections = 1;
  unsigned threads = 1;
  Duration warm_up{};
  Duration duration{};
  Duration timeout{};
  int digits = 3;
  Duration interval{};
  size_t interval_count = 0;
};

// Reads lists, expands patterns, resolves names (which may take the resolver's time), checks what
// can be checked.
Result<HttpPlan> make_http_plan(const HttpOptions& options);

// "Name: value". Fault::invalid when it is none, or would break the request.
Result<RequestHeader> parse_header(std::string_view line);

// Connects to each address once (the first 100 of them). The error names the first that cannot be
// reached.
Result<void> probe_addresses(const HttpPlan& plan);

}  // namespace causeway::load
