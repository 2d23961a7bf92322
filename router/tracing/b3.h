#pragma once

#include <optional>
#include <string_view>

#include "base/arena.h"
#include "http/headers.h"
#include "router/tracing/trace_id.h"

namespace causeway::router {

// B3 propagation (openzipkin/b3-propagation), both forms of it.

// "TRACE-SPAN", "TRACE-SPAN-SAMPLING" or "TRACE-SPAN-SAMPLING-PARENT"; nothing when it is not that.
// A sampling decision alone names no trace.
std::optional<TraceId> parse_b3(std::string_view single);

// X-B3-TraceId and X-B3-SpanId, when both are valid.
std::optional<TraceId> parse_b3_headers(const http::Headers& request);

// The single form of valid multiple headers, with their sampling state and parent.
std::string_view single_b3(const http::Headers& request, const TraceId& id, Arena& arena);

}  // namespace causeway::router
