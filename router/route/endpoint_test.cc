#include "router/route/endpoint.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace causeway::router {
namespace {

EndpointSpec full_spec() {
  EndpointSpec spec;
  spec.host = "10.0.1.2";
  spec.port = 61001;
  spec.tls = true;
  spec.protocol = Protocol::http2;
  spec.balancing = LoadBalancing::least_connection;
  spec.app_id = "app";
  spec.instance_id = "instance";
  spec.instance_index = "3";
  spec.server_cert_domain_san = "san";
  spec.route_service_url = "https://service";
  spec.isolation_segment = "segment";
  spec.availability_zone = "z1";
  spec.tags = {{"component", "web"}, {"empty", ""}, {"process_id", "p"}};
  spec.stale_threshold = std::chrono::seconds(40);
  spec.modification_tag = {"guid", 7};
  return spec;
}

TEST(EndpointTest, says_what_it_was_made_from) {
  const Endpoint endpoint(5, full_spec());
  EXPECT_EQ(endpoint.id(), 5u);
  EXPECT_EQ(endpoint.authority(), "10.0.1.2:61001");
  EXPECT_EQ(endpoint.host(), "10.0.1.2");
  EXPECT_EQ(endpoint.port(), 61001);
  EXPECT_TRUE(endpoint.is_numeric());
  EXPECT_EQ(endpoint.address().to_string(), "10.0.1.2:61001");
  EXPECT_TRUE(endpoint.is_tls());
  EXPECT_EQ(endpoint.protocol(), Protocol::http2);
  EXPECT_EQ(endpoint.balancing(), LoadBalancing::least_connection);
  EXPECT_EQ(endpoint.app_id(), "app");
  EXPECT_EQ(endpoint.instance_id(), "instance");
  EXPECT_EQ(endpoint.instance_index(), "3");
  EXPECT_EQ(endpoint.server_cert_domain_san(), "san");
  EXPECT_EQ(endpoint.route_service_url(), "https://service");
  EXPECT_EQ(endpoint.isolation_segment(), "segment");
  EXPECT_EQ(endpoint.availability_zone(), "z1");
  EXPECT_EQ(endpoint.modification_guid(), "guid");
  EXPECT_EQ(endpoint.modification_index(), 7u);
  EXPECT_EQ(endpoint.stale_threshold(), std::chrono::seconds(40));
  EXPECT_EQ(endpoint.tag("process_id"), "p");
  EXPECT_EQ(endpoint.tag("absent"), "");
  std::vector<std::pair<std::string, std::string>> tags;
  endpoint.for_each_tag([&](std::string_view n, std::string_view v) { tags.emplace_back(n, v); });
  EXPECT_EQ(tags, (std::vector<std::pair<std::string, std::string>>{
                      {"component", "web"}, {"empty", ""}, {"process_id", "p"}}));
}

TEST(EndpointTest, a_name_is_kept_for_the_resolver) {
  EndpointSpec spec;
  spec.host = "backend.internal";
  spec.port = 80;
  const Endpoint endpoint(1, spec);
  EXPECT_FALSE(endpoint.is_numeric());
  EXPECT_EQ(endpoint.port(), 80);
  EXPECT_EQ(endpoint.authority(), "backend.internal:80");
}

TEST(EndpointTest, an_ipv6_host_is_bracketed) {
  EndpointSpec spec;
  spec.host = "::1";
  spec.port = 80;
  EXPECT_EQ(Endpoint(1, spec).authority(), "[::1]:80");
}

TEST(EndpointTest, notices_every_difference) {
  const Endpoint endpoint(1, full_spec());
  EXPECT_TRUE(endpoint.says_the_same_as(full_spec()));
  using Change = void (*)(EndpointSpec&);
  const std::vector<Change> changes{
      [](EndpointSpec& s) { s.host = "10.0.1.3"; },
      [](EndpointSpec& s) { s.port = 1; },
      [](EndpointSpec& s) { s.tls = false; },
      [](EndpointSpec& s) { s.protocol = Protocol::http1; },
      [](EndpointSpec& s) { s.balancing.reset(); },
      [](EndpointSpec& s) { s.app_id = "other"; },
      [](EndpointSpec& s) { s.instance_id = "other"; },
      [](EndpointSpec& s) { s.instance_index = "4"; },
      [](EndpointSpec& s) { s.server_cert_domain_san = ""; },
      [](EndpointSpec& s) { s.route_service_url = ""; },
      [](EndpointSpec& s) { s.isolation_segment = ""; },
      [](EndpointSpec& s) { s.availability_zone = "z2"; },
      [](EndpointSpec& s) { s.tags["component"] = "api"; },
      [](EndpointSpec& s) { s.tags.erase("process_id"); },
      [](EndpointSpec& s) { s.tags["zz"] = "new"; },
      [](EndpointSpec& s) { s.stale_threshold = std::chrono::seconds(41); },
      [](EndpointSpec& s) { s.modification_tag.guid = "x"; },
      [](EndpointSpec& s) { s.modification_tag.index = 8; },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    EndpointSpec spec = full_spec();
    changes[i](spec);
    EXPECT_FALSE(endpoint.says_the_same_as(spec)) << "change " << i;
    EXPECT_EQ(endpoint.connects_like(spec), i > 3 && i != 8) << "change " << i;
  }
  EndpointSpec later = full_spec();
  later.updated_at_ns = 1;
  EXPECT_TRUE(endpoint.says_the_same_as(later));
}

TEST(EndpointTest, refuses_texts_beyond_the_limit) {
  EndpointSpec spec = full_spec();
  spec.tags["big"] = std::string(kEndpointTextBytesMax, 'x');
  EXPECT_FALSE(Endpoint::fits(spec));
  spec.tags["big"] = std::string(kEndpointTextBytesMax - 500, 'x');
  ASSERT_TRUE(Endpoint::fits(spec));
  const Endpoint endpoint(1, spec);
  EXPECT_EQ(endpoint.tag("big").size(), kEndpointTextBytesMax - 500);
  EXPECT_EQ(endpoint.tag("process_id"), "p");
}

}  // namespace
}  // namespace causeway::router
