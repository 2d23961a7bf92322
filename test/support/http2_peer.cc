#include "test/support/http2_peer.h"

#include <algorithm>

#include <nghttp2/nghttp2.h>

namespace causeway::test {
namespace {

constexpr std::string_view client_preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr size_t frame_head_bytes = 9;
constexpr uint8_t padded = 8;
constexpr uint8_t with_priority = 0x20;

void append_number(std::string& out, uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i) & 0xff);
}

uint32_t number(std::string_view bytes) {
  uint32_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<uint8_t>(c);
  return value;
}

// An integer with a prefix of 7 bits, then the bytes (RFC 7541 section 5).
void append_text(std::string& out, std::string_view text) {
  size_t rest = text.size();
  if (rest < 127) {
    out += static_cast<char>(rest);
  } else {
    out += static_cast<char>(127);
    for (rest -= 127; rest >= 128; rest /= 128) out += static_cast<char>(rest % 128 + 128);
    out += static_cast<char>(rest);
  }
  out += text;
}

}  // namespace

std::string h2_bytes(const H2Frame& frame) {
  std::string out;
  append_number(out, frame.payload.size(), 3);
  out += static_cast<char>(frame.type);
  out += static_cast<char>(frame.flags);
  append_number(out, frame.stream, 4);
  return out + frame.payload;
}

std::string h2_block(const H2Fields& fields) {
  std::string out;
  for (const auto& [name, value] : fields) {
    out += '\0';  // literal, not indexed, new name
    append_text(out, name);
    append_text(out, value);
  }
  return out;
}

std::string h2_setting(uint16_t id, uint32_t value) {
  std::string out;
  append_number(out, id, 2);
  append_number(out, value, 4);
  return out;
}

std::string h2_u32(uint32_t value) {
  std::string out;
  append_number(out, value, 4);
  return out;
}

struct Http2Peer::Inflater {
  Inflater() { nghttp2_hd_inflate_new(&inflater); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() { nghttp2_hd_inflate_del(inflater); }
  nghttp2_hd_inflater* inflater = nullptr;
};

Http2Peer::Http2Peer(RawSocket& socket)
    : socket_(socket), inflater_(std::make_unique<Inflater>()) {}
Http2Peer::~Http2Peer() = default;

bool Http2Peer::greet(const std::string& settings) {
  if (socket_.receive_exactly(client_preface.size()) != client_preface) return false;
  return send({.type = H2Type::settings, .payload = settings});
}

bool Http2Peer::call(const std::string& settings) {
  return send_bytes(client_preface) && send({.type = H2Type::settings, .payload = settings});
}

std::optional<H2Frame> Http2Peer::read_frame() {
  const std::string head = socket_.receive_exactly(frame_head_bytes);
  if (head.size() < frame_head_bytes) return std::nullopt;
  const uint32_t size = number(std::string_view(head).substr(0, 3));
  H2Frame frame{.type = static_cast<H2Type>(head[3]),
                .flags = static_cast<uint8_t>(head[4]),
                .stream = number(std::string_view(head).substr(5)) & 0x7fffffff};
  frame.payload = socket_.receive_exactly(size);
  if (frame.payload.size() < size) return std::nullopt;
  if (frame.type == H2Type::window_update) windows_[frame.stream] += number(frame.payload);
  if (frame.type == H2Type::settings && (frame.flags & h2_ack) == 0) {
    constexpr uint32_t initial_window_size = 4;
    for (size_t at = 0; at + 6 <= frame.payload.size(); at += 6) {
      const std::string_view entry = std::string_view(frame.payload).substr(at, 6);
      if (number(entry.substr(0, 2)) == initial_window_size)
        initial_window_ = number(entry.substr(2));
    }
    send({.type = H2Type::settings, .flags = h2_ack});
  }
  return frame;
}

std::optional<H2Frame> Http2Peer::next() {
  while (auto frame = read_frame()) {
    if (frame->type != H2Type::settings && frame->type != H2Type::window_update) return frame;
  }
  return std::nullopt;
}

int64_t Http2Peer::window_of(uint32_t stream) {
  constexpr int64_t connection_window = 65'535;
  return std::min(connection_window + windows_[0], initial_window_ + windows_[stream]);
}

bool Http2Peer::send_body(uint32_t stream, std::string_view bytes, bool ends) {
  constexpr size_t frame_bytes_max = 16'384;
  do {
    while (!bytes.empty() && window_of(stream) <= 0) {
      const auto frame = read_frame();
      if (!frame || (frame->type == H2Type::rst_stream && frame->stream == stream)) return false;
    }
    size_t size = std::min(bytes.size(), frame_bytes_max);
    if (size > 0) size = std::min(size, static_cast<size_t>(window_of(stream)));
    if (!send_data(stream, bytes.substr(0, size), ends && size == bytes.size())) return false;
    windows_[0] -= static_cast<int64_t>(size);
    windows_[stream] -= static_cast<int64_t>(size);
    bytes.remove_prefix(size);
  } while (!bytes.empty());
  return true;
}

std::optional<H2Frame> Http2Peer::next(H2Type type) {
  while (auto frame = next()) {
    if (frame->type == type) return frame;
  }
  return std::nullopt;
}

H2Fields Http2Peer::decode(const std::string& block) {
  H2Fields fields;
  auto* at = reinterpret_cast<const uint8_t*>(block.data());
  size_t left = block.size();
  while (true) {
    nghttp2_nv field;
    int flags = 0;
    const ssize_t used = nghttp2_hd_inflate_hd2(inflater_->inflater, &field, &flags, at, left, 1);
    if (used < 0) return fields;
    at += used;
    left -= static_cast<size_t>(used);
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0)
      fields.emplace_back(std::string(reinterpret_cast<char*>(field.name), field.namelen),
                          std::string(reinterpret_cast<char*>(field.value), field.valuelen));
    if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
  }
  nghttp2_hd_inflate_end_headers(inflater_->inflater);
  return fields;
}

