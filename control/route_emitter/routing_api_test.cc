#include "control/route_emitter/routing_api.h"

#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>

#include "diego/fake_services.h"
#include "json/json.h"

namespace causeway::route_emitter {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Desired tcp_app(uint16_t external_port) {
  Desired desired;
  desired.process_guid = "p";
  desired.domain = "d";
  desired.log_guid = "log-p";
  desired.tag = {"e", external_port};
  TcpRoute route;
  route.router_group_guid = "group";
  route.external_port = external_port;
  route.port = 8080;
  desired.tcp_routes.push_back(route);
  return desired;
}

Instance tcp_instance(uint16_t port, uint16_t tls_port = 0) {
  Instance instance;
  instance.process_guid = "p";
  instance.key.instance_guid = "i" + std::to_string(port + tls_port);
  instance.tag = {"t", 1};
  instance.is_routable = true;
  instance.host = "10.0.0.1";
  instance.ports = {{8080, port, tls_port}};
  return instance;
}

class RoutingApiTest : public testing::Test {
 protected:
  RoutingApiTest() { serve(); }

  void serve() {
    for (const char* call : {"create", "delete"}) {
      service.server->route("POST", std::string("/routing/v1/tcp_routes/") + call,
                            [this, call](const rpc::Request& request, rpc::Responder responder) {
                              answer(call, request, std::move(responder));
                            });
    }
    service.server->route(
        "POST", "/oauth/token", [this](const rpc::Request& request, rpc::Responder responder) {
          grants.push_back(std::string(request.header("Authorization")) + " " + request.body);
          if (!uaa_answers) return responder.reply(503);
          responder.reply(200, "application/json",
                          R"({"access_token":"token)" + std::to_string(grants.size()) +
                              R"(","token_type":"bearer","expires_in":)" +
                              std::to_string(token_life_s) + "}");
        });
  }
  void answer(const std::string& call, const rpc::Request& request, rpc::Responder responder) {
    tokens.emplace_back(request.header("Authorization"));
    if (refused_token == request.header("Authorization") && !refused_token.empty())
      return responder.reply(401, "application/json", R"({"name":"UnauthorizedError"})");
    if (!refused_text.empty() && request.body.find(refused_text) != std::string::npos) {
      ++refusals;
      return responder.reply(400, "application/json", R"({"name":"TcpRouteMappingInvalidError"})");
    }
    calls.push_back(call + " " + request.body);
    // "create 1024 10.0.0.1:61001"
    const auto document = json::Document::parse(request.body);
    ASSERT_TRUE(document);
    for (size_t i = 0; i < document->root().size(); ++i) {
      const json::Node entry = document->root().at(i);
      told.push_back(call + " " + std::to_string(entry["port"].integer().value_or(0)) + " " +
                     std::string(entry["backend_ip"].string().value_or("")) + ":" +
                     std::to_string(entry["backend_port"].integer().value_or(0)));
    }
    responder.reply(call == "create" ? 201 : 204);
  }

  void start(RoutingApi::Options options = {}) {
    options.url = service.url();
    if (options.repeat_interval == RoutingApi::Options().repeat_interval)
      options.repeat_interval = 1h;  // nothing happens by itself
    options.first_wait = 10ms;
    api =
        std::make_unique<RoutingApi>(bed.loop(), bed.logger(), std::move(options), table, metrics);
  }
  static UaaToken::Options uaa(const std::string& url) {
    return {.url = url, .client_name = "tcp_emitter", .client_secret = "secret"};
  }
  void say() { api->say(table.take_changes()); }
  // An app with these instances behind port 1024.
  void say_instances(std::initializer_list<uint16_t> ports) {
    table.put(tcp_app(1024));
    for (const uint16_t port : ports) table.put(tcp_instance(port));
    say();
  }
  [[nodiscard]] bool tells(size_t count) {
    return bed.until([&] { return told.size() >= count; });
  }

  rpc::test::TestBed bed;
  diego::test::FakeService service{bed};
  metrics::Registry registry;
  EmitterMetrics metrics{registry};
  RoutingTable table;
  std::vector<std::string> calls, told, tokens, grants;
  std::string refused_token, refused_text;
  int refusals = 0;
  bool uaa_answers = true;
  int token_life_s = 3600;
  std::unique_ptr<RoutingApi> api;
};

