#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "http/headers.h"
#include "router/tracing/trace_id.h"

namespace causeway::router {

// Writes the trace headers of requests, as configured (gorouter.md section 7.1). Owner: a worker's
// workbench. Thread: its worker's.
class Tracer {
 public:
  struct Options {
    bool zipkin = false;
    bool w3c = false;
    std::string tenant_id = {};  // of tracestate
  };
  using Fill = std::function<void(std::span<std::byte>)>;  // random bytes

  Tracer(const Options& options, Fill fill);

  // For requests from now on.
  void use(const Options& options);

  bool is_on() const { return zipkin_ || w3c_; }
  // Edits the header; new texts are in the arena. Answers the request's trace id when it has 32
  // digits, "" otherwise.
  std::string_view trace(http::Headers& request, Arena& arena);

 private:
  void trace_zipkin(http::Headers& request, Arena& arena, TraceId& id);
  void trace_w3c(http::Headers& request, Arena& arena, TraceId& id);
  std::string_view random_digits(size_t digits, Arena& arena);
  void complete(TraceId& id, Arena& arena);

  bool zipkin_ = false;
  bool w3c_ = false;
  std::string state_key_;
  const Fill fill_;
};

}  // namespace causeway::router
