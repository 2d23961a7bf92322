#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "bench/load/drive/load_plan.h"
#include "bench/load/http/targets.h"

namespace causeway::load {

struct RequestHeader {
  std::string name, value;
};

// What a run is to do, as asked for.
struct HttpOptions : LoadOptions {
  std::vector<std::string> urls;  // patterns
  std::string targets_file;
  std::string connect;  // host:port to connect to, whatever the URLs say
  std::string method;   // empty: GET, or POST with a body
  std::vector<RequestHeader> headers;
  std::string body;
  bool close_each = false;  // a connection per request
  bool is_http2 = false;    // by prior knowledge, or by ALPN over TLS
  unsigned streams = 1;     // HTTP/2: requests in flight on each connection
};

// The same, worked out. Immutable while workers run; they share it.
struct HttpPlan : LoadPlan {
  static constexpr size_t fields_max = 128;
  struct Request {
    std::string head;                   // HTTP/1.1
    std::vector<RequestHeader> fields;  // HTTP/2
    size_t address = 0;                 // index into addresses
  };
  std::vector<Request> requests;
  std::vector<std::vector<size_t>> requests_of;  // by address: indices into requests
  std::string method;
  std::string body;
  bool close_each = false;
  bool is_http2 = false;
  unsigned streams = 1;
};

// Reads lists, expands patterns, resolves names (which may take the resolver's time), checks what
// can be checked.
Result<HttpPlan> make_http_plan(const HttpOptions& options);

// "Name: value". Fault::invalid when it is none, or would break the request.
Result<RequestHeader> parse_header(std::string_view line);

}  // namespace causeway::load
