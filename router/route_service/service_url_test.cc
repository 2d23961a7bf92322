#include "router/route_service/service_url.h"

#include <vector>

#include <gtest/gtest.h>

#include "router/route_service/service_hosts.h"

namespace causeway::router {
namespace {

TEST(ServiceUrlTest, is_taken_apart) {
  const auto plain = parse_service_url("https://service.example");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->authority, "service.example");
  EXPECT_EQ(plain->host, "service.example");
  EXPECT_EQ(plain->port, 443);
  EXPECT_EQ(plain->path, "");
  EXPECT_EQ(plain->target, "");
  const auto whole = parse_service_url("HTTPS://s.example:8443/a%20b/c?x=/y#f");
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->authority, "s.example:8443");
  EXPECT_EQ(whole->host, "s.example");
  EXPECT_EQ(whole->port, 8443);
  EXPECT_EQ(whole->path, "/a%20b/c");
  EXPECT_EQ(whole->target, "/a%20b/c?x=/y");
  EXPECT_EQ(parse_service_url("https://s.example?q")->target, "?q");
  EXPECT_EQ(parse_service_url("https://[::1]:8443/")->host, "[::1]");
  EXPECT_EQ(parse_service_url("https://[::1]")->port, 443);
}

TEST(ServiceUrlTest, refuses_what_is_none) {
  for (const char* url :
       {"", "https://", "http://s.example", "s.example", "https:///path", "https://:443/",
        "https://s.example:0/", "https://s.example:65536/", "https://s.example:x/",
        "https://user:pass@s.example/", "https://s.example/a b", "https://s.example/\r\nX: y"}) {
    EXPECT_FALSE(parse_service_url(url)) << url;
  }
}

TEST(ServiceUrlTest, forwarded_urls) {
  const auto url = parse_forwarded_url("https://app.example/a/b?c=d");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->host, "app.example");
  EXPECT_EQ(url->path, "/a/b");
  EXPECT_EQ(parse_forwarded_url("http://app.example")->path, "");
  EXPECT_FALSE(parse_forwarded_url("app.example/x"));
  EXPECT_FALSE(parse_forwarded_url("http:///x"));
}

TEST(ServiceUrlTest, the_allowlist_names_hosts_and_one_label_below_domains) {
  EXPECT_TRUE(is_on_allowlist("any.example", {}));
  const std::vector<std::string> entries{"one.example", "*.apps.example"};
  EXPECT_TRUE(is_on_allowlist("one.example", entries));
  EXPECT_TRUE(is_on_allowlist("ONE.example", entries));
  EXPECT_TRUE(is_on_allowlist("a.apps.example", entries));
  EXPECT_FALSE(is_on_allowlist("a.b.apps.example", entries));
  EXPECT_FALSE(is_on_allowlist("apps.example", entries));
  EXPECT_FALSE(is_on_allowlist(".apps.example", entries));
  EXPECT_FALSE(is_on_allowlist("two.example", entries));
}

TEST(ServiceHostsTest, one_endpoint_for_each_authority) {
  ServiceHosts hosts;
  const auto first = hosts.endpoint_of(*parse_service_url("https://s.example/a"));
  EXPECT_EQ(hosts.endpoint_of(*parse_service_url("https://s.example/b")), first);
  EXPECT_GE(first->id(), ServiceHosts::first_id);
  EXPECT_EQ(first->authority(), "s.example:443");
  EXPECT_TRUE(first->is_tls());
  EXPECT_EQ(first->server_cert_domain_san(), "s.example");
  const auto other = hosts.endpoint_of(*parse_service_url("https://[::1]:8443/"));
  EXPECT_NE(other->id(), first->id());
  EXPECT_EQ(other->authority(), "[::1]:8443");
}

TEST(ServiceHostsTest, forgets_when_there_are_too_many) {
  ServiceHosts hosts;
  const auto first = hosts.endpoint_of(*parse_service_url("https://s.example/"));
  for (size_t i = 0; i < ServiceHosts::hosts_max; ++i)
    hosts.endpoint_of(*parse_service_url("https://s" + std::to_string(i) + ".example/"));
  EXPECT_NE(hosts.endpoint_of(*parse_service_url("https://s.example/"))->id(), first->id());
}

}  // namespace
}  // namespace causeway::router
