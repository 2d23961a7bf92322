#include "http/h1_writer.h"

#include <charconv>

namespace causeway::http {
namespace {

std::string_view version_text(Version version) noexcept {
  return version.minor == 0 ? "HTTP/1.0" : "HTTP/1.1";
}

void append_lines(std::string& out, const Headers& headers) {
  for (const Header& line : headers) append_header(out, line.name, line.value);
}

}  // namespace

void append_header(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

void append_request_head(std::string& out, std::string_view method, std::string_view target,
                         Version version, const Headers& headers) {
  out.append(method).append(" ").append(target).append(" ");
  out.append(version_text(version)).append("\r\n");
  append_lines(out, headers);
  out.append("\r\n");
}

void append_status_line(std::string& out, uint16_t status, std::string_view reason,
                        Version version) {
  char code[8];
  const auto end = std::to_chars(code, code + sizeof code, status).ptr;
  out.append(version_text(version)).append(" ");
  out.append(code, static_cast<size_t>(end - code)).append(" ");
  out.append(reason).append("\r\n");
}

void append_reply_head(std::string& out, uint16_t status, std::string_view reason, Version version,
                       const Headers& headers) {
  append_status_line(out, status, reason, version);
  append_lines(out, headers);
  out.append("\r\n");
}

ChunkHead chunk_head(uint64_t bytes) {
  ChunkHead head;
  char* end = std::to_chars(head.bytes, head.bytes + sizeof head.bytes - 2, bytes, 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  head.size = static_cast<uint8_t>(end - head.bytes);
  return head;
}

void append_last_chunk(std::string& out, const Headers& trailers) {
  out.append("0\r\n");
  append_lines(out, trailers);
  out.append("\r\n");
}

}  // namespace causeway::http
