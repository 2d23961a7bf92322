// TCP routes through the router's binary with a real NATS server: listeners come and go with their
// registrations, and connections outlive them.

#include <csignal>
#include <string>

#include <gtest/gtest.h>

#include "test/support/fake_backend.h"
#include "test/support/own_ports.h"
#include "test/system/router/router_binary.h"

namespace causeway::test {
namespace {

constexpr const char* kTcp =
    "tcp_router:\n  reservable_ports: 20000-32000\n  log_connections: true";

class TcpRoutesTest : public testing::Test {
 protected:
  RouterBinary& start(const std::string& more = kTcp) {
    router_ = std::make_unique<RouterBinary>(nats_.port(), more);
    EXPECT_TRUE(router_->wait_until_serving()) << router_->process().output();
    peer_ = std::make_unique<NatsPeer>(nats_.port());
    return *router_;
  }
  static std::string message(uint16_t external_port, uint16_t port, const std::string& more = {}) {
    return "{\"router_group_guid\":\"g\",\"external_port\":" + std::to_string(external_port) +
           ",\"host\":\"127.0.0.1\",\"port\":" + std::to_string(port) +
           ",\"private_instance_id\":\"i\"" + more + "}";
  }
  void say(const std::string& subject, const std::string& payload) {
    peer_->publish(subject, payload);
    peer_->flush();
  }
  [[nodiscard]] bool opens(int ports = 1) {
    return eventually([&] { return router_->metric("tcp_ports_open") == ports; });
  }
  static FakeBackend::Serve says(const std::string& name) {
    return [name](RawSocket& peer, size_t) {
      peer.send(name);
      for (std::string bytes = peer.receive(); !bytes.empty(); bytes = peer.receive()) {
        if (!peer.send(bytes)) return;
      }
    };
  }
  // Of a route to a backend that says "1", which it has heard.
  RawSocket client_of(const FakeBackend& backend) {
    const uint16_t port = free_port();
    say("router.tcp.register", message(port, backend.port()));
    EXPECT_TRUE(opens());
    RawSocket client = RawSocket::connect(port);
    EXPECT_EQ(client.receive_exactly(1), "1");
    return client;
  }

  NatsServer nats_;
  std::unique_ptr<RouterBinary> router_;
  std::unique_ptr<NatsPeer> peer_;
};

TEST_F(TcpRoutesTest, a_port_is_served_while_it_is_registered) {
  RouterBinary& router = start();
  FakeBackend one(says("1")), two(says("2"));
  const uint16_t port = free_port();
  say("router.tcp.register", message(port, one.port()));
  ASSERT_TRUE(opens()) << router.process().output();
  RawSocket client = RawSocket::connect(port);
  EXPECT_EQ(client.receive_exactly(1), "1");
  say("router.tcp.register", message(port, two.port()));
  EXPECT_TRUE(eventually([&] { return RawSocket::connect(port).receive_exactly(1) == "2"; }));
  say("router.tcp.unregister", message(port, one.port()));
  say("router.tcp.unregister", message(port, two.port()));
  ASSERT_TRUE(opens(0));
  ASSERT_TRUE(client.send("still there"));
  EXPECT_EQ(client.receive_exactly(11), "still there");
  client.half_close();
  EXPECT_EQ(client.receive_all(), "");
  EXPECT_FALSE(client.was_reset());
  EXPECT_TRUE(router.process().wait_for_output("\"end\":\"done\""));
  EXPECT_EQ(router.metric("registry_messages_malformed"), 0);
}

TEST_F(TcpRoutesTest, a_registration_that_is_not_repeated_is_pruned) {
  RouterBinary& router = start(std::string(kTcp) + "\nprune_stale_droplets_interval: 100ms");
  FakeBackend backend(says("1"));
  say("router.tcp.register",
      message(free_port(), backend.port(), ",\"stale_threshold_in_seconds\":1"));
  EXPECT_TRUE(router.process().wait_for_output("\"tcp-port-open\""));
  EXPECT_TRUE(eventually([&] { return router.metric("tcp_routes_pruned") == 1; }));
  EXPECT_TRUE(opens(0));
}

TEST_F(TcpRoutesTest, drain_lets_connections_end) {
  RouterBinary& router = start(std::string(kTcp) + "\ndrain_timeout: 60s");
  FakeBackend backend(says("1"));
  RawSocket client = client_of(backend);
  router.process().signal(SIGUSR1);
  ASSERT_TRUE(router.process().wait_for_output("outstanding active connections"));
  ASSERT_TRUE(client.send("last words"));
  EXPECT_EQ(client.receive_exactly(10), "last words");
  client.half_close();
  EXPECT_EQ(client.receive_all(), "");
  EXPECT_FALSE(client.was_reset());
  EXPECT_EQ(router.process().wait_for_exit(), 0);
}

TEST_F(TcpRoutesTest, a_drain_that_takes_too_long_cuts) {
  RouterBinary& router = start(std::string(kTcp) + "\ndrain_timeout: 1s");
  FakeBackend backend(says("1"));
  RawSocket client = client_of(backend);
  router.process().signal(SIGUSR1);
  EXPECT_EQ(client.receive_all(), "");
  EXPECT_TRUE(client.was_reset());
  EXPECT_EQ(router.process().wait_for_exit(), 0);
}

TEST_F(TcpRoutesTest, what_cannot_be_carried_is_refused_and_told) {
  RouterBinary& router = start();
  say("router.tcp.register", message(19'999, 1));
  say("router.tcp.register", message(router.port(), 1));
  say("router.tcp.register", "{");
  EXPECT_TRUE(eventually([&] { return router.metric("tcp_routes_refused") == 2; }));
  EXPECT_TRUE(eventually([&] { return router.metric("tcp_route_messages_malformed") == 1; }));
  EXPECT_TRUE(router.process().wait_for_output("tcp-route-refused"));
  EXPECT_EQ(router.metric("tcp_ports_open"), 0);
}

TEST_F(TcpRoutesTest, without_configuration_there_are_none) {
  RouterBinary& router = start("index: 1");
  FakeBackend backend(FakeBackend::answers("hello"));
  say("router.tcp.register", message(free_port(), backend.port()));
  say("router.register", registration("app.d", backend.port()));
  ASSERT_TRUE(eventually([&] { return router.status_of("app.d") == 200; }));
  EXPECT_EQ(router.metric("tcp_ports_open"), -1);
}

}  // namespace
}  // namespace causeway::test
