#include "router/observe/access_record.h"

#include <charconv>
#include <cstring>
#include <ctime>

#include "base/utf8.h"
#include "tls/digest.h"

namespace causeway::router {
namespace {

constexpr std::string_view kDash = "\"-\"";

void append_number(std::string& out, uint64_t value) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

void append_padded(std::string& out, uint64_t value, size_t width) {
  char digits[24];
  const auto size =
      static_cast<size_t>(std::to_chars(digits, digits + sizeof digits, value).ptr - digits);
  if (size < width) out.append(width - size, '0');
  out.append(digits, size);
}

// "2006-01-02T15:04:05.000000000Z". The part down to the second is kept from line to line.
void append_time(std::string& out, int64_t unix_ns) {
  thread_local int64_t second_kept = -1;
  thread_local char text[24];
  const int64_t second = unix_ns / 1'000'000'000;
  if (second != second_kept) {
    const auto time = static_cast<std::time_t>(second);
    std::tm parts{};
    ::gmtime_r(&time, &parts);
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    second_kept = second;
  }
  out.append(text).push_back('.');
  append_padded(out, static_cast<uint64_t>(unix_ns % 1'000'000'000), 9);
  out.push_back('Z');
}

// Six decimals, "-" in its quotes when unknown.
void append_seconds(std::string& out, double seconds) {
  if (seconds < 0) {
    out.append(kDash);
    return;
  }
  const auto micros = static_cast<uint64_t>(seconds * 1e6 + 0.5);
  append_number(out, micros / 1'000'000);
  out.push_back('.');
  append_padded(out, micros % 1'000'000, 6);
}

void append_quoted_or_dash(std::string& out, std::string_view text) {
  append_quoted(out, text.empty() ? std::string_view("-") : text);
}

void append_named(std::string& out, std::string_view name, std::string_view text) {
  out.append(name);
  append_quoted_or_dash(out, text);
}

bool is_plain(char c) noexcept { return c >= ' ' && c < 0x7f && c != '"' && c != '\\'; }

// Nearly all texts are. Looks at all of it, eight bytes at a time, rather than for the first that
// is not.
bool is_all_plain(std::string_view text) noexcept {
  constexpr uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;
  const auto has_zero = [](uint64_t word) { return (word - ones) & ~word; };
  uint64_t odd = 0;  // the high bit of some byte is set when there is one that is not plain
  for (; text.size() >= sizeof odd; text.remove_prefix(sizeof odd)) {
    uint64_t word = 0;
    std::memcpy(&word, text.data(), sizeof word);
    const uint64_t controls = (word - ones * 0x20) & ~word;
    odd |= word | controls | has_zero(word ^ ones * '"') | has_zero(word ^ ones * '\\') |
           has_zero(word ^ ones * 0x7f);
  }
  bool is_plain_so_far = (odd & highs) == 0;
  for (const char c : text) is_plain_so_far = is_plain_so_far && is_plain(c);
  return is_plain_so_far;
}

void append_escape(std::string& out, unsigned char c) {
  static constexpr char hex[] = "0123456789abcdef";
  switch (c) {
    case '"':
      out.append("\\\"");
      return;
    case '\\':
      out.append("\\\\");
      return;
    case '\a':
      out.append("\\a");
      return;
    case '\b':
      out.append("\\b");
      return;
    case '\f':
      out.append("\\f");
      return;
    case '\n':
      out.append("\\n");
      return;
    case '\r':
      out.append("\\r");
      return;
    case '\t':
      out.append("\\t");
      return;
    case '\v':
      out.append("\\v");
      return;
    default:
      out.append("\\x");
      out.push_back(hex[c >> 4]);
      out.push_back(hex[c & 15]);
  }
}

// Of an absolute-form target the path and query only.
std::string_view request_uri(std::string_view target) {
  if (target.empty() || target.front() == '/') return target;
  const size_t scheme = target.find("://");
  if (scheme == std::string_view::npos) return target;
  const size_t path = target.find_first_of("/?", scheme + 3);
  return path == std::string_view::npos ? std::string_view("/") : target.substr(path);
}

void append_request_line(std::string& out, const AccessRecord& record, RedactQuery redact) {
  thread_local std::string line;
  line.assign(record.method).push_back(' ');
  const std::string_view uri = request_uri(record.target);
  const size_t query = redact == RedactQuery::none ? std::string_view::npos : uri.find('?');
  if (query >= uri.size() - 1 || record.method != "GET") {
    line.append(uri);
  } else {
    line.append(uri.substr(0, query));
    if (redact == RedactQuery::hash)
      line.append("?hash=").append(tls::hex(tls::sha1(uri.substr(query + 1))));
  }
  line.append(record.http2 ? " HTTP/2.0" : record.http10 ? " HTTP/1.0" : " HTTP/1.1");
  append_quoted(out, line);
}

void append_extra_field(std::string& out, const AccessRecord& record, std::string_view name) {
  out.push_back(' ');
  out.append(name).push_back(':');
  if (name == "failed_attempts") return append_number(out, record.failed_attempts);
  if (name == "tls_sni") return append_quoted_or_dash(out, record.tls_sni);
  if (name == "local_address") return append_quoted_or_dash(out, record.local_address);
  if (name == "backend_time") return append_seconds(out, record.backend_seconds);
  if (name == "dial_time") return append_seconds(out, record.dial_seconds);
  if (name == "dns_time") return append_seconds(out, record.dns_seconds);
  if (name == "failed_attempts_time") return append_seconds(out, record.failed_attempts_seconds);
  append_seconds(out, record.tls_seconds);
}

// "X-My-Header" -> ` x_my_header:"value"`
void append_extra_header(std::string& out, std::string_view name, std::string_view value) {
  out.push_back(' ');
  for (const char c : name) {
    out.push_back(c == '-' ? '_' : c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c);
  }
  out.push_back(':');
  append_quoted_or_dash(out, value);
}

// Go calls these characters printable or not; of the latter, the ranges that are met in practice:
// controls, blanks other than U+0020, marks of direction and format, private use.
bool is_printable(uint32_t c) noexcept {
  struct Range {
    uint32_t first, last;
  };
  static constexpr Range hidden[] = {
      {0x80, 0xA0},     {0xAD, 0xAD},     {0x61C, 0x61C},     {0x1680, 0x1680},
      {0x180E, 0x180E}, {0x2000, 0x200F}, {0x2028, 0x202F},   {0x205F, 0x206F},
      {0x3000, 0x3000}, {0xE000, 0xF8FF}, {0xFDD0, 0xFDEF},   {0xFEFF, 0xFEFF},
      {0xFFF0, 0xFFFB}, {0xFFFE, 0xFFFF}, {0xE0000, 0xE00FF}, {0xE01F0, 0x10FFFF}};
  for (const Range& range : hidden) {
    if (c < range.first) return true;
    if (c <= range.last) return false;
  }
  return true;
}

// The character that a well-formed sequence of `length` (2 to 4) bytes stands for.
uint32_t code_point(std::string_view text, size_t length) noexcept {
  uint32_t code = static_cast<unsigned char>(text[0]) & (0xFFu >> (length + 1));
  for (size_t i = 1; i < length; ++i)
    code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3Fu);
  return code;
}

void append_code_point_escape(std::string& out, uint32_t code) {
  static constexpr char hex[] = "0123456789abcdef";
  const int digits = code > 0xFFFF ? 8 : 4;
  out.append(digits == 8 ? "\\U" : "\\u");
  for (int i = digits - 1; i >= 0; --i) out.push_back(hex[code >> (4 * i) & 15]);
}

}  // namespace

void append_quoted(std::string& out, std::string_view text) {
  out.push_back('"');
  if (is_all_plain(text)) {
    out.append(text).push_back('"');
    return;
  }
  while (!text.empty()) {
    size_t plain = 0;
    while (plain < text.size() && is_plain(text[plain])) ++plain;
    out.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    const auto c = static_cast<unsigned char>(text[0]);
    const size_t length = c >= 0x80 ? utf8_length(text) : 0;
    if (length > 0) {
      const uint32_t code = code_point(text, length);
      if (is_printable(code)) {
        out.append(text.substr(0, length));
      } else {
        append_code_point_escape(out, code);
      }
      text.remove_prefix(length);
    } else {
      append_escape(out, c);
      text.remove_prefix(1);
    }
  }
  out.push_back('"');
}

bool is_extra_access_log_field(std::string_view name) noexcept {
  for (const std::string_view known :
       {"backend_time", "dial_time", "dns_time", "failed_attempts", "failed_attempts_time",
        "local_address", "tls_sni", "tls_time"}) {
    if (name == known) return true;
  }
  return false;
}

void append_access_line(std::string& out, const AccessRecord& record, const Settings& settings,
                        const http::Headers* request) {
  out.append(record.host.empty() ? std::string_view("-") : record.host).append(" - [");
  append_time(out, record.started_unix_ns);
  out.append("] ");
  append_request_line(out, record, settings.redact_query_params);
  out.push_back(' ');
  if (record.status == 0) {
    out.append(kDash);
  } else {
    append_number(out, record.status);
  }
  out.push_back(' ');
  append_number(out, record.received_bytes);
  out.push_back(' ');
  append_number(out, record.sent_bytes);
  append_named(out, " ", record.referer);
  append_named(out, " ", record.user_agent);
  append_named(out, " ", settings.disable_log_source_ip ? std::string_view() : record.client);
  append_named(out, " ", record.backend);
  append_named(out, " x_forwarded_for:",
               settings.disable_log_forwarded_for ? std::string_view() : record.forwarded_for);
  append_named(out, " x_forwarded_proto:", record.forwarded_proto);
  append_named(out, " vcap_request_id:", record.request_id);
  out.append(" response_time:");
  append_seconds(out, record.response_seconds);
  out.append(" gorouter_time:");
  append_seconds(out, record.gorouter_seconds);
  append_named(out, " app_id:", record.app_id);
  append_named(out, " app_index:", record.app_index);
  append_named(out, " instance_id:", record.instance_id);
  for (const std::string& name : settings.extra_access_log_fields)
    append_extra_field(out, record, name);
  append_named(out, " x_cf_routererror:", record.router_error);
  for (const std::string& name : settings.extra_headers_to_log) {
    append_extra_header(out, name, request == nullptr ? std::string_view() : request->get(name));
  }
  out.push_back('\n');
}

}  // namespace causeway::router
