#include "router/tracing/trace_context.h"

namespace causeway::router {
namespace {

constexpr size_t kParentBytes = 55;  // "00-" 32 "-" 16 "-" 2
constexpr size_t kStateBytesMax = 2048;

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool is_of_key(std::string_view entry, std::string_view key) {
  return entry.size() > key.size() && entry.starts_with(key) && entry[key.size()] == '=';
}

// Calls visit(entry) for each entry of each tracestate line.
template <class Visit>
void for_each_entry(const http::Headers& request, Visit visit) {
  for (const http::Header& line : request) {
    if (!http::equals_ignoring_case(line.name, "tracestate")) continue;
    std::string_view rest = line.value;
    while (!rest.empty()) {
      const size_t comma = rest.find(',');
      const std::string_view entry = trimmed(rest.substr(0, comma));
      if (!entry.empty()) visit(entry);
      rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    }
  }
}

}  // namespace

std::optional<TraceParent> parse_traceparent(const http::Headers& request) {
  std::string_view text;
  size_t lines = 0;
  for (const http::Header& line : request) {
    if (!http::equals_ignoring_case(line.name, "traceparent")) continue;
    text = line.value;
    ++lines;
  }
  if (lines != 1 || text.size() < kParentBytes) return std::nullopt;
  const std::string_view version = text.substr(0, 2);
  if (!is_lower_hex(version[0]) || !is_lower_hex(version[1]) || version == "ff")
    return std::nullopt;
  if (version == "00" ? text.size() != kParentBytes
                      : text.size() > kParentBytes && text[kParentBytes] != '-')
    return std::nullopt;
  if (text[2] != '-' || text[35] != '-' || text[52] != '-') return std::nullopt;
  TraceParent parent;
  parent.id = {text.substr(3, kTraceDigits), text.substr(36, kSpanDigits)};
  parent.flags = text.substr(53, 2);
  if (!is_id(parent.id.trace, kTraceDigits, is_lower_hex) ||
      !is_id(parent.id.span, kSpanDigits, is_lower_hex) || !is_lower_hex(parent.flags[0]) ||
      !is_lower_hex(parent.flags[1]))
    return std::nullopt;
  return parent;
}

std::string_view make_traceparent(const TraceId& id, std::string_view flags, Arena& arena) {
  const std::span<char> text = arena.bytes(kParentBytes);
  char* out = text.data();
  for (const std::string_view part : {std::string_view("00-"), id.trace, std::string_view("-"),
                                      id.span, std::string_view("-"), flags})
    out += part.copy(out, part.size());
  return {text.data(), static_cast<size_t>(out - text.data())};
}

std::string_view make_tracestate(const http::Headers* before, std::string_view own_key,
                                 std::string_view span, Arena& arena) {
  size_t bytes = 0;
  if (before != nullptr) {
    for_each_entry(*before, [&](std::string_view entry) { bytes += entry.size() + 1; });
  }
  if (bytes > kStateBytesMax + 1) {
    before = nullptr;
    bytes = 0;
  }
  const std::span<char> text = arena.bytes(own_key.size() + 1 + span.size() + bytes);
  char* out = text.data();
  const auto add = [&out](std::string_view part) { out += part.copy(out, part.size()); };
  add(own_key);
  add("=");
  add(span);
  if (before != nullptr) {
    for_each_entry(*before, [&](std::string_view entry) {
      if (is_of_key(entry, own_key)) return;
      add(",");
      add(entry);
    });
  }
  return {text.data(), static_cast<size_t>(out - text.data())};
}

}  // namespace causeway::router
