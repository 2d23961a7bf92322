#include "http/websocket.h"

#include <algorithm>

namespace causeway::http {
namespace {

constexpr uint64_t kControlPayloadMax = 125;

uint8_t byte_at(std::string_view bytes, size_t i) { return static_cast<uint8_t>(bytes[i]); }

bool is_known(uint8_t opcode) { return opcode <= 2 || (opcode >= 8 && opcode <= 10); }

}  // namespace

Result<std::optional<FrameHead>> parse_frame_head(std::string_view bytes) {
  if (bytes.size() < 2) return std::optional<FrameHead>{};
  const uint8_t first = byte_at(bytes, 0);
  const uint8_t second = byte_at(bytes, 1);
  if ((first & 0x70) != 0 || !is_known(first & 0x0f)) {
    return Error{.fault = Fault::protocol, .side = Side::client};
  }
  FrameHead head;
  head.final = (first & 0x80) != 0;
  head.opcode = static_cast<Opcode>(first & 0x0f);
  head.masked = (second & 0x80) != 0;
  head.payload_bytes = second & 0x7f;
  size_t length_bytes = 0;
  if (head.payload_bytes == 126) length_bytes = 2;
  if (head.payload_bytes == 127) length_bytes = 8;
  if ((first & 0x08) != 0 && (!head.final || head.payload_bytes > kControlPayloadMax)) {
    return Error{.fault = Fault::protocol, .side = Side::client};
  }
  head.head_bytes = 2 + length_bytes + (head.masked ? 4 : 0);
  if (bytes.size() < head.head_bytes) return std::optional<FrameHead>{};
  if (length_bytes != 0) {
    head.payload_bytes = 0;
    for (size_t i = 0; i < length_bytes; ++i) {
      head.payload_bytes = head.payload_bytes << 8 | byte_at(bytes, 2 + i);
    }
    if (head.payload_bytes >> 63 != 0) return Error{.fault = Fault::protocol, .side = Side::client};
  }
  if (head.masked) {
    for (size_t i = 0; i < 4; ++i) head.mask[i] = byte_at(bytes, head.head_bytes - 4 + i);
  }
  return std::optional<FrameHead>(head);
}

void append_frame_head(std::string& out, Opcode opcode, uint64_t payload_bytes) {
  out.push_back(static_cast<char>(0x80 | static_cast<uint8_t>(opcode)));
  size_t length_bytes = 0;
  if (payload_bytes < 126) {
    out.push_back(static_cast<char>(payload_bytes));
  } else if (payload_bytes <= 0xffff) {
    out.push_back(126);
    length_bytes = 2;
  } else {
    out.push_back(127);
    length_bytes = 8;
  }
  for (size_t i = length_bytes; i-- > 0;)
    out.push_back(static_cast<char>(payload_bytes >> (8 * i)));
}

void append_close_frame(std::string& out, uint16_t code) {
  append_frame_head(out, Opcode::close, 2);
  out.push_back(static_cast<char>(code >> 8));
  out.push_back(static_cast<char>(code & 0xff));
}

void append_masked_close_frame(std::string& out, uint16_t code, uint32_t mask) {
  const uint8_t key[4] = {static_cast<uint8_t>(mask >> 24), static_cast<uint8_t>(mask >> 16),
                          static_cast<uint8_t>(mask >> 8), static_cast<uint8_t>(mask)};
  const size_t begin = out.size();
  append_close_frame(out, code);
  out[begin + 1] = static_cast<char>(out[begin + 1] | static_cast<char>(0x80));
  out.insert(begin + 2, reinterpret_cast<const char*>(key), sizeof key);
  apply_mask(std::span(out).subspan(begin + 2 + sizeof key), key, 0);
}

size_t FrameTracker::to_frame_end(std::string_view bytes) {
  size_t used = 0;
  while (used < bytes.size()) {
    if (payload_left_ > 0) {
      const uint64_t step = std::min<uint64_t>(payload_left_, bytes.size() - used);
      used += step;
      payload_left_ -= step;
      if (payload_left_ > 0) return used;
      on_frame_end();
      return used;
    }
    head_[head_size_++] = byte_at(bytes, used++);
    if (head_size_ < 2) continue;
    const uint8_t length = head_[1] & 0x7f;
    const size_t length_bytes = length == 127 ? 8 : length == 126 ? 2 : 0;
    if (head_size_ < 2 + length_bytes + ((head_[1] & 0x80) != 0 ? 4 : 0)) continue;
    payload_left_ = length_bytes == 0 ? length : 0;
    for (size_t i = 0; i < length_bytes; ++i) payload_left_ = payload_left_ << 8 | head_[2 + i];
    is_close_ = (head_[0] & 0x0f) == static_cast<uint8_t>(Opcode::close);
    head_size_ = 0;
    if (payload_left_ > 0) continue;
    on_frame_end();
    return used;
  }
  return used;
}

void FrameTracker::on_frame_end() {
  if (is_close_) has_closed_ = true;
}

void apply_mask(std::span<char> payload, const uint8_t (&mask)[4], uint64_t offset) {
  for (size_t i = 0; i < payload.size(); ++i) {
    payload[i] = static_cast<char>(payload[i] ^ static_cast<char>(mask[(offset + i) % 4]));
  }
}

}  // namespace causeway::http
