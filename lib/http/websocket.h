#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace causeway::http {

// WebSocket frames (RFC 6455 section 5), bytes only. Control frames and close codes that we use
// ourselves are named.
enum class Opcode : uint8_t {
  continuation = 0,
  text = 1,
  binary = 2,
  close = 8,
  ping = 9,
  pong = 10
};

struct FrameHead {
  bool final = true;
  Opcode opcode = Opcode::binary;
  bool masked = false;
  uint8_t mask[4] = {};
  uint64_t payload_bytes = 0;
  size_t head_bytes = 0;  // 2..14, of the head itself
};

// The head at the start of `bytes`; empty while it is incomplete. Fault::protocol for reserved
// bits, unknown opcodes, and control frames that are fragmented or longer than 125 bytes
// (section 5.5).
Result<std::optional<FrameHead>> parse_frame_head(std::string_view bytes);

// Appends the head of an unmasked, final frame, as servers send it.
void append_frame_head(std::string& out, Opcode opcode, uint64_t payload_bytes);

// Appends a whole close frame: 1000 normal, 1001 going away (section 7.4.1). As servers send it,
// and masked, as clients do.
void append_close_frame(std::string& out, uint16_t code);
void append_masked_close_frame(std::string& out, uint16_t code, uint32_t mask);

// Masks or unmasks in place; `offset`: payload bytes of this frame before these.
void apply_mask(std::span<char> payload, const uint8_t (&mask)[4], uint64_t offset);

// Follows the frames of one direction of a WebSocket without keeping or judging their content:
// knows where one frame ends, so that something may be put in there, and whether a close frame has
// passed. Owner: who passes the bytes on.
class FrameTracker {
 public:
  // Goes on to the end of the present frame, or through all `bytes`; answers how many that were.
  size_t to_frame_end(std::string_view bytes);
  void pass(std::string_view bytes) {
    while (!bytes.empty()) bytes.remove_prefix(to_frame_end(bytes));
  }
  bool is_between_frames() const { return head_size_ == 0 && payload_left_ == 0; }
  bool has_closed() const { return has_closed_; }

 private:
  void on_frame_end();

  uint8_t head_[14] = {};
  uint8_t head_size_ = 0;
  bool is_close_ = false;  // the present frame
  bool has_closed_ = false;
  uint64_t payload_left_ = 0;
};

// What a server hashes (SHA-1, base64) to answer Sec-WebSocket-Key (section 4.2.2).
inline constexpr std::string_view kAcceptGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

}  // namespace causeway::http
