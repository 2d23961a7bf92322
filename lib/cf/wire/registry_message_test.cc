#include "cf/wire/registry_message.h"

#include <string>

#include <gtest/gtest.h>

namespace causeway::cf {
namespace {

TEST(RegistryMessageTest, reads_what_route_emitter_sends) {
  const auto message = parse_registry_message(R"({
    "host": "10.0.1.2", "port": 61001, "tls_port": 61443,
    "uris": ["app.example.com", "app.example.com/path"],
    "app": "app-guid", "private_instance_id": "instance", "private_instance_index": "2",
    "server_cert_domain_san": "san", "protocol": "http2",
    "route_service_url": "https://service.example.com",
    "stale_threshold_in_seconds": 60, "endpoint_updated_at_ns": 1700000000000000001,
    "isolation_segment": "iso", "availability_zone": "z1",
    "tags": {"component": "route-emitter", "process_id": "p"},
    "options": {"loadbalancing": "least-connection"},
    "some_future_field": {"x": [1, 2]}})");
  ASSERT_TRUE(message) << to_string(message.error());
  const RegistryMessage expected{.host = "10.0.1.2",
                                 .port = 61001,
                                 .tls_port = 61443,
                                 .uris = {"app.example.com", "app.example.com/path"},
                                 .app = "app-guid",
                                 .private_instance_id = "instance",
                                 .private_instance_index = "2",
                                 .server_cert_domain_san = "san",
                                 .protocol = "http2",
                                 .route_service_url = "https://service.example.com",
                                 .stale_threshold_in_seconds = 60,
                                 .endpoint_updated_at_ns = 1'700'000'000'000'000'001,
                                 .isolation_segment = "iso",
                                 .availability_zone = "z1",
                                 .tags = {{"component", "route-emitter"}, {"process_id", "p"}},
                                 .loadbalancing = "least-connection"};
  EXPECT_EQ(message.value(), expected);
  const auto again = parse_registry_message(to_json(expected));
  ASSERT_TRUE(again);
  EXPECT_EQ(again.value(), expected);
}

TEST(RegistryMessageTest, needs_only_an_address) {
  const auto message =
      parse_registry_message(R"({"host":"h","tls_port":1,"uris":null,"tags":null})");
  ASSERT_TRUE(message) << to_string(message.error());
  EXPECT_EQ(message.value(), (RegistryMessage{.host = "h", .tls_port = 1}));
  EXPECT_EQ(to_json(message.value()), R"({"host":"h","tls_port":1,"uris":[]})");
}

// An unknown field, a key that comes twice or null: such messages are read another way.
TEST(RegistryMessageTest, unusual_messages_mean_the_same) {
  const std::string members =
      R"("host":"10.0.1.2","port":61001,"tls_port":61443,"uris":["app.example.com","\u0061.b"],)"
      R"("app":"app-guid","private_instance_id":"i","private_instance_index":"2",)"
      R"("server_cert_domain_san":"san","protocol":"http2","route_service_url":"https://s",)"
      R"("stale_threshold_in_seconds":60,"endpoint_updated_at_ns":-1700000000000000001,)"
      R"("isolation_segment":"iso","availability_zone":"z1","tags":{"component":"c","":"\u00e9"})";
  const auto plain = parse_registry_message("{" + members + "}");
  ASSERT_TRUE(plain) << to_string(plain.error());
  EXPECT_EQ(plain->uris[1], "a.b");
  EXPECT_EQ(plain->tags.at(""), "\u00e9");
  for (const char* const more :
       {R"(,"some_future_field":[1,{"a":[]}])", R"(,"options":null)", R"(,"app":"app-guid")",
        R"(,"uris":["app.example.com","a.b"])", R"(,"tags":{"component":"c","":"\u00e9"})",
        R"(,"port":6.1001e4)", R"(,"options":{"loadbalancing":""})"}) {
    const auto unusual = parse_registry_message("{" + members + more + "}");
    ASSERT_TRUE(unusual) << more << to_string(unusual.error());
    EXPECT_EQ(*unusual, *plain) << more;
  }
}

TEST(RegistryMessageTest, the_bound_on_imbalance_is_a_number_or_the_text_of_one) {
  const std::string begin =
      R"({"host":"h","port":1,"options":{"loadbalancing":"hash","hash_header":"X-T","hash_balance":)";
  for (const auto& [text, number] : std::vector<std::pair<std::string, double>>{
           {"1.25", 1.25}, {R"("1.25")", 1.25}, {"0", 0}, {R"("")", 0}, {"null", 0}, {"2", 2}}) {
    const auto message = parse_registry_message(begin + text + "}}");
    ASSERT_TRUE(message) << text << to_string(message.error());
    EXPECT_EQ(message->hash_balance, number) << text;
    EXPECT_EQ(message->hash_header, "X-T");
    const auto again = parse_registry_message(to_json(*message));
    ASSERT_TRUE(again);
    EXPECT_EQ(*again, *message);
  }
}

struct Malformed {
  const char* json;
  const char* names;  // part of the error
};

class MalformedRegistryMessageTest : public testing::TestWithParam<Malformed> {};

TEST_P(MalformedRegistryMessageTest, is_refused_as_a_whole) {
  const auto message = parse_registry_message(GetParam().json);
  ASSERT_FALSE(message) << GetParam().json;
  EXPECT_NE(message.error().detail.find(GetParam().names), std::string::npos)
      << message.error().detail;
}

INSTANTIATE_TEST_SUITE_P(
    All, MalformedRegistryMessageTest,
    testing::Values(
        Malformed{"", ""}, Malformed{"{", ""}, Malformed{"[]", "object"},
        Malformed{"null", "object"}, Malformed{"7", "object"},
        Malformed{R"({"host":"h","port":1} x)", ""}, Malformed{R"({"port":1})", "host"},
        Malformed{R"({"host":"h"})", "port"}, Malformed{R"({"host":"h","port":0})", "port"},
        Malformed{R"({"host":1,"port":1})", "host"},
        Malformed{R"({"host":"h","port":"80"})", "port"},
        Malformed{R"({"host":"h","port":-1})", "port"},
        Malformed{R"({"host":"h","port":65536})", "port"},
        Malformed{R"({"host":"h","port":1.5})", "port"},
        Malformed{R"({"host":"h","port":1,"tls_port":true})", "tls_port"},
        Malformed{R"({"host":"h","port":1,"uris":"a.d"})", "uris"},
        Malformed{R"({"host":"h","port":1,"uris":["a.d",1]})", "uris"},
        Malformed{R"({"host":"h","port":1,"app":{}})", "app"},
        Malformed{R"({"host":"h","port":1,"app":"a","app":1})", "app"},
        Malformed{"{\"host\":\"h\",\"port\":1,\"app\":\"\xff\"}", "ncoding"},
        Malformed{R"({"host":"h","port":1,"app":"\ud800"})", ""},
        Malformed{R"({"host":"h","port":1,"private_instance_index":0})", "private_instance_index"},
        Malformed{R"({"host":"h","port":1,"tags":{"a":1}})", "tags"},
        Malformed{R"({"host":"h","port":1,"tags":[]})", "tags"},
        Malformed{R"({"host":"h","port":1,"options":[]})", "options"},
        Malformed{R"({"host":"h","port":1,"options":{"loadbalancing":1}})", "loadbalancing"},
        Malformed{R"({"host":"h","port":1,"options":{"hash_header":1}})", "hash_header"},
        Malformed{R"({"host":"h","port":1,"options":{"hash_balance":"1.5x"}})", "hash_balance"},
        Malformed{R"({"host":"h","port":1,"options":{"hash_balance":"inf"}})", "hash_balance"},
        Malformed{R"({"host":"h","port":1,"options":{"hash_balance":true}})", "hash_balance"},
        Malformed{R"({"host":"h","port":1,"stale_threshold_in_seconds":"5"})",
                  "stale_threshold_in_seconds"},
        Malformed{R"({"host":"h","port":1,"route_service_url":"http://x"})", "route_service_url"}));

TEST(RouterStartTest, is_written_as_routers_do) {
  const RouterStart start{.id = "0-uuid",
                          .hosts = {"10.0.0.1"},
                          .minimum_register_interval_s = 20,
                          .prune_threshold_s = 120};
  EXPECT_EQ(to_json(start),
            R"({"id":"0-uuid","hosts":["10.0.0.1"],"minimumRegisterIntervalInSeconds":20,)"
            R"("pruneThresholdInSeconds":120})");
  const auto again = parse_router_start(to_json(start));
  ASSERT_TRUE(again);
  EXPECT_EQ(again.value(), start);
  EXPECT_FALSE(parse_router_start("[]"));
  EXPECT_FALSE(parse_router_start(R"({"hosts":[1]})"));
}

}  // namespace
}  // namespace causeway::cf
