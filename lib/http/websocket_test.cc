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

}  // namespace
}  // namespace causeway::http
