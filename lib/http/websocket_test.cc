#include "http/websocket.h"

#include <gtest/gtest.h>

namespace causeway::http {
namespace {

TEST(WebSocketFrame, heads_of_every_length_form_round_trip) {
  for (const uint64_t bytes : {0ULL, 125ULL, 126ULL, 65535ULL, 65536ULL, 1ULL << 40}) {
    std::string wire;
    append_frame_head(wire, Opcode::binary, bytes);
    const auto head = parse_frame_head(wire);
    ASSERT_TRUE(head && head->has_value()) << bytes;
    EXPECT_EQ((*head)->payload_bytes, bytes);
    EXPECT_EQ((*head)->head_bytes, wire.size());
    EXPECT_TRUE((*head)->final);
    for (size_t cut = 0; cut < wire.size(); ++cut) {
      const auto part = parse_frame_head(std::string_view(wire).substr(0, cut));
      ASSERT_TRUE(part);
      EXPECT_FALSE(part->has_value());
    }
  }
}

TEST(WebSocketFrame, masked_text_of_the_rfc) {
  // RFC 6455 section 5.7: a single-frame masked text message "Hello".
  std::string wire("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 11);
  const auto head = parse_frame_head(wire);
  ASSERT_TRUE(head && head->has_value());
  EXPECT_TRUE((*head)->masked);
  std::string payload = wire.substr((*head)->head_bytes);
  apply_mask(payload, (*head)->mask, 0);
  EXPECT_EQ(payload, "Hello");
}

TEST(WebSocketFrame, close_frame_carries_its_code) {
  std::string wire;
  append_close_frame(wire, 1001);
  EXPECT_EQ(wire, std::string("\x88\x02\x03\xe9", 4));
}

TEST(WebSocketFrame, broken_heads_are_protocol_errors) {
  EXPECT_FALSE(parse_frame_head(std::string("\xc1\x00", 2)));          // reserved bit
  EXPECT_FALSE(parse_frame_head(std::string("\x83\x00", 2)));          // unknown opcode
  EXPECT_FALSE(parse_frame_head(std::string("\x09\x00", 2)));          // fragmented ping
  EXPECT_FALSE(parse_frame_head(std::string("\x88\x7e\x00\x80", 4)));  // long close
  EXPECT_FALSE(
      parse_frame_head(std::string("\x82\x7f\xff\0\0\0\0\0\0\0", 10)));  // length of 2^63 and more
}

TEST(WebSocketFrame, frames_are_followed_however_the_bytes_are_cut) {
  std::string text;
  append_frame_head(text, Opcode::text, 5);
  text += "hello";
  append_frame_head(text, Opcode::binary, 300);
  text += std::string(300, 'b');
  append_frame_head(text, Opcode::ping, 0);
  append_frame_head(text, Opcode::binary, 70'000);
  text += std::string(70'000, 'B');
  const size_t before_close = text.size();
  append_masked_close_frame(text, 1001, 0x01020304);
  for (const size_t step : {size_t{1}, size_t{7}, size_t{4096}, text.size()}) {
    FrameTracker frames;
    size_t ends = 0;
    for (size_t at = 0; at < text.size();) {
      EXPECT_EQ(frames.has_closed(), false);
      at += frames.to_frame_end(std::string_view(text).substr(at, step));
      if (frames.is_between_frames()) ++ends;
      EXPECT_TRUE(at != before_close || frames.is_between_frames());
    }
    EXPECT_EQ(ends, 5u) << step;
    EXPECT_TRUE(frames.has_closed());
  }
}

TEST(WebSocketFrame, a_masked_close_frame_says_its_code) {
  std::string text;
  append_masked_close_frame(text, 1001, 0xa1b2c3d4);
  const auto head = parse_frame_head(text);
  ASSERT_TRUE(head && *head);
  EXPECT_TRUE((*head)->masked);
  EXPECT_EQ((*head)->opcode, Opcode::close);
  ASSERT_EQ(text.size(), 8u);
  apply_mask(std::span(text).subspan(6), (*head)->mask, 0);
  EXPECT_EQ(text.substr(6), "\x03\xe9");
}

}  // namespace
}  // namespace causeway::http
