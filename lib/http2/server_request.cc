// How a request's fields become its head (RFC 9113 section 8.3, RFC 8441).
#include <charconv>

#include "http/target.h"
#include "http2/server_callbacks.h"

namespace causeway::http2 {

bool ServerSession::has_room_for(ServerStream& stream, size_t field_bytes) {
  if (stream.is_beyond_room_) return false;
  if (heads_bytes_ + field_bytes > limits_.heads_bytes_max) {
    stream.is_beyond_room_ = true;
    events_.on_violation(true);
    return false;
  }
  heads_bytes_ += field_bytes;
  stream.kept_head_bytes_ += field_bytes;
  return true;
}

bool ServerSession::take_field(ServerStream& stream, std::string_view name, std::string_view value,
                               bool name_is_static) {
  constexpr size_t field_overhead = 32;  // RFC 9113 section 6.5.2
  const size_t field_bytes = name.size() + value.size() + field_overhead;
  stream.head_bytes_ += field_bytes;
  http::Headers& lines = stream.head_is_complete_ ? stream.trailers_ : stream.head_.headers;
  if (stream.head_bytes_ > limits_.head_bytes_max || lines.size() >= limits_.head_lines_max) {
    // The rest is read, since the table of the whole connection depends on it, and not kept.
    if (stream.head_is_complete_) return false;
    stream.refusal_ = 431;
    return true;
  }
  // Likewise: read and not kept.
  if (!has_room_for(stream, field_bytes)) return !stream.head_is_complete_;
  if (name.starts_with(':')) return take_pseudo_field(stream, name, value);
  Arena& arena = stream.head_arena();
  value = arena.copy(value);
  if (!stream.head_is_complete_) {
    if (name == "cookie") ++stream.cookies_;
    if (name == "content-length") {
      // The library has seen to it that it is a number, and said once.
      std::from_chars(value.data(), value.data() + value.size(), stream.head_.content_length);
      stream.has_content_length_ = true;
    }
    if (name == "trailer") stream.announces_trailers_ = true;
    if (name == "expect" && http::equals_ignoring_case(value, "100-continue"))
      stream.head_.expect_continue = true;
    if (name == "host") {
      if (stream.authority_.empty()) {
        stream.authority_ = value;
      } else {
        // One that names something else is malformed (section 8.3.1).
        if (!http::equals_ignoring_case(value, stream.authority_)) stream.refusal_ = 400;
        return true;
      }
    }
  }
  lines.add(name_is_static ? name : arena.copy(name), value);
  return true;
}

bool ServerSession::take_pseudo_field(ServerStream& stream, std::string_view name,
                                      std::string_view value) {
  Arena& arena = stream.head_arena();
  http::RequestHead& head = stream.head_;
  if (name == ":method") {
    head.method = arena.copy(value);
  } else if (name == ":path") {
    head.target = arena.copy(value);
  } else if (name == ":authority") {
    if (value.empty()) return true;
    stream.authority_ = arena.copy(value);
    head.headers.add("host", stream.authority_);
  } else if (name == ":protocol") {
    stream.protocol_ = arena.copy(value);
  }
  return true;
}

void ServerSession::complete_head(ServerStream& stream) {
  http::RequestHead& head = stream.head_;
  if (stream.is_beyond_room_) return stream.reset(ErrorCode::refused_stream);
  stream.head_is_complete_ = true;
  touch(stream);
  if (stream.refusal_ != 0) return;
  const bool is_connect = head.method == "CONNECT";
  if (is_connect && stream.protocol_.empty()) head.target = stream.authority_;
  // CONNECT has no content (RFC 9110 section 9.3.6), and the library holds nobody to a length told
  // with it: in HTTP/1 whatever comes after would be taken for the next request, or for a part of
  // this one.
  if ((is_connect && stream.has_content_length_) ||
      !http::is_request_target(head.method, head.target) ||
      !http::is_authority(stream.authority_)) {
    stream.refusal_ = 400;
    return;
  }
  if (!stream.protocol_.empty()) {
    stream.is_tunnel_ = true;
    head.method = "GET";
    head.upgrade = true;
    head.headers.add("upgrade", stream.protocol_);
  } else if (!stream.request_is_whole_) {
    // HTTP/1.1 has trailers after chunks only.
    const bool has_length = stream.has_content_length_ && !stream.announces_trailers_;
    if (stream.has_content_length_ && !has_length) head.headers.remove("content-length");
    head.framing = has_length ? http::Framing::length : http::Framing::chunked;
  }
  if (stream.cookies_ > 1) join_cookies(stream);
}

// Cut into crumbs for the table's sake (section 8.2.3); others know only one line.
void ServerSession::join_cookies(ServerStream& stream) {
  http::Headers& headers = stream.head_.headers;
  size_t bytes = 0;
  for (const http::Header& line : headers) {
    if (line.name == "cookie") bytes += line.value.size() + 2;
  }
  const auto room = stream.head_arena().bytes(bytes);
  char* out = room.data();
  for (const http::Header& line : headers) {
    if (line.name != "cookie") continue;
    if (out != room.data()) {
      *out++ = ';';
      *out++ = ' ';
    }
    out += line.value.copy(out, line.value.size());
  }
  headers.set("cookie", {room.data(), static_cast<size_t>(out - room.data())});
}

void ServerSession::complete_request(ServerStream& stream) {
  stream.request_is_whole_ = true;
  touch(stream);
}

}  // namespace causeway::http2
