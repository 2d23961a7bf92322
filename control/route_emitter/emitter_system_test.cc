// The whole emitter between a BBS of the test's making and a real nats-server.

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "cf/wire/registry_message.h"
#include "control/route_emitter/fake_bbs.h"
#include "control/route_emitter/route_emitter.h"
#include "test/support/server_process.h"

namespace causeway::route_emitter {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

class EmitterTest : public testing::Test {
 protected:
  EmitterTest() { listen(); }

  // A router's ear: "+a.com 61001" for a registration.
  void listen() {
    ear = std::make_unique<nats::Client>(
        bed.loop(), bed.logger(),
        nats::Options{
            .servers = {{"127.0.0.1", nats.port(), "", ""}}, .name = "ear", .reconnect_wait = 50ms},
        [](nats::Link, std::string_view) {});
    for (const char* subject :
         {"router.tcp.*", "service-discovery.register", "service-discovery.unregister"}) {
      ear->subscribe(subject, [this](const nats::Message& message) {
        others.push_back(message.subject + " " + message.payload);
      });
    }
    for (const char* subject : {"router.register", "router.unregister"}) {
      ear->subscribe(subject, [this](const nats::Message& message) {
        const auto parsed = cf::parse_registry_message(message.payload);
        ASSERT_TRUE(parsed) << message.payload;
        heard.push_back((message.subject == "router.register" ? "+" : "-") + parsed->uris.at(0) +
                        " " + std::to_string(parsed->port));
      });
    }
    ear->subscribe("settled", [this](const nats::Message&) { ++settled; });
    settle();
  }
  // What reached the server before has been heard.
  void settle() {
    const int before = settled;
    EXPECT_TRUE(ear->publish("settled", ""));
    EXPECT_TRUE(bed.until([this, before] { return settled > before; }));
  }
  // What the emitter had to say before has been heard: it speaks in order.
  void emitter_settles() {
    const int number = ++markers;
    bbs.tell(of_app<AppCreated>(app("marker", "marker.com")));
    bbs.tell(of_instance<Created>(running("marker", number)));
    EXPECT_TRUE(hear("+marker.com " + std::to_string(61000 + number)));
  }

  EmitterConfig config() {
    EmitterConfig made;
    made.bbs_url = bbs.service.url();
    made.health_address = net::Address::loopback(0);
    made.nats.servers = {{"127.0.0.1", nats.port(), "", ""}};
    made.nats.reconnect_wait = 50ms;
    // Nothing happens by itself: tests set what they want to see.
    made.register_interval = made.unregistration_interval = made.sync_interval = 1h;
    return made;
  }
  void start(EmitterConfig with) {
    emitter = std::make_unique<RouteEmitter>(bed.loop(), bed.logger(), std::move(with),
                                             RouteEmitter::Identities{},
                                             [this](int code) { exit_codes.push_back(code); });
    auto address = emitter->start();
    ASSERT_TRUE(address);
    health = "http://" + address->to_string();
  }
  void start() { start(config()); }

  // All that was heard is exactly this, in order; heard anew afterwards.
  void expect_heard(const std::vector<std::string>& expected) {
    EXPECT_TRUE(bed.until([&] { return heard.size() >= expected.size(); }));
    EXPECT_THAT(heard, testing::ElementsAreArray(expected));
    heard.clear();
  }
  // Something was heard `times` times, whatever else.
  [[nodiscard]] bool hear(const std::string& line, int times = 1) {
    return bed.until([&] { return std::count(heard.begin(), heard.end(), line) >= times; });
  }
  std::string get(const std::string& path) {
    rpc::Client client(bed.loop());
    std::string body;
    client.send({.method = "GET", .url = health + path}, [&body](Result<rpc::Reply> reply) {
      body = reply ? std::to_string(reply->status) + "\n" + reply->body : to_string(reply.error());
    });
    EXPECT_TRUE(bed.until([&body] { return !body.empty(); }));
    return body;
  }

  // Waits for a line of /metrics.
  [[nodiscard]] bool see(const std::string& line) {
    const Instant end = std::chrono::steady_clock::now() + rpc::test::kPatience;
    while (get("/metrics").find("\n" + line + "\n") == std::string::npos) {
      if (std::chrono::steady_clock::now() > end) return false;
    }
    return true;
  }

