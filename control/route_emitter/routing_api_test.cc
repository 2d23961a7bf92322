#include "control/route_emitter/routing_api.h"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <set>
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
    if (other_status != 0 && request.body.find(other_text) != std::string::npos) {
      ++failures;
      return responder.reply(other_status);
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
    if (options.first_wait == RoutingApi::Options().first_wait) options.first_wait = 10ms;
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
  std::string other_text;  // of calls that are answered with other_status; 0: none are
  int other_status = 0, failures = 0;
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

TEST_F(RoutingApiTest, tells_how_tls_is_ended_and_begun) {
  start();
  Desired desired = tcp_app(1024);
  desired.tcp_routes[0].terminate_frontend_tls = true;
  desired.tcp_routes[0].enable_backend_mtls = true;
  table.put(std::move(desired));
  table.put(tcp_instance(61001));
  say();
  ASSERT_TRUE(tells(1));
  EXPECT_THAT(calls[0], HasSubstr(R"("terminate_frontend_tls":true,"enable_backend_mtls":true,)"));
}

TEST_F(RoutingApiTest, an_address_that_changes_hands_is_deleted_before_it_is_created_again) {
  start({.tells_tls = true});
  table.put(tcp_app(1024));
  Instance instance = tcp_instance(61001, 61443);
  table.put(instance);
  say();
  ASSERT_TRUE(tells(1));
  Instance heir = instance;
  heir.key.instance_guid = "heir";
  heir.since_ns = 1;
  table.put(heir);
  table.remove("p", instance.key, instance.tag);
  say();
  ASSERT_TRUE(tells(3));
  EXPECT_THAT(told, ElementsAre("create 1024 10.0.0.1:61001", "delete 1024 10.0.0.1:61001",
                                "create 1024 10.0.0.1:61001"));
  EXPECT_THAT(calls[1], HasSubstr(R"("instance_id":"i122444")"));
  EXPECT_THAT(calls[2], HasSubstr(R"("instance_id":"heir")"));
}

TEST_F(RoutingApiTest, a_deletion_that_waits_goes_before_the_heir_of_its_address) {
  start({.tells_tls = true});
  table.put(tcp_app(1024));
  const Instance instance = tcp_instance(61001, 61443);
  table.put(instance);
  say();
  ASSERT_TRUE(tells(1));
  other_status = 503;
  table.remove("p", instance.key, instance.tag);
  say();
  ASSERT_TRUE(bed.until([&] { return failures == 1; }));
  Instance heir = instance;
  heir.key.instance_guid = "heir";
  table.put(heir);
  say();
  other_status = 0;
  ASSERT_TRUE(tells(3));
  EXPECT_EQ(told[1], "delete 1024 10.0.0.1:61001");
  EXPECT_THAT(calls[1], HasSubstr(R"("instance_id":"i122444")"));
  EXPECT_THAT(calls[2], HasSubstr(R"("instance_id":"heir")"));
}

TEST_F(RoutingApiTest, what_comes_back_as_it_was_is_not_deleted) {
  start();
  say_instances({61001});
  ASSERT_TRUE(tells(1));
  const Instance instance = tcp_instance(61001);
  other_status = 503;
  table.remove("p", instance.key, instance.tag);
  say();
  ASSERT_TRUE(bed.until([&] { return failures == 1; }));
  table.put(instance);
  say();
  other_status = 0;
  ASSERT_TRUE(tells(2));
  say_instances({61002});
  ASSERT_TRUE(tells(3));
  EXPECT_THAT(told, ElementsAre("create 1024 10.0.0.1:61001", "create 1024 10.0.0.1:61001",
                                "create 1024 10.0.0.1:61002"));
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

TEST_F(RoutingApiTest, a_call_that_is_not_known_there_loses_nothing) {
  start({.batch_max = 2});
  other_status = 404;
  say_instances({61001, 61002, 61003});
  ASSERT_TRUE(bed.until([&] { return metrics.api_failures.value() >= 2; }));
  EXPECT_EQ(metrics.api_refused.value(), 0u);
  other_status = 0;
  ASSERT_TRUE(tells(3));
}

TEST_F(RoutingApiTest, a_routing_api_that_refuses_everything_is_not_stormed) {
  start({.repeat_interval = 100h, .first_wait = 1h});
  refused_text = "[";
  table.put(tcp_app(1024));
  for (uint16_t port = 61001; port <= 61040; ++port) table.put(tcp_instance(port));
  say();
  ASSERT_TRUE(bed.until([&] { return metrics.api_refused.value() == 16; }));
  const int refused = refusals;
  bed.turn(100);
  EXPECT_EQ(refusals, refused);
  EXPECT_EQ(metrics.api_refused.value(), 16u);
}

TEST_F(RoutingApiTest, deletions_outlast_a_routing_api_that_refuses_everything) {
  start({.repeat_interval = 50ms, .wait_max = 10ms, .batch_max = 8});
  table.put(tcp_app(1024));
  for (uint16_t port = 61001; port <= 61040; ++port) table.put(tcp_instance(port));
  say();
  ASSERT_TRUE(tells(40));
  refused_text = "[";
  for (uint16_t port = 61001; port <= 61040; ++port) {
    const Instance gone = tcp_instance(port);
    table.remove("p", gone.key, gone.tag);
  }
  say();
  ASSERT_TRUE(bed.until([&] { return metrics.api_refused.value() >= 40; }));
  refused_text.clear();
  // Those that were refused before it was taken for more than their own fault end with their ttl.
  EXPECT_TRUE(bed.until([&] { return metrics.api_deleted.value() == 25; }));
}

TEST_F(RoutingApiTest, a_route_that_makes_it_fail_holds_up_no_other_and_no_deletion) {
  for (const int status : {500, 409}) {
    const uint64_t deleted = metrics.api_deleted.value();
    told.clear();
    const auto first = static_cast<uint16_t>(60'000 + status);
    start({.repeat_interval = 100h, .wait_max = 10ms, .batch_max = 8});
    say_instances({first});
    ASSERT_TRUE(tells(1));
    other_status = status;
    other_text = std::to_string(first + 3);
    table.remove("p", tcp_instance(first).key, tcp_instance(first).tag);
    for (uint16_t port = first + 1; port <= first + 8; ++port) table.put(tcp_instance(port));
    say();
    ASSERT_TRUE(tells(9)) << status;
    EXPECT_TRUE(bed.until([&] { return metrics.api_deleted.value() == deleted + 1; })) << status;
    EXPECT_THAT(told,
                testing::Not(testing::Contains(HasSubstr("create 1024 10.0.0.1:" + other_text))));
    other_status = 0;
    for (uint16_t port = first + 1; port <= first + 8; ++port)
      table.remove("p", tcp_instance(port).key, tcp_instance(port).tag);
    table.take_changes();
  }
}

TEST_F(RoutingApiTest, a_route_that_was_left_out_is_told_in_the_next_round) {
  start({.repeat_interval = 200ms, .wait_max = 10ms});
  other_status = 500;
  say_instances({61001});
  ASSERT_TRUE(bed.until([&] { return failures >= 4; }));
  other_status = 0;
  ASSERT_TRUE(tells(1));
}

TEST_F(RoutingApiTest, batches_grow_only_after_two_that_were_taken) {
  start({.batch_max = 4});
  refused_text = "61002";
  say_instances({61001, 61002, 61003, 61004, 61005, 61006, 61007});
  ASSERT_TRUE(tells(6));
  std::vector<size_t> sizes;
  for (const std::string& call : calls) {
    size_t entries = 0;
    for (size_t at = 0; (at = call.find("\"ttl\"", at)) != std::string::npos; ++at) ++entries;
    sizes.push_back(entries);
  }
  EXPECT_THAT(sizes, ElementsAre(1, 1, 1, 2, 1)) << "61001, refused, 61003, 61004, then two";
}

TEST_F(RoutingApiTest, a_round_of_repeats_ends_before_the_next_begins) {
  table.put(tcp_app(1024));
  for (uint16_t port = 61001; port <= 61100; ++port) table.put(tcp_instance(port));
  table.take_changes();  // said by an earlier one
  start({.repeat_interval = 1ms, .batch_max = 1});
  ASSERT_TRUE(tells(200));
  EXPECT_EQ(std::set<std::string>(told.begin(), told.begin() + 100).size(), 100u);
  EXPECT_EQ(std::set<std::string>(told.begin() + 100, told.begin() + 200).size(), 100u);
}

TEST_F(RoutingApiTest, changes_and_deletions_do_not_wait_for_repeats) {
  table.put(tcp_app(1024));
  for (uint16_t port = 61001; port <= 61100; ++port) table.put(tcp_instance(port));
  table.take_changes();  // said by an earlier one
  start({.repeat_interval = 1ms, .batch_max = 1});
  ASSERT_TRUE(tells(10));
  const size_t before = told.size();
  table.put(tcp_instance(61200));
  table.remove("p", tcp_instance(61100).key, tcp_instance(61100).tag);
  say();
  ASSERT_TRUE(tells(before + 4));
  const std::vector<std::string> next(told.begin() + static_cast<std::ptrdiff_t>(before),
                                      told.begin() + static_cast<std::ptrdiff_t>(before) + 4);
  EXPECT_THAT(next,
              testing::IsSupersetOf({"create 1024 10.0.0.1:61200", "delete 1024 10.0.0.1:61100"}));
}

TEST_F(RoutingApiTest, deletions_take_turns_with_changes) {
  start({.batch_max = 1});
  say_instances({61001});
  ASSERT_TRUE(tells(1));
  table.remove("p", tcp_instance(61001).key, tcp_instance(61001).tag);
  for (uint16_t port = 61010; port <= 61030; ++port) table.put(tcp_instance(port));
  say();
  ASSERT_TRUE(tells(4));
  EXPECT_THAT(std::vector<std::string>(told.begin() + 1, told.begin() + 4),
              ElementsAre("create 1024 10.0.0.1:61010", "delete 1024 10.0.0.1:61001",
                          "create 1024 10.0.0.1:61011"));
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