std::string Http2Peer::Request::field(std::string_view name) const {
  for (const auto& [each, value] : fields) {
    if (each == name) return value;
  }
  return {};
}

Http2Peer::Request Http2Peer::next_head() {
  Request request;
  auto frame = next(H2Type::headers);
  if (!frame) return request;
  std::string block = frame->payload;
  if ((frame->flags & with_priority) != 0) block.erase(0, 5);
  const bool ends = (frame->flags & h2_end_stream) != 0;
  const uint32_t stream = frame->stream;
  while (frame && (frame->flags & h2_end_headers) == 0) {
    frame = next();
    if (frame) block += frame->payload;
  }
  request.stream = stream;
  request.fields = decode(block);
  request.is_whole = ends;
  return request;
}

void Http2Peer::read_rest(Request& request) {
  while (!request.is_whole) {
    const auto frame = next();
    if (!frame) return;
    if (frame->stream != request.stream) continue;
    if (frame->type == H2Type::rst_stream) return;
    if (frame->type == H2Type::data && (frame->flags & padded) == 0) {
      request.body += frame->payload;
      // Both windows stay open.
      if (!frame->payload.empty()) {
        const std::string more = h2_u32(static_cast<uint32_t>(frame->payload.size()));
        send({.type = H2Type::window_update, .payload = more});
        send({.type = H2Type::window_update, .stream = request.stream, .payload = more});
      }
    }
    if (frame->type == H2Type::headers) request.trailers = decode(frame->payload);
    if ((frame->flags & h2_end_stream) != 0) request.is_whole = true;
  }
}

Http2Peer::Request Http2Peer::next_request() {
  Request request = next_head();
  if (request.stream != 0) read_rest(request);
  return request;
}

bool Http2Peer::send_head(uint32_t stream, const H2Fields& fields, bool ends) {
  return send({.type = H2Type::headers,
               .flags = static_cast<uint8_t>(h2_end_headers | (ends ? h2_end_stream : 0)),
               .stream = stream,
               .payload = h2_block(fields)});
}

bool Http2Peer::send_data(uint32_t stream, std::string_view bytes, bool ends) {
  return send({.type = H2Type::data,
               .flags = ends ? h2_end_stream : uint8_t{0},
               .stream = stream,
               .payload = std::string(bytes)});
}

bool Http2Peer::reset(uint32_t stream, uint32_t code) {
  return send({.type = H2Type::rst_stream, .stream = stream, .payload = h2_u32(code)});
}

bool Http2Peer::goaway(uint32_t last_stream, uint32_t code) {
  return send({.type = H2Type::goaway, .payload = h2_u32(last_stream) + h2_u32(code)});
}

bool Http2Peer::answer(uint32_t stream, std::string_view body) {
  return send_head(stream, {{":status", "200"}}) && send_body(stream, body);
}

}  // namespace causeway::test
