#include "http/headers.h"

#include <gtest/gtest.h>

using namespace causeway::http;

namespace {

TEST(Headers, names_compare_without_case) {
  Headers headers;
  headers.add("X-One", "1");
  headers.add("x-one", "2");
  headers.add("Other", "3");
  EXPECT_EQ(headers.get("X-ONE"), "1");
  EXPECT_FALSE(headers.has("X-On"));
  EXPECT_EQ(headers.remove("x-One"), 2u);
  EXPECT_EQ(headers.size(), 1u);
}

TEST(Headers, set_leaves_one_line) {
  Headers headers;
  headers.add("A", "1");
  headers.add("B", "2");
  headers.add("a", "3");
  headers.set("a", "4");
  headers.set("C", "5");
  ASSERT_EQ(headers.size(), 3u);
  EXPECT_EQ(headers[0].value, "4");
  EXPECT_EQ(headers[1].value, "2");
  EXPECT_EQ(headers[2].value, "5");
}

TEST(Headers, tokens_are_found_in_lists_over_several_lines) {
  Headers headers;
  headers.add("Connection", "keep-alive ,  Upgrade");
  headers.add("connection", "x,,y\t");
  EXPECT_TRUE(headers.has_token("Connection", "upgrade"));
  EXPECT_TRUE(headers.has_token("Connection", "y"));
  EXPECT_FALSE(headers.has_token("Connection", "grade"));
  EXPECT_FALSE(has_token("upgraded", "upgrade"));
  EXPECT_FALSE(has_token("", "upgrade"));
}

}  // namespace