TEST_F(RoutingApiTest, tells_what_comes_and_goes_in_the_words_of_the_routing_api) {
  start({.ttl = 90s});
  table.put(tcp_app(1024));
  table.put(tcp_instance(61001, 61443));
  say();
  ASSERT_TRUE(tells(1));
  EXPECT_THAT(calls,
              ElementsAre(R"(create [{"router_group_guid":"group","port":1024,)"
                          R"("backend_ip":"10.0.0.1","backend_port":61001,"backend_tls_port":-1,)"
                          R"("instance_id":"","isolation_segment":"","ttl":90}])"));
  EXPECT_THAT(tokens, ElementsAre("")) << "none is configured";
  const Instance instance = tcp_instance(61001, 61443);
  table.remove("p", instance.key, instance.tag);
  say();
  ASSERT_TRUE(tells(2));
  EXPECT_EQ(told[1], "delete 1024 10.0.0.1:61001");
  EXPECT_THAT(calls[1], HasSubstr(R"("port":1024,"backend_ip":"10.0.0.1","backend_port":61001)"));
  EXPECT_TRUE(bed.until([&] { return metrics.api_deleted.value() == 1; }));
  EXPECT_EQ(metrics.api_created.value(), 1u);
}

TEST_F(RoutingApiTest, tells_the_tls_port_where_asked_or_where_there_is_no_other) {
  start({.tells_tls = true});
  table.put(tcp_app(1024));
  table.put(tcp_instance(61001, 61443));
  say();
  ASSERT_TRUE(tells(1));
  EXPECT_THAT(calls[0], HasSubstr(R"("backend_port":61001,"backend_tls_port":61443,)"
                                  R"("instance_id":"i122444")"));
  start();
  table.put(tcp_instance(0, 61444));
  say();
  ASSERT_TRUE(tells(2));
  EXPECT_THAT(calls[1], HasSubstr(R"("backend_port":0,"backend_tls_port":61444,)"
                                  R"("instance_id":"i61444")"));
}

TEST_F(RoutingApiTest, a_route_that_moves_is_created_before_the_old_one_goes) {
  start();
  say_instances({61001});
  ASSERT_TRUE(tells(1));
  table.put(tcp_app(1025));
  say();
  ASSERT_TRUE(tells(3));
  EXPECT_THAT(told, ElementsAre("create 1024 10.0.0.1:61001", "create 1025 10.0.0.1:61001",
                                "delete 1024 10.0.0.1:61001"));
}

TEST_F(RoutingApiTest, all_routes_are_told_again_before_they_are_forgotten) {
  start({.repeat_interval = 20ms});
  table.put(tcp_app(1024));
  table.put(tcp_instance(61001));
  table.put(tcp_instance(61002));
  table.take_changes();  // said by an earlier one
  ASSERT_TRUE(tells(4));
  EXPECT_EQ(told[0], told[2]);
  EXPECT_EQ(told[1], told[3]);
}

TEST_F(RoutingApiTest, brings_a_token_and_keeps_it) {
  start({.token = uaa(service.url())});
  say_instances({61001});
  ASSERT_TRUE(tells(1));
  say_instances({61002});
  ASSERT_TRUE(tells(2));
  // tcp_emitter:secret
  EXPECT_THAT(grants, ElementsAre("Basic dGNwX2VtaXR0ZXI6c2VjcmV0 grant_type=client_credentials"));
  EXPECT_THAT(tokens, ElementsAre("bearer token1", "bearer token1"));
}

