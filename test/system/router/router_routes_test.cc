// The router's binary between a real NATS server, backends and clients: routes come, go and age.

#include <atomic>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "test/support/fake_backend.h"
#include "test/system/router/router_binary.h"

namespace causeway::test {
namespace {

class RouterRoutesTest : public testing::Test {
 protected:
  RouterBinary& start(const std::string& more = {}) {
    router_ = std::make_unique<RouterBinary>(nats_.port(), more);
    EXPECT_TRUE(router_->wait_until_serving()) << router_->process().output();
    peer_ = std::make_unique<NatsPeer>(nats_.port());
    settle(*router_, *peer_);
    return *router_;
  }
  void register_route(const std::string& uri, uint16_t port, const std::string& more = {}) {
    peer_->publish("router.register", registration(uri, port, more));
    peer_->flush();
  }
  bool becomes(const std::string& host, int status) {
    return eventually([&] { return router_->status_of(host) == status; });
  }

  NatsServer nats_;
  std::unique_ptr<RouterBinary> router_;
  std::unique_ptr<NatsPeer> peer_;
};

TEST_F(RouterRoutesTest, serves_what_is_registered_until_it_is_withdrawn) {
  RouterBinary& router = start();
  FakeBackend backend(FakeBackend::answers("hello"));
  EXPECT_EQ(router.status_of("app.d"), 404);
  register_route("App.d", backend.port());
  ASSERT_TRUE(becomes("app.d", 200));
  EXPECT_EQ(router.get(router.port(), "APP.d:80", "/path?q").body, "hello");
  peer_->publish("router.unregister", registration("app.d", backend.port()));
  EXPECT_TRUE(becomes("app.d", 404));
}

TEST_F(RouterRoutesTest, says_start_and_answers_greetings) {
  NatsPeer listener(nats_.port());
  listener.subscribe("router.start");
  start("droplet_stale_threshold: 77s\nindex: 3");
  const NatsPeer::Heard heard = listener.hear();
  EXPECT_EQ(heard.subject, "router.start");
  for (const char* expected :
       {R"("id":"3-)", R"("hosts":[")", R"("minimumRegisterIntervalInSeconds":0)",
        R"("pruneThresholdInSeconds":77)"}) {
    EXPECT_NE(heard.payload.find(expected), std::string::npos) << heard.payload;
  }
  listener.subscribe("my.inbox");
  listener.publish("router.greet", "{}", "my.inbox");
  const NatsPeer::Heard answer = listener.hear();
  EXPECT_EQ(answer.subject, "my.inbox");
  EXPECT_EQ(answer.payload, heard.payload);
}

TEST_F(RouterRoutesTest, malformed_messages_are_counted_and_change_nothing) {
  RouterBinary& router = start();
  FakeBackend backend(FakeBackend::answers("hello"));
  register_route("app.d", backend.port());
  ASSERT_TRUE(becomes("app.d", 200));
  for (const char* payload :
       {"", "{", "[]", R"({"host":5})", R"({"host":"h","port":"x","uris":["app.d"]})", "\xff\xfe",
        R"({"host":"h","port":1,"uris":["app.d"],"route_service_url":"http://x"})"}) {
    peer_->publish("router.register", payload);
    peer_->publish("router.unregister", payload);
  }
  peer_->publish("router.nonsense", "{");
  EXPECT_TRUE(eventually([&] { return router.metric("registry_messages_malformed") == 14; }));
  EXPECT_EQ(router.process().count_in_output("validation-error", 14), 14u);
  EXPECT_EQ(router.status_of("app.d"), 200);
  EXPECT_EQ(router.metric("total_routes", 1), 1);
}

TEST_F(RouterRoutesTest, silent_plaintext_endpoints_are_pruned) {
  RouterBinary& router = start("droplet_stale_threshold: 1s\nprune_stale_droplets_interval: 100ms");
  FakeBackend backend(FakeBackend::answers("hello"));
  register_route("app.d", backend.port());
  ASSERT_TRUE(router.process().wait_for_output(R"("message":"pruned-route")"));
  EXPECT_TRUE(becomes("app.d", 404));
  EXPECT_EQ(router.metric("routes_pruned", 1), 1);
}

TEST_F(RouterRoutesTest, emptied_routes_answer_503_where_that_is_configured) {
  start("empty_pool_response_code_503: true\nempty_pool_timeout: 100s");
  FakeBackend backend(FakeBackend::answers("hello"));
  register_route("app.d", backend.port());
  ASSERT_TRUE(becomes("app.d", 200));
  peer_->publish("router.unregister", registration("app.d", backend.port()));
  EXPECT_TRUE(becomes("app.d", 503));
}

TEST_F(RouterRoutesTest, a_killed_nats_server_stops_no_traffic_and_is_greeted_again) {
  RouterBinary& router = start(
      "suspend_pruning_if_nats_unavailable: true\ndroplet_stale_threshold: 4s\n"
      "prune_stale_droplets_interval: 100ms");
  FakeBackend backend(FakeBackend::answers("hello"));
  std::atomic<bool> is_over{false};
  std::atomic<int> failed{0};
  std::atomic<int> served{0};
  register_route("app.d", backend.port());
  ASSERT_TRUE(becomes("app.d", 200));

  nats_.kill(SIGKILL);
  std::thread client([&] {
    while (!is_over) (router.status_of("app.d") == 200 ? served : failed)++;
  });
  ASSERT_TRUE(router.process().wait_for_output("nats-connection-disconnected"));
  ASSERT_TRUE(router.process().wait_for_output("prune-suspended"));
  // Far beyond the threshold: without suspension the route would have gone.
  const int before = served;
  ASSERT_TRUE(eventually([&] {
    return router.process().count_in_output("prune-suspended") > 50 && served > before + 10;
  }));
  is_over = true;
  client.join();
  EXPECT_EQ(failed, 0);

  // Registrars hear of the router's return. The new server may have been there a moment before this
  // peer.
  nats_.start();
  NatsPeer listener(nats_.port());
  listener.subscribe("router.start");
  ASSERT_TRUE(router.process().wait_for_output("nats-connection-reconnected"));
  peer_ = std::make_unique<NatsPeer>(nats_.port());
  register_route("second.d", backend.port());
  EXPECT_TRUE(becomes("second.d", 200));
  EXPECT_EQ(listener.hear().subject, "router.start");
  // The route that nobody refreshes has had another term; then it goes like any other.
  EXPECT_TRUE(router.process().wait_for_output("prune-unsuspended-refresh-routes-complete"));
  EXPECT_TRUE(becomes("app.d", 404));
}

TEST_F(RouterRoutesTest, a_burst_of_twenty_thousand_routes_arrives_whole) {
  RouterBinary& router = start("logging: {level: info}");
  for (int i = 0; i < 20'000; ++i) {
    peer_->publish("router.register", registration("app" + std::to_string(i) + ".d", 1));
  }
  peer_->flush();
  EXPECT_TRUE(eventually([&] { return router.metric("total_routes") == 20'000; }))
      << router.metric("total_routes");
  EXPECT_EQ(router.metric("total_dropped_messages"), 0);
}

TEST_F(RouterRoutesTest, the_routes_page_shows_the_table_to_who_may_see_it) {
  RouterBinary& router = start();
  register_route("app.d/x", 4711,
                 R"(,"app":"guid","tags":{"component":"web"},"private_instance_id":"i")");
  const std::string secret = "Authorization: Basic c3RhdHVzOnNlY3JldA==\r\n";  // status:secret
  ASSERT_TRUE(eventually([&] {
    return router.get(router.routes_port(), "h", "/routes", secret).body.find("app.d/x") !=
           std::string::npos;
  }));
  EXPECT_EQ(router.get(router.routes_port(), "h", "/routes", secret).body,
            R"({"app.d/x":[{"address":"127.0.0.1:4711","availability_zone":"","protocol":"http1",)"
            R"("tls":false,"ttl":120,"tags":{"component":"web"},"private_instance_id":"i"}]})");
  for (const char* lines : {"", "Authorization: Basic c3RhdHVzOndyb25n\r\n",
                            "Authorization: Basic !!!\r\n", "Authorization: Bearer x\r\n"}) {
    const RawMessage reply = router.get(router.routes_port(), "h", "/routes", lines);
    EXPECT_EQ(reply.status(), 401) << lines;
    EXPECT_TRUE(reply.has("WWW-Authenticate"));
    EXPECT_EQ(reply.body.find("app.d"), std::string::npos);
  }
}

}  // namespace
}  // namespace causeway::test
