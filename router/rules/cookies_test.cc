#include "router/rules/cookies.h"

#include <string>

#include <gtest/gtest.h>

namespace causeway::router {
namespace {

TEST(CookiesTest, one_is_found_among_others_and_junk) {
  EXPECT_EQ(find_cookie("a=1; b=2", "b"), "2");
  EXPECT_EQ(find_cookie("a=1;b=2", "a"), "1");
  EXPECT_EQ(find_cookie("a=1; a=2", "a"), "1");
  EXPECT_EQ(find_cookie(";;=; ; b = \"2 3\" ;", "b"), "2 3");
  EXPECT_EQ(find_cookie("b=x=y==", "b"), "x=y==");
  EXPECT_EQ(find_cookie("b=", "b"), "");
  EXPECT_EQ(find_cookie("b=\"", "b"), "\"");
}

TEST(CookiesTest, nothing_is_made_up) {
  for (const char* line : {"", "b", "bb=1", "B=1", "a=b=1", "a=\"b=1\"", "  ", "=b", "ab =1"})
    EXPECT_FALSE(find_cookie(line, "b")) << line;
  std::string many;
  for (int i = 0; i < 100'000; ++i) many += "x;";
  EXPECT_FALSE(find_cookie(many, "b"));
}

TEST(CookiesTest, attributes_of_a_cookie_that_is_set) {
  const auto plain = parse_set_cookie("JSESSIONID=abc");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->name, "JSESSIONID");
  EXPECT_FALSE(plain->is_secure || plain->is_partitioned || plain->ends_now);
  EXPECT_EQ(plain->expires, "");
  const auto full = parse_set_cookie(
      "S=1; Path=/; expires=Wed, 21 Oct 2026 07:28:00 GMT; SECURE; HttpOnly; samesite=strict; "
      "Partitioned; Max-Age=0");
  ASSERT_TRUE(full);
  EXPECT_EQ(full->expires, "Wed, 21 Oct 2026 07:28:00 GMT");
  EXPECT_EQ(full->same_site, "Strict");
  EXPECT_TRUE(full->is_secure && full->is_partitioned && full->ends_now);
  EXPECT_TRUE(parse_set_cookie("S=1; Max-Age=-5")->ends_now);
  EXPECT_FALSE(parse_set_cookie("S=1; Max-Age=10")->ends_now);
  EXPECT_FALSE(parse_set_cookie("S=1; Max-Age=")->ends_now);
  EXPECT_EQ(parse_set_cookie("S=1; SameSite=Whatever")->same_site, "");
  EXPECT_FALSE(parse_set_cookie(""));
  EXPECT_FALSE(parse_set_cookie("; Secure"));
  EXPECT_FALSE(parse_set_cookie("=1; Secure"));
}

}  // namespace
}  // namespace causeway::router
