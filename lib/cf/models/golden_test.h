#pragma once

// Messages held against their bytes. The bytes are written by hand from Diego's field numbers and
// types, not by our encoder. Test code.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "cf/models/models.h"

namespace causeway::cf {

// One field: its bytes, and how it is set.
template <class Message>
struct GoldenField {
  const char* hex;
  std::function<void(Message&)> set;
};

inline std::string to_hex(std::string_view bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes) {
    text += digits[static_cast<unsigned char>(byte) >> 4];
    text += digits[static_cast<unsigned char>(byte) & 15];
  }
  return text;
}

inline std::string from_hex(std::string_view text) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string bytes;
  for (size_t i = 0; i + 1 < text.size(); i += 2)
    bytes += static_cast<char>(digit(text[i]) * 16 + digit(text[i + 1]));
  return bytes;
}

// Each field alone, in the order of their numbers, and all together: written as those bytes, and
// read from them.
template <class Message>
void expect_golden(const std::vector<GoldenField<Message>>& fields) {
  Message all;
  std::string bytes;
  for (const auto& field : fields) {
    Message one;
    field.set(one);
    EXPECT_EQ(to_hex(encode(one)), field.hex);
    field.set(all);
    bytes += field.hex;
  }
  EXPECT_EQ(to_hex(encode(all)), bytes);
  Message read;
  ASSERT_TRUE(decode(from_hex(bytes), read)) << bytes;
  EXPECT_EQ(to_hex(encode(read)), bytes);
}

}  // namespace causeway::cf
