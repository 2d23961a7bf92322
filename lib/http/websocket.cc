#include "http/websocket.h"

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

void apply_mask(std::span<char> payload, const uint8_t (&mask)[4], uint64_t offset) {
  for (size_t i = 0; i < payload.size(); ++i) {
    payload[i] = static_cast<char>(payload[i] ^ static_cast<char>(mask[(offset + i) % 4]));
  }
}

}  // namespace causeway::http
