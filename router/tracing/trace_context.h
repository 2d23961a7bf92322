#pragma once

#include <optional>
#include <string_view>

#include "base/arena.h"
#include "http/headers.h"
#include "router/tracing/trace_id.h"

namespace causeway::router {

// W3C Trace Context.

struct TraceParent {
  TraceId id;              // the span is the caller's
  std::string_view flags;  // 2 digits
};

// The request's only traceparent line; nothing when there is none, several, or a malformed one. Of
// later versions the part that version 00 knows is read, as the standard wants it.
std::optional<TraceParent> parse_traceparent(const http::Headers& request);

// "00-TRACE-SPAN-FLAGS"
std::string_view make_traceparent(const TraceId& id, std::string_view flags, Arena& arena);

// The entry "OWN_KEY=SPAN" in front of what the request's tracestate lines hold, without an older
// entry of that key. More than 2048 bytes of them are left out altogether.
std::string_view make_tracestate(const http::Headers* before, std::string_view own_key,
                                 std::string_view span, Arena& arena);

}  // namespace causeway::router
