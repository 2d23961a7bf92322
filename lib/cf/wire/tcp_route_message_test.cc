#include "cf/wire/tcp_route_message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace causeway::cf {
namespace {

TcpRouteMessage whole_tcp_message() {
  return {.router_group_guid = "group",
          .external_port = 1024,
          .host = "10.0.1.5",
          .port = 61001,
          .tls_port = 61002,
          .sni_hostname = "a.com",
          .terminate_frontend_tls = true,
          .enable_backend_mtls = true,
          .app = "app",
          .private_instance_id = "instance",
          .private_instance_index = "3",
          .server_cert_domain_san = "instance",
          .isolation_segment = "is1",
          .availability_zone = "z1",
          .stale_threshold_in_seconds = 60,
          .endpoint_updated_at_ns = 1'700'000'000'000'000'000};
}

TEST(TcpRouteMessageTest, what_is_written_is_read_again) {
  const auto read = parse_tcp_route_message(to_json(whole_tcp_message()));
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, whole_tcp_message());
}

TEST(TcpRouteMessageTest, what_is_empty_is_left_out) {
  TcpRouteMessage message;
  message.external_port = 1024;
  message.host = "10.0.1.5";
  message.port = 61001;
  EXPECT_EQ(to_json(message), R"({"external_port":1024,"host":"10.0.1.5","port":61001})");
}

TEST(TcpRouteMessageTest, unknown_fields_and_null_are_ignored) {
  const auto read = parse_tcp_route_message(
      R"({"external_port":1,"host":"h","port":2,"app":null,"tls_port":null,"later":{"x":[1]}})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->external_port, 1);
  EXPECT_EQ(read->tls_port, 0);
}

TEST(TcpRouteMessageTest, each_fault_names_its_field) {
  const struct {
    const char* json;
    const char* named;
  } cases[] = {{"", ""},
               {"[]", "not an object"},
               {R"({"host":"h","port":1})", "external_port"},
               {R"({"external_port":0,"host":"h","port":1})", "external_port"},
               {R"({"external_port":70000,"host":"h","port":1})", "external_port"},
               {R"({"external_port":"1","host":"h","port":1})", "external_port"},
               {R"({"external_port":1,"port":1})", "host"},
               {R"({"external_port":1,"host":7,"port":1})", "host"},
               {R"({"external_port":1,"host":"h"})", "port"},
               {R"({"external_port":1,"host":"h","port":-1})", "port"},
               {R"({"external_port":1,"host":"h","port":1,"terminate_frontend_tls":"x"})",
                "terminate_frontend_tls"}};
  for (const auto& bad : cases) {
    const auto read = parse_tcp_route_message(bad.json);
    ASSERT_FALSE(read) << bad.json;
    EXPECT_THAT(read.error().detail, testing::HasSubstr(bad.named)) << bad.json;
  }
}

}  // namespace
}  // namespace causeway::cf
