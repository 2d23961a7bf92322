#include "redis/reply_reader.h"

#include <string>

#include <gtest/gtest.h>

namespace causeway::redis {
namespace {

void expect_all_kinds(const Value& value) {
  ASSERT_EQ(value.kind, Kind::array);
  ASSERT_EQ(value.items.size(), 7u);
  EXPECT_EQ(value.items[0].text, std::string("a\0b", 3));
  EXPECT_EQ(value.items[1].integer, -42);
  EXPECT_TRUE(value.items[2].is_nil());
  EXPECT_EQ(value.items[3].kind, Kind::status);
  EXPECT_EQ(value.items[4].kind, Kind::error);
  EXPECT_EQ(value.items[4].text, "ERR no");
  ASSERT_EQ(value.items[5].items.size(), 2u);
  EXPECT_EQ(value.items[5].items[0].kind, Kind::string);
  EXPECT_EQ(value.items[5].items[1].kind, Kind::array);
  EXPECT_TRUE(value.items[6].is_nil());
}

std::string bytes_of_all_kinds() {
  std::string bytes = "*7\r\n$3\r\n";
  bytes += std::string("a\0b", 3);
  bytes += "\r\n:-42\r\n$-1\r\n+OK\r\n-ERR no\r\n*2\r\n$0\r\n\r\n*0\r\n*-1\r\n";
  return bytes;
}

TEST(ReplyReader, reads_every_kind_in_any_slicing) {
  const std::string bytes = bytes_of_all_kinds();
  for (size_t step = 1; step <= bytes.size(); ++step) {
    ReplyReader reader;
    size_t replies = 0;
    for (size_t at = 0; at < bytes.size(); at += step) {
      reader.feed(std::string_view(bytes).substr(at, step));
      auto reply = reader.next();
      ASSERT_TRUE(reply);
      if (!*reply) continue;
      ++replies;
      expect_all_kinds(**reply);
    }
    EXPECT_EQ(replies, 1u);
  }
}

TEST(ReplyReader, reads_pipelined_replies_one_by_one) {
  ReplyReader reader;
  reader.feed("+a\r\n:1\r\n$1\r\nx\r\n+");
  EXPECT_EQ((*reader.next())->text, "a");
  EXPECT_EQ((*reader.next())->integer, 1);
  EXPECT_EQ((*reader.next())->text, "x");
  EXPECT_FALSE(reader.next()->has_value());
  reader.feed("b\r\n");
  EXPECT_EQ((*reader.next())->text, "b");
}

TEST(ReplyReader, refuses_what_is_not_resp) {
  for (const char* bad :
       {"HTTP/1.1 400 Bad Request\r\n", "$99999999999999999999\r\n", "*2147483647\r\n",
        "*17000000\r\n", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n"}) {
    ReplyReader reader;
    reader.feed(bad);
    const auto reply = reader.next();
    ASSERT_FALSE(reply) << bad;
    EXPECT_EQ(reply.error().fault, Fault::protocol);
    EXPECT_FALSE(reply.error().detail.empty());
  }
}

TEST(ReplyReader, may_end_within_a_reply) {
  ReplyReader reader;
  reader.feed("*3\r\n$3\r\nabc\r\n:1\r\n");
  EXPECT_FALSE(reader.next()->has_value());
}

}  // namespace
}  // namespace causeway::redis
