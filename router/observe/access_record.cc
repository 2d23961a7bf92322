#include "router/observe/access_record.h"

#include <charconv>
#include <cstring>
#include <ctime>

#include "base/utf8.h"
#include "tls/digest.h"

namespace causeway::router {
namespace {

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

// Six decimals, "-" when unknown.
void append_seconds(std::string& out, double seconds) {
  if (seconds < 0) {
    out.push_back('-');
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

void append_request_line(std::string& out, const AccessRecord& record, RedactQuery redact) {
  thread_local std::string line;
  line.assign(record.method).push_back(' ');
  const size_t query = record.target.find('?');
  if (redact == RedactQuery::none || query == std::string_view::npos || record.method != "GET") {
    line.append(record.target);
  } else {
    line.append(record.target.substr(0, query));
    if (redact == RedactQuery::hash)
      line.append("?hash=").append(tls::hex(tls::sha1(record.target.substr(query + 1))));
  }
  line.append(record.http10 ? " HTTP/1.0" : " HTTP/1.1");
  append_quoted(out, line);
}

void append_extra_field(std::string& out, const AccessRecord& record, std::string_view name) {
  out.push_back(' ');
  out.append(name).push_back(':');
  if (name == "failed_attempts") return append_number(out, record.failed_attempts);
  if (name == "local_address") return append_quoted_or_dash(out, record.local_address);
  if (name == "backend_time") return append_seconds(out, record.backend_seconds);
  if (name == "dial_time") return append_seconds(out, record.dial_seconds);
  if (name == "dns_time") return append_seconds(out, record.dns_seconds);
  if (name == "failed_attempts_time") return append_seconds(out, record.failed_attempts_seconds);
  append_seconds(out, AccessRecord::unknown);  // tls_time
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

}  // namespace

void append_quoted(std::string& out, std::string_view text) {
  out.push_back('"');
  while (!text.empty()) {
    size_t plain = 0;
    while (plain < text.size() && is_plain(text[plain])) ++plain;
    out.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    const auto c = static_cast<unsigned char>(text[0]);
    const size_t length = c >= 0x80 ? utf8_length(text) : 0;
    if (length > 0) {
      out.append(text.substr(0, length));
      text.remove_prefix(length);
    } else {
      append_escape(out, c);
      text.remove_prefix(1);
    }
  }
  out.push_back('"');
}

bool is_extra_access_log_field(std::string_view name) noexcept {
  for (const std::string_view known : {"backend_time", "dial_time", "dns_time", "failed_attempts",
                                       "failed_attempts_time", "local_address", "tls_time"}) {
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
    out.push_back('-');
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
