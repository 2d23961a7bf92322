#include "base/utf8.h"

#include <gtest/gtest.h>

namespace causeway {
namespace {

TEST(Utf8, well_formed_sequences_have_their_length) {
  EXPECT_EQ(utf8_length("a"), 1u);
  EXPECT_EQ(utf8_length("\xC3\xA9"), 2u);
  EXPECT_EQ(utf8_length("\xE2\x82\xAC"), 3u);
  EXPECT_EQ(utf8_length("\xF0\x9F\x98\x80"), 4u);
  EXPECT_EQ(utf8_length(std::string_view("\0", 1)), 1u);
}

TEST(Utf8, refuses_what_rfc_3629_refuses) {
  for (const std::string_view bad :
       {"", "\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80",
        "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xC3", "\xE2\x82", "\xF0\x9F\x98",
        "\xC3"
        "a",
        "\xE2\x82"
        "a"}) {
    EXPECT_EQ(utf8_length(bad), 0u);
  }
}

TEST(Utf8, finds_the_first_bad_byte_anywhere) {
  EXPECT_EQ(utf8_valid_prefix(""), 0u);
  for (size_t at = 0; at < 40; ++at) {
    std::string text(40, 'x');
    EXPECT_EQ(utf8_valid_prefix(text), 40u);
    text[at] = '\xFF';
    EXPECT_EQ(utf8_valid_prefix(text), at);
  }
  EXPECT_EQ(utf8_valid_prefix("1234567\xC3\xA9"), 9u);
}

TEST(Utf8, replaces_each_bad_byte) {
  EXPECT_EQ(utf8_sanitized("a\xFF\xFE"
                           "b"),
            "a\xEF\xBF\xBD\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(utf8_sanitized("caf\xC3\xA9"), "caf\xC3\xA9");
  EXPECT_EQ(utf8_sanitized("caf\xC3"), "caf\xEF\xBF\xBD");
}

}  // namespace
}  // namespace causeway
