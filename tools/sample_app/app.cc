#include "tools/sample_app/app.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace causeway::sample {
namespace {

constexpr uint64_t kSleepMaxMs = 600'000;

std::string environment(const char* name, std::string_view otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? std::string(otherwise) : std::string(value);
}

// A JSON string. The app carries no JSON library: it writes two objects and reads none.
void append_quoted(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out.push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte < 0x20 || byte >= 0x7f) {
      out += "\\u00";
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

void append_member(std::string& out, std::string_view name, std::string_view value) {
  if (out.back() != '{') out.push_back(',');
  append_quoted(out, name);
  out.push_back(':');
  append_quoted(out, value);
}

std::string echo(const Identity& identity, const http::RequestHead& head, std::string_view body) {
  std::string out = "{";
  append_member(out, "app", identity.app);
  append_member(out, "instance", identity.index);
  append_member(out, "method", head.method);
  append_member(out, "target", head.target);
  out += ",\"headers\":[";
  for (const http::Header& header : head.headers) {
    if (out.back() == ']') out.push_back(',');
    out.push_back('[');
    append_quoted(out, header.name);
    out.push_back(',');
    append_quoted(out, header.value);
    out.push_back(']');
  }
  out += "]";
  append_member(out, "body", body);
  return out + "}\n";
}

std::string environment_text() {
  std::string out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    out += *entry;
    out.push_back('\n');
  }
  return out;
}

}  // namespace

Identity identity_from_environment() {
  Identity identity;
  identity.app = environment("APP_NAME", identity.app);
  identity.index = environment("INSTANCE_INDEX", environment("CF_INSTANCE_INDEX", "0"));
  identity.guid = environment("CF_INSTANCE_GUID", "");
  const std::string port = environment("PORT", "8080");
  std::from_chars(port.data(), port.data() + port.size(), identity.port);
  return identity;
}

uint64_t query_number(std::string_view target, std::string_view name, uint64_t otherwise) {
  size_t at = target.find('?');
  while (at != std::string_view::npos) {
    std::string_view rest = target.substr(at + 1);
    at = target.find('&', at + 1);
    if (!rest.starts_with(name)) continue;
    rest.remove_prefix(name.size());
    if (!rest.starts_with('=')) continue;
    rest.remove_prefix(1);
    uint64_t number = 0;
    const auto [end, failure] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (failure == std::errc{} && (end == rest.data() + rest.size() || *end == '&')) return number;
  }
  return otherwise;
}

Answer answer(const Identity& identity, const http::RequestHead& head, std::string_view body,
              uint64_t body_bytes) {
  const std::string_view path = head.target.substr(0, head.target.find('?'));
  Answer result;
  if (path == "/health") {
    result.body = "ok\n";
  } else if (path == "/echo") {
    result.content_type = "application/json";
    result.body = echo(identity, head, body);
  } else if (path == "/env") {
    result.body = environment_text();
  } else if (path == "/bytes") {
    result.content_type = "application/octet-stream";
    result.filler_bytes = query_number(head.target, "n", 0);
  } else if (path == "/count") {
    result.body = std::to_string(body_bytes) + "\n";
  } else if (path == "/sleep") {
    result.delay_ms = std::min(query_number(head.target, "ms", 0), kSleepMaxMs);
    result.body = "slept\n";
  } else if (path == "/exit") {
    result.exit_code = static_cast<int>(query_number(head.target, "code", 0) & 0xff);
    result.body = "ending\n";
  } else if (path == "/") {
    result.body = "Hello from " + identity.app + ", instance " + identity.index + "\n";
  } else {
    result.status = 404;
    result.body =
        "no such page; try / /echo /env /health /bytes?n=N /count /sleep?ms=N /exit?code=N /ws\n";
  }
  return result;
}

}  // namespace causeway::sample
