#include "router/tracing/b3.h"

namespace causeway::router {
namespace {

bool is_b3_trace(std::string_view text) {
  return is_id(text, kTraceDigits, is_hex) || is_id(text, kTraceDigits / 2, is_hex);
}
bool is_b3_span(std::string_view text) { return is_id(text, kSpanDigits, is_hex); }

// "0", "1" or "d"; "" when nothing was decided.
std::string_view sampling_state(const http::Headers& request) {
  if (request.get("x-b3-flags") == "1") return "d";
  const std::string_view sampled = request.get("x-b3-sampled");
  if (sampled == "1" || http::equals_ignoring_case(sampled, "true")) return "1";
  if (sampled == "0" || http::equals_ignoring_case(sampled, "false")) return "0";
  return {};
}

std::string_view take_part(std::string_view& rest) {
  const size_t dash = rest.find('-');
  const std::string_view part = rest.substr(0, dash);
  rest = dash == std::string_view::npos ? std::string_view() : rest.substr(dash + 1);
  return part;
}

}  // namespace

std::optional<TraceId> parse_b3(std::string_view single) {
  if (single.empty() || single.back() == '-') return std::nullopt;
  TraceId id;
  id.trace = take_part(single);
  id.span = take_part(single);
  if (!is_b3_trace(id.trace) || !is_b3_span(id.span)) return std::nullopt;
  if (single.empty()) return id;
  const std::string_view sampling = take_part(single);
  if (sampling != "0" && sampling != "1" && sampling != "d") return std::nullopt;
  if (!single.empty() && !is_b3_span(single)) return std::nullopt;
  return id;
}

std::optional<TraceId> parse_b3_headers(const http::Headers& request) {
  const TraceId id{request.get("x-b3-traceid"), request.get("x-b3-spanid")};
  if (!is_b3_trace(id.trace) || !is_b3_span(id.span)) return std::nullopt;
  return id;
}

std::string_view single_b3(const http::Headers& request, const TraceId& id, Arena& arena) {
  const std::string_view sampling = sampling_state(request);
  const std::string_view parent = request.get("x-b3-parentspanid");
  const std::span<char> text =
      arena.bytes(id.trace.size() + id.span.size() + sampling.size() + kSpanDigits + 3);
  char* out = text.data();
  const auto add = [&out](std::string_view part) { out += part.copy(out, part.size()); };
  add(id.trace);
  add("-");
  add(id.span);
  if (!sampling.empty()) {
    add("-");
    add(sampling);
    if (is_b3_span(parent)) {
      add("-");
      add(parent);
    }
  }
  return {text.data(), static_cast<size_t>(out - text.data())};
}

}  // namespace causeway::router
