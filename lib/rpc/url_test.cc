#include "rpc/url.h"

#include <gtest/gtest.h>

namespace causeway::rpc {
namespace {

TEST(Url, parts) {
  auto url = parse_url("http://bbs.internal:8889/v1/ping?a=b#top");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->host, "bbs.internal");
  EXPECT_EQ(url->port, 8889);
  EXPECT_EQ(url->authority, "bbs.internal:8889");
  EXPECT_EQ(url->target, "/v1/ping?a=b");

  url = parse_url("HTTP://[::1]:80");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->host, "::1");
  EXPECT_EQ(url->target, "/");

  url = parse_url("http://host?x");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->port, 80);
  EXPECT_EQ(url->target, "/?x");

  url = parse_url("http://[::1]/x");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->port, 80);
}

TEST(Url, refuses_what_it_cannot_call) {
  for (const char* text :
       {"", "host", "ftp://host/", "http://", "http://:80/", "http://host:0/", "http://host:99999/",
        "http://host:x/", "http://user@host/", "http://host/a b", "http://host/\r\nX: y"}) {
    auto url = parse_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().fault, Fault::invalid) << text;
  }
}

TEST(Url, https_has_a_port_of_its_own) {
  auto url = parse_url("HTTPS://host/");
  ASSERT_TRUE(url);
  EXPECT_TRUE(url->is_tls);
  EXPECT_EQ(url->port, 443);
  EXPECT_EQ(parse_url("https://host:8889/")->port, 8889);
  EXPECT_FALSE(parse_url("http://host/")->is_tls);
}

TEST(Url, percent_coding) {
  EXPECT_EQ(percent_decode("a%20b+c%2F"), "a b+c/");
  EXPECT_EQ(percent_decode("a+b", Plus::is_space), "a b");
  for (const char* text : {"%", "%2", "%zz", "%00", "a%"})
    EXPECT_EQ(percent_decode(text), std::nullopt) << text;
  EXPECT_EQ(percent_encode("a/b c~é"), "a%2Fb%20c~%C3%A9");
  EXPECT_EQ(percent_decode(percent_encode("a/b c~é\x01")), "a/b c~é\x01");
}

}  // namespace
}  // namespace causeway::rpc
