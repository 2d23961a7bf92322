#include "control/route_emitter/routing_api_config.h"

#include <gmock/gmock.h>

#include "control/route_emitter/emitter_config.h"

namespace causeway::route_emitter {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;

Result<LoadedConfig> with_api(const std::string& more) {
  return parse_config(
      R"({"bbs_address":"http://127.0.0.1:1","nats_addresses":"127.0.0.1:4222",)" + more + "}",
      "emitter.json");
}

TEST(RoutingApiConfig, is_read_as_diegos_job_writes_it) {
  auto loaded = with_api(
      R"("enable_tcp_emitter":true,"tcp_enable_tls":true,"locket_session_name":"route_emitter","tcp_route_ttl":"90s",
         "routing_api":{"url":"http://routing-api.service.cf.internal","port":3000,"auth_enabled":true},
         "oauth":{"uaa_url":"https://uaa.service.cf.internal:8443","client_name":"tcp_emitter",
                  "client_secret":"s","skip_cert_verify":true,"uaa_request_timeout":"4s"})");
  ASSERT_TRUE(loaded) << loaded.error().detail;
  const RoutingApiConfig& config = loaded->config.routing_api;
  EXPECT_EQ(config.url, "http://routing-api.service.cf.internal:3000");
  EXPECT_EQ(config.ttl, 90s);
  EXPECT_TRUE(config.tells_tls);
  EXPECT_EQ(config.uaa_url, "https://uaa.service.cf.internal:8443");
  EXPECT_EQ(config.client_name, "tcp_emitter");
  EXPECT_EQ(config.client_secret, "s");
  EXPECT_FALSE(config.verifies_uaa);
  EXPECT_EQ(config.uaa_timeout, 4s);
  EXPECT_THAT(loaded->unknown_keys, IsEmpty());
}

TEST(RoutingApiConfig, tls_is_told_with_either_spelling_and_diegos_counts) {
  const auto tells_tls = [](const std::string& keys) {
    auto loaded =
        with_api(R"("enable_tcp_emitter":true,"routing_api":{"url":"http://a","port":1})" + keys);
    EXPECT_TRUE(loaded) << keys;
    EXPECT_THAT(loaded->unknown_keys, IsEmpty());
    return loaded->config.routing_api.tells_tls;
  };
  EXPECT_TRUE(tells_tls(R"(,"tcp_enable_tls":true)"));
  EXPECT_TRUE(tells_tls(R"(,"enable_tls":true)"));
  EXPECT_FALSE(tells_tls(R"(,"enable_tls":true,"tcp_enable_tls":false)"));
}

// The job writes a file's name even where it has written no such file.
TEST(RoutingApiConfig, authorities_are_passed_over_where_whoever_answers_is_believed) {
  auto loaded = with_api(
      R"("enable_tcp_emitter":true,"routing_api":{"url":"http://a","port":1,"auth_enabled":true},
         "oauth":{"uaa_url":"https://u","client_name":"c","ca_certs":"/nowhere.pem",
                  "skip_cert_verify":true})");
  ASSERT_TRUE(loaded) << loaded.error().detail;
  EXPECT_TRUE(loaded->config.routing_api.uaa_tls.is_empty());
}

TEST(RoutingApiConfig, is_absent_without_a_url_or_without_tcp_routes) {
  for (const char* more :
       {R"("enable_tcp_emitter":true)", R"("routing_api":{"url":"http://a","port":1})",
        R"("enable_tcp_emitter":true,"oauth":{"uaa_url":"x"})"}) {
    auto loaded = with_api(more);
    ASSERT_TRUE(loaded) << loaded.error().detail;
    EXPECT_EQ(loaded->config.routing_api.url, "") << more;
    EXPECT_THAT(loaded->unknown_keys, IsEmpty());
  }
}

TEST(RoutingApiConfig, needs_no_token_unless_asked_for) {
  auto loaded =
      with_api(R"("enable_tcp_emitter":true,"routing_api":{"url":"http://a/","port":3000})");
  ASSERT_TRUE(loaded) << loaded.error().detail;
  EXPECT_EQ(loaded->config.routing_api.url, "http://a:3000");
  EXPECT_EQ(loaded->config.routing_api.uaa_url, "");
  EXPECT_EQ(loaded->config.routing_api.ttl, 120s);
  EXPECT_FALSE(loaded->config.routing_api.tells_tls);
}

TEST(RoutingApiConfig, mistakes_are_named) {
  const struct {
    const char* more;
    const char* says;
  } rows[] = {
      {R"("routing_api":{"url":"ftp://a","port":1})", "routing_api.url"},
      {R"("routing_api":{"url":"http://a","port":70000})", "routing_api.port"},
      {R"("routing_api":{"url":"http://a","auth_enabled":true})", "oauth.uaa_url"},
      {R"("routing_api":{"url":"http://a","auth_enabled":true},"oauth":{"uaa_url":"https://u"})",
       "oauth.client_name"},
      {R"("routing_api":{"url":"http://a","auth_enabled":true},
          "oauth":{"uaa_url":"https://u","client_name":"c","ca_certs":"/nowhere.pem"})",
       "oauth.ca_certs"},
      {R"("routing_api":{"url":"https://a","ca_cert_file":"/nowhere.pem"})",
       "routing_api.ca_cert_file: /nowhere.pem"},
      {R"("routing_api":{"url":"https://a","client_cert_file":"/x"})",
       "routing_api.client_key_file: missing"},
      {R"("routing_api":{"url":"http://a"},"tcp_route_ttl":"10ms")", "tcp_route_ttl"},
  };
  for (const auto& row : rows) {
    auto loaded = with_api(std::string(R"("enable_tcp_emitter":true,)") + row.more);
    ASSERT_FALSE(loaded) << row.says;
    EXPECT_THAT(loaded.error().detail, HasSubstr(row.says));
  }
}

}  // namespace
}  // namespace causeway::route_emitter