TEST_F(RoutingApiTest, a_token_about_to_expire_is_not_used_again) {
  token_life_s = 29;
  start({.token = uaa(service.url())});
  say_instances({61001});
  ASSERT_TRUE(tells(1));
  say_instances({61002});
  ASSERT_TRUE(tells(2));
  EXPECT_THAT(tokens, ElementsAre("bearer token1", "bearer token2"));
}

TEST_F(RoutingApiTest, a_token_that_is_refused_is_replaced_at_once) {
  start({.token = uaa(service.url())});
  refused_token = "bearer token1";
  say_instances({61001});
  ASSERT_TRUE(tells(1));
  EXPECT_THAT(tokens, ElementsAre("bearer token1", "bearer token2"));
  EXPECT_EQ(metrics.api_failures.value(), 0u);
}

TEST_F(RoutingApiTest, nothing_is_lost_while_uaa_is_away) {
  uaa_answers = false;
  start({.token = uaa(service.url())});
  say_instances({61001});
  ASSERT_TRUE(bed.until([&] { return metrics.api_failures.value() >= 2; }));
  EXPECT_THAT(told, IsEmpty());
  uaa_answers = true;
  ASSERT_TRUE(tells(1));
}

TEST_F(RoutingApiTest, what_happened_while_it_was_away_is_told_as_it_is_now) {
  start();
  service.stop();
  say_instances({61001, 61002});
  ASSERT_TRUE(bed.until([&] { return metrics.api_failures.value() >= 2; }));
  const Instance gone = tcp_instance(61001);
  table.remove("p", gone.key, gone.tag);
  say();
  service.start();
  serve();
  ASSERT_TRUE(tells(2));
  EXPECT_THAT(told, ElementsAre("create 1024 10.0.0.1:61002", "delete 1024 10.0.0.1:61001"));
}

TEST_F(RoutingApiTest, a_route_that_is_refused_holds_up_no_other) {
  start({.batch_max = 8});
  refused_text = "61003";
  say_instances({61001, 61002, 61003, 61004, 61005, 61006, 61007, 61008});
  ASSERT_TRUE(tells(7));
  ASSERT_TRUE(bed.until([&] { return metrics.api_refused.value() == 1; }));
  EXPECT_THAT(told, testing::Not(testing::Contains("create 1024 10.0.0.1:61003")));
  EXPECT_LE(refusals, 6) << "8, 4, then 4, 2, 1 after two that were taken";
}

TEST_F(RoutingApiTest, nothing_is_sent_once_it_may_not_speak) {
  bool may_speak = false;
  start({.may_send = [&] { return may_speak; }});
  say_instances({61001});
  ASSERT_TRUE(bed.until([&] { return metrics.api_failures.value() >= 1; }));
  EXPECT_THAT(told, IsEmpty());
  may_speak = true;
  ASSERT_TRUE(tells(1));
}

TEST_F(RoutingApiTest, routes_of_other_routers_are_none_of_its_business) {
  start();
  Desired desired = tcp_app(1024);
  desired.internal_hostnames = {"a.apps.internal"};
  HttpRoute route;
  route.hostname = "a.com";
  route.port = 8080;
  desired.routes.push_back(route);
  table.put(std::move(desired));
  Instance instance = tcp_instance(61001);
  instance.container_ip = "172.16.0.1";
  table.put(std::move(instance));
  say();
  ASSERT_TRUE(tells(1));
  EXPECT_EQ(calls.size(), 1u);
  EXPECT_THAT(told, ElementsAre("create 1024 10.0.0.1:61001"));
}

TEST_F(RoutingApiTest, may_end_in_the_middle_of_a_call) {
  start({.token = uaa(service.url())});
  say_instances({61001});
  api.reset();
  bed.turn(5);
  EXPECT_THAT(told, IsEmpty());
}

}  // namespace
}  // namespace causeway::route_emitter
