#include "tls/digest.h"

#include <gtest/gtest.h>

namespace causeway::tls {
namespace {

TEST(Digest, knows_the_standards_test_vectors) {
  EXPECT_EQ(hex(sha1("abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(hex(sha1("")), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Digest, gives_the_websocket_accept_key_of_rfc_6455) {
  EXPECT_EQ(base64(sha1("dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11")),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(Base64, goes_both_ways_at_every_padding) {
  for (const std::string_view bytes : {"", "f", "fo", "foo", "foob", "fooba", "foobar"}) {
    const auto back = base64_decode(base64(bytes));
    ASSERT_TRUE(back) << bytes;
    EXPECT_EQ(*back, bytes);
  }
  EXPECT_EQ(base64("fooba"), "Zm9vYmE=");
}

TEST(Base64, refuses_what_is_not_base64) {
  for (const std::string_view text :
       {"Zg", "Zg=", "Z===", "Zm9v\n", "Zm 9v", "Zm9vYm-_", "====", "Zg==Zg=="}) {
    const auto bytes = base64_decode(text);
    ASSERT_FALSE(bytes) << text;
    EXPECT_EQ(bytes.error().fault, Fault::invalid);
  }
}

TEST(EqualSecrets, compares_contents_and_lengths) {
  EXPECT_TRUE(equal_secrets("", ""));
  EXPECT_TRUE(equal_secrets("pass", "pass"));
  EXPECT_FALSE(equal_secrets("pass", "pasS"));
  EXPECT_FALSE(equal_secrets("pass", "passs"));
}

}  // namespace
}  // namespace causeway::tls
