#include "router/tracing/tracer.h"

#include <array>
#include <utility>

#include "router/tracing/b3.h"
#include "router/tracing/trace_context.h"

namespace causeway::router {

Tracer::Tracer(const Options& options, Fill fill) : fill_(std::move(fill)) { use(options); }

void Tracer::use(const Options& options) {
  zipkin_ = options.zipkin;
  w3c_ = options.w3c;
  state_key_ = options.tenant_id.empty() ? "gorouter" : options.tenant_id + "@gorouter";
}

std::string_view Tracer::trace(http::Headers& request, Arena& arena) {
  TraceId id;
  if (zipkin_) trace_zipkin(request, arena, id);
  if (w3c_) trace_w3c(request, arena, id);
  return id.trace.size() == kTraceDigits ? id.trace : std::string_view();
}

std::string_view Tracer::random_digits(size_t digits, Arena& arena) {
  static constexpr char hex[] = "0123456789abcdef";
  std::array<std::byte, kTraceDigits / 2> bytes;
  fill_(std::span(bytes).first(digits / 2));
  bytes[0] |= std::byte{1};  // never all zeros
  const std::span<char> text = arena.bytes(digits);
  for (size_t i = 0; i < digits / 2; ++i) {
    text[2 * i] = hex[std::to_integer<unsigned>(bytes[i]) >> 4];
    text[2 * i + 1] = hex[std::to_integer<unsigned>(bytes[i]) & 15];
  }
  return {text.data(), text.size()};
}

// What no header said is made anew.
void Tracer::complete(TraceId& id, Arena& arena) {
  if (id.trace.size() != kTraceDigits) id = {random_digits(kTraceDigits, arena), {}};
  if (id.span.empty()) id.span = random_digits(kSpanDigits, arena);
}

void Tracer::trace_zipkin(http::Headers& request, Arena& arena, TraceId& id) {
  if (const auto single = parse_b3(request.get("b3"))) {
    id = *single;
    return;
  }
  if (const auto several = parse_b3_headers(request)) {
    id = *several;
    request.set("b3", single_b3(request, id, arena));
    return;
  }
  complete(id, arena);
  request.set("X-B3-TraceId", id.trace);
  request.set("X-B3-SpanId", id.span);
  const std::span<char> both = arena.bytes(kTraceDigits + 1 + kSpanDigits);
  id.trace.copy(both.data(), kTraceDigits);
  both[kTraceDigits] = '-';
  id.span.copy(both.data() + kTraceDigits + 1, kSpanDigits);
  request.set("b3", {both.data(), both.size()});
}

void Tracer::trace_w3c(http::Headers& request, Arena& arena, TraceId& id) {
  const auto parent = parse_traceparent(request);
  if (parent) {
    id = {parent->id.trace, random_digits(kSpanDigits, arena)};
    request.set("traceparent", make_traceparent(id, parent->flags, arena));
    request.set("tracestate", make_tracestate(&request, state_key_, id.span, arena));
    return;
  }
  complete(id, arena);
  request.set("traceparent", make_traceparent(id, "01", arena));
  request.set("tracestate", make_tracestate(nullptr, state_key_, id.span, arena));
}

}  // namespace causeway::router