  test::NatsServer nats;
  rpc::test::TestBed bed;
  FakeBbs bbs{bed};
  std::vector<std::string> heard;
  std::vector<std::string> others;  // of TCP and internal routes: subject and payload
  int settled = 0;
  int markers = 100;
  std::vector<int> exit_codes;
  std::string health;
  std::unique_ptr<nats::Client> ear;
  std::unique_ptr<RouteEmitter> emitter;
};

TEST_F(EmitterTest, what_runs_is_registered_and_events_follow) {
  bbs.apps = {app("p", "a.com")};
  bbs.instances = {running("p", 1)};
  start();
  ASSERT_TRUE(hear("+a.com 61001"));
  heard.clear();

  const Instant told = std::chrono::steady_clock::now();
  bbs.tell(of_instance<Created>(running("p", 2)));
  expect_heard({"+a.com 61002"});
  const auto took = std::chrono::steady_clock::now() - told;
  RecordProperty("event_to_router_us", std::to_string(took / 1us));
  bbs.tell(of_instance<Removed>(running("p", 1)));
  expect_heard({"-a.com 61001"});
  bbs.tell(of_app<AppCreated>(app("q", "q.com")));
  bbs.tell(of_instance<Created>(running("q", 3)));
  expect_heard({"+q.com 61003"});

  EXPECT_THAT(get("/health"), testing::StartsWith("200\nok"));
  EXPECT_THAT(get("/"), testing::StartsWith("200\nok"));
  const std::string metrics = get("/metrics");
  for (const char* line : {"RoutesTotal 2", "HTTPRouteCount 2", "RoutesUnregistered 1",
                           "route_emitter_nats_connected 1", "route_emitter_bbs_connected 1"}) {
    EXPECT_THAT(metrics, testing::HasSubstr(line));
  }
}

TEST_F(EmitterTest, an_event_of_the_time_of_a_fetch_is_not_lost) {
  bbs.apps = {app("p", "a.com")};
  bbs.on_instances = [this] {
    bbs.instances = {running("p", 1)};
    bbs.tell(of_instance<Created>(running("p", 1)));
  };
  start();
  EXPECT_TRUE(hear("+a.com 61001"));
  ASSERT_TRUE(see("RoutesTotal 1"));
  ASSERT_TRUE(bed.until([&] { return !bbs.asked.empty(); }));
  emitter_settles();
  EXPECT_EQ(std::count(heard.begin(), heard.end(), "-a.com 61001"), 0);
}

TEST_F(EmitterTest, a_router_is_greeted_and_its_interval_kept) {
  bbs.apps = {app("p", "a.com")};
  bbs.instances = {running("p", 1)};
  bool greeted = false;
  ear->subscribe("router.greet", [&](const nats::Message& message) {
    greeted = true;
    EXPECT_TRUE(ear->publish(message.reply, R"({"minimumRegisterIntervalInSeconds":1})"));
  });
  start();
  EXPECT_TRUE(hear("+a.com 61001", 3));  // once a second now
  EXPECT_TRUE(greeted);
}

TEST_F(EmitterTest, routers_that_do_not_answer_are_greeted_so_often_and_no_more) {
  const Audience::Options diegos;
  EXPECT_EQ(diegos.greet_attempts, 30);
  EXPECT_EQ(diegos.greet_timeout, 1s);
  EXPECT_EQ(diegos.register_interval, 20s);
  EXPECT_EQ(diegos.jitter, 0.2);
  int greeted = 0;
  ear->subscribe("router.greet", [&greeted](const nats::Message&) { ++greeted; });
  settle();
  const RoutingTable table;
  metrics::Registry registry;
  EmitterMetrics metrics(registry);
  Announcer announcer(
      bed.loop(), bed.logger(),
      {.nats = config().nats, .audience = {.greet_timeout = 20ms, .greet_attempts = 3}}, table,
      metrics);
  ASSERT_TRUE(bed.until([&] { return greeted == 3; }));
  const Instant began = bed.loop().now();
  ASSERT_TRUE(bed.until([&] { return bed.loop().now() > began + 200ms; }));
  settle();
  EXPECT_EQ(greeted, 3);
}

TEST_F(EmitterTest, a_starting_router_hears_everything_at_once) {
  for (int number = 1; number <= 3; ++number) bbs.instances.push_back(running("p", number));
  bbs.apps = {app("p", "a.com")};
  start();
  ASSERT_TRUE(hear("+a.com 61003"));
  heard.clear();
  ASSERT_TRUE(ear->publish("router.start", R"({"id":"r","minimumRegisterIntervalInSeconds":20})"));
  expect_heard({"+a.com 61001", "+a.com 61002", "+a.com 61003"});
  ASSERT_TRUE(ear->publish("router.start", "not JSON"));
  expect_heard({"+a.com 61001", "+a.com 61002", "+a.com 61003"});
}

TEST_F(EmitterTest, unregistrations_are_repeated_until_the_route_comes_back) {
  bbs.apps = {app("p", "a.com")};
  bbs.instances = {running("p", 1), running("p", 2)};
  EmitterConfig with = config();
  with.unregistration_interval = 50ms;
  with.unregistration_send_count = 3;
  start(with);
  ASSERT_TRUE(hear("+a.com 61002"));
  heard.clear();
  bbs.tell(of_instance<Removed>(running("p", 1)));
  ASSERT_TRUE(hear("-a.com 61001", 4));
  ASSERT_TRUE(see("route_emitter_waiting_unregistrations 0"));
  emitter_settles();
  EXPECT_EQ(std::count(heard.begin(), heard.end(), "-a.com 61001"), 4);
  bbs.tell(of_instance<Removed>(running("p", 2)));
  ASSERT_TRUE(hear("-a.com 61002", 2));
  bbs.tell(of_instance<Created>(running("p", 2)));
  ASSERT_TRUE(hear("+a.com 61002"));
  EXPECT_TRUE(see("route_emitter_waiting_unregistrations 0"));
}

TEST_F(EmitterTest, losing_the_bbs_takes_nothing_away) {
  bbs.apps = {app("p", "a.com")};
  bbs.instances = {running("p", 1), running("p", 2)};
  EmitterConfig with = config();
  with.sync_interval = 100ms;
  start(with);
  ASSERT_TRUE(hear("+a.com 61002"));
  heard.clear();
  bbs.stop();
  ASSERT_TRUE(see("route_emitter_failed_syncs 3"));
  settle();
  EXPECT_THAT(heard, IsEmpty());

  // Back, but it cannot reach its store: an error, not "nothing".
  bbs.has_store = false;
  bbs.asked.clear();
  bbs.start();
  ASSERT_TRUE(bed.until([&] { return bbs.streams.size() == 1 && bbs.asked.size() >= 3; }));
  settle();
  EXPECT_THAT(heard, IsEmpty());

  bbs.instances = {running("p", 2), running("p", 3)};
  bbs.has_store = true;
  expect_heard({"+a.com 61003", "-a.com 61001"});
}

TEST_F(EmitterTest, a_broken_event_stream_is_subscribed_anew_and_what_was_missed_is_fetched) {
  bbs.apps = {app("p", "a.com")};
  start();
  ASSERT_TRUE(see("route_emitter_synced 1"));
  bbs.instances = {running("p", 1)};
  bbs.streams.clear();
  EXPECT_TRUE(hear("+a.com 61001"));
  ASSERT_TRUE(bed.until([&] { return bbs.streams.size() == 1; }));
}

TEST_F(EmitterTest, after_nats_was_away_everything_is_said_again) {
  bbs.apps = {app("p", "a.com")};
  bbs.instances = {running("p", 1), running("p", 2)};
  start();
  ASSERT_TRUE(hear("+a.com 61002"));
  nats.kill(SIGKILL);
  ASSERT_TRUE(bed.until([&] { return !ear->is_connected(); }));
  bbs.tell(of_instance<Removed>(running("p", 1)));
  bbs.tell(of_instance<Created>(running("p", 3)));
  ASSERT_TRUE(see("route_emitter_events 2"));
  heard.clear();
  nats.start();
  // The ear may be back later than the emitter: then it asks, as a router does.
  ASSERT_TRUE(bed.until([&] { return ear->is_connected(); }));
  ASSERT_TRUE(ear->publish("router.start", "{}"));
  ASSERT_TRUE(hear("+a.com 61002"));
  ASSERT_TRUE(hear("+a.com 61003"));
  EXPECT_EQ(std::count(heard.begin(), heard.end(), "+a.com 61001"), 0);
}

TEST_F(EmitterTest, an_emitter_without_nats_starts_and_speaks_when_it_comes) {
  bbs.apps = {app("p", "a.com")};
  bbs.instances = {running("p", 1)};
  nats.kill(SIGKILL);
  start();
  ASSERT_TRUE(see("RoutesTotal 1"));
  EXPECT_THAT(get("/health"), testing::StartsWith("200"));
  nats.start();
  ASSERT_TRUE(bed.until([&] { return ear->is_connected(); }));
  ASSERT_TRUE(ear->publish("router.start", "{}"));
  EXPECT_TRUE(hear("+a.com 61001"));
}

TEST_F(EmitterTest, of_one_cell_apps_are_fetched_when_their_first_instance_comes) {
  bbs.instances = {running("other", 9, "cell-b")};
  EmitterConfig with = config();
  with.cell_id = "cell-a";
  start(with);
  ASSERT_TRUE(see("route_emitter_synced 1"));
  EXPECT_THAT(bbs.followed_cells, ElementsAre("cell-a"));
  EXPECT_EQ(bbs.asked_cell, "cell-a");
  bbs.apps = {app("p", "a.com")};
  bbs.tell(of_app<AppCreated>(app("p", "a.com")));
  EXPECT_THAT(bbs.asked_guids, IsEmpty());
  bbs.tell(of_instance<Created>(running("p", 1, "cell-a")));
  ASSERT_TRUE(hear("+a.com 61001"));
  EXPECT_THAT(bbs.asked_guids, ElementsAre("p"));
  bbs.tell(of_instance<Created>(running("p", 2, "cell-b")));  // should have been filtered
  bbs.tell(of_instance<Removed>(running("p", 1, "cell-a")));
  ASSERT_TRUE(hear("-a.com 61001"));
  EXPECT_EQ(std::count(heard.begin(), heard.end(), "+a.com 61002"), 0);
}

TEST_F(EmitterTest, a_locked_out_emitter_waits_and_one_that_lost_the_lock_ends) {
  bbs.apps = {app("p", "a.com")};
  bbs.instances = {running("p", 1)};
  int status = 409;
  int attempts = 0;
  bbs.service.server->route("POST", "/models.Locket/Lock",
                            [&](const rpc::Request& request, rpc::Responder responder) {
                              models::LockRequest lock;
                              EXPECT_TRUE(lock.ParseFromString(request.body));
                              EXPECT_EQ(lock.resource().key(), "route_emitter");
                              ++attempts;
                              responder.reply(status, "text/plain", "");
                            });
  EmitterConfig with = config();
  with.locket_url = bbs.service.url();
  with.lock_retry_interval = 50ms;
  start(with);
  ASSERT_TRUE(bed.until([&] { return attempts >= 2; }));
  EXPECT_THAT(bbs.asked, IsEmpty());
  EXPECT_TRUE(bbs.streams.empty());
  EXPECT_TRUE(see("LockHeld 0"));
  status = 200;
  EXPECT_TRUE(hear("+a.com 61001"));
  EXPECT_TRUE(see("LockHeld 1"));
  EXPECT_THAT(bbs.followed_cells, ElementsAre(""));
  status = 409;
  ASSERT_TRUE(bed.until([&] { return !exit_codes.empty(); }));
  EXPECT_THAT(exit_codes, ElementsAre(1));
}

TEST_F(EmitterTest, stopping_unregisters_nothing) {
  bbs.apps = {app("p", "a.com")};
  bbs.instances = {running("p", 1)};
  start();
  ASSERT_TRUE(hear("+a.com 61001"));
  heard.clear();
  emitter->stop();
  ASSERT_TRUE(bed.until([&] { return !exit_codes.empty(); }));
  EXPECT_THAT(exit_codes, ElementsAre(0));
  emitter.reset();  // sends what it still has to say
  settle();
  EXPECT_THAT(heard, IsEmpty());
}

TEST_F(EmitterTest, tcp_and_internal_routes_are_emitted_when_switched_on) {
  models::DesiredLRP desired = app("p", "a.com");
  auto& routes = *desired.mutable_routes()->mutable_routes();
  routes["tcp-router"] =
      R"([{"router_group_guid":"g","external_port":1024,"container_port":8080}])";
  routes["internal-router"] = R"([{"hostname":"a.internal"}])";
  bbs.apps = {desired};
  models::ActualLRP instance = running("p", 1);
  instance.mutable_actual_lrp_key()->set_index(1);
  instance.mutable_actual_lrp_net_info()->set_instance_address("172.16.0.9");
  bbs.instances = {instance};
  EmitterConfig with = config();
  with.serves = {.tcp = true, .internal = true};
  with.unregistration_interval = 50ms;
  with.unregistration_send_count = 1;
  start(with);
  const auto hears = [this](const std::string& begin, int times = 1) {
    return bed.until([&] {
      return std::count_if(others.begin(), others.end(), [&](const std::string& other) {
               return other.starts_with(begin);
             }) >= times;
    });
  };
  const std::string tcp =
      R"({"router_group_guid":"g","external_port":1024,"host":"10.0.0.1","port":61001,)";
  const std::string internal = R"({"host":"172.16.0.9","uris":["a.internal","1.a.internal"],)";
  ASSERT_TRUE(hears("router.tcp.register " + tcp));
  ASSERT_TRUE(hears("service-discovery.register " + internal));
  EXPECT_TRUE(hear("+a.com 61001"));
  ASSERT_TRUE(see("TCPRouteCount 1"));
  EXPECT_TRUE(see("InternalRouteCount 1"));
  EXPECT_TRUE(see("HTTPRouteCount 1"));
  EXPECT_TRUE(see("RoutesTotal 3"));
  // Each audience hears its own again.
  others.clear();
  ASSERT_TRUE(
      ear->publish("service-discovery.start", R"({"minimumRegisterIntervalInSeconds":60})"));
  ASSERT_TRUE(hears("service-discovery.register "));
  EXPECT_EQ(others.size(), 1u);
  others.clear();
  ASSERT_TRUE(ear->publish("router.start", "{}"));
  ASSERT_TRUE(hears("router.tcp.register "));
  EXPECT_EQ(others.size(), 1u);
  bbs.tell(of_instance<Removed>(instance));
  EXPECT_TRUE(hears("router.tcp.unregister " + tcp, 2));
  EXPECT_TRUE(hears("service-discovery.unregister " + internal, 2));
  EXPECT_TRUE(see("TCPRouteCount 0"));
}

TEST_F(EmitterTest, the_routing_api_is_told_of_tcp_routes_too) {
  diego::test::FakeService api(bed);
  std::vector<std::string> told;
  for (const char* call : {"create", "delete"}) {
    api.server->route("POST", std::string("/routing/v1/tcp_routes/") + call,
                      [&told, call](const rpc::Request& request, rpc::Responder responder) {
                        told.push_back(call + (" " + request.body));
                        responder.reply(201);
                      });
  }
  models::DesiredLRP desired = app("p", "a.com");
  (*desired.mutable_routes()->mutable_routes())["tcp-router"] =
      R"([{"router_group_guid":"g","external_port":1024,"container_port":8080}])";
  bbs.apps = {desired};
  bbs.instances = {running("p", 1)};
  EmitterConfig with = config();
  with.serves = {.tcp = true, .internal = false};
  with.routing_api.url = api.url();
  with.sync_interval = 100ms;
  start(with);
  const std::string route =
      R"( [{"router_group_guid":"g","port":1024,"backend_ip":"10.0.0.1","backend_port":61001,)";
  ASSERT_TRUE(bed.until([&] { return told.size() >= 3; })) << "again with every sync";
  for (const std::string& one : told) EXPECT_TRUE(one.starts_with("create" + route)) << one;
  bbs.instances.clear();
  bbs.tell(of_instance<Removed>(running("p", 1)));
  ASSERT_TRUE(bed.until([&] { return told.back().starts_with("delete" + route); }));
  EXPECT_TRUE(see("route_emitter_routing_api_deleted 1"));
}

TEST_F(EmitterTest, service_discovery_is_greeted_and_its_interval_kept) {
  models::DesiredLRP desired = app("p", "a.com");
  (*desired.mutable_routes()->mutable_routes())["internal-router"] =
      R"([{"hostname":"a.internal"}])";
  bbs.apps = {desired};
  models::ActualLRP instance = running("p", 1);
  instance.mutable_actual_lrp_net_info()->set_instance_address("172.16.0.9");
  bbs.instances = {instance};
  ear->subscribe("service-discovery.greet", [&](const nats::Message& message) {
    EXPECT_TRUE(ear->publish(message.reply, R"({"minimumRegisterIntervalInSeconds":1})"));
  });
  EmitterConfig with = config();
  with.serves.internal = true;
  start(with);
  EXPECT_TRUE(bed.until([this] { return others.size() >= 3; }));  // once a second now
}

TEST_F(EmitterTest, tcp_and_internal_routes_are_off_by_default) {
  models::DesiredLRP desired = app("p", "a.com");
  auto& routes = *desired.mutable_routes()->mutable_routes();
  routes["tcp-router"] = R"([{"external_port":1024,"container_port":8080}])";
  routes["internal-router"] = R"([{"hostname":"a.internal"}])";
  bbs.apps = {desired};
  bbs.instances = {running("p", 1)};
  start();
  ASSERT_TRUE(hear("+a.com 61001"));
  emitter_settles();
  EXPECT_THAT(others, IsEmpty());
}

}  // namespace
}  // namespace causeway::route_emitter
