// The router's binary and its NATS servers: how it finds them, who may talk to whom, what is lost.

#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "log/logger.h"
#include "nats/client.h"
#include "net/loop.h"
#include "net/timer.h"
#include "test/support/certificates.h"
#include "test/support/fake_backend.h"
#include "test/system/router/router_binary.h"

namespace causeway::test {
namespace {

using namespace std::chrono_literals;

// A client that speaks TLS, on a loop that turns while it is asked for something.
class NatsTlsPeer {
 public:
  explicit NatsTlsPeer(nats::Options options)
      : client_(loop_, log::Logger(sink_, "peer"), std::move(options), {}) {
    tick_.every(5ms, [] {});
  }
  bool turn_until(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (!done()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      loop_.run_once();
    }
    return true;
  }
  bool is_connected() {
    return turn_until([this] { return client_.is_connected(); });
  }
  nats::Client& client() { return client_; }

 private:
  TempFolder folder_;
  log::Sink sink_{{.path = folder_.path() + "/log"}};
  net::Loop loop_;
  net::Timer tick_{loop_};
  nats::Client client_;
};

std::string host_entry(const NatsServer& server) {
  return "{hostname: 127.0.0.1, port: " + std::to_string(server.port()) + "}";
}

// A PEM text as a YAML block below a key at that depth.
std::string pem_block(const std::string& key, const std::string& path) {
  std::istringstream text(Authority::text_of(path));
  std::string block = "  " + key + ": |\n";
  for (std::string line; std::getline(text, line);) block += "    " + line + "\n";
  return block;
}

TEST(RouterNatsTest, gives_up_after_three_tries_at_the_start) {
  const std::string first = std::to_string(free_port());
  const std::string second = std::to_string(free_port());
  RouterBinary router(0, "nats: {hosts: [{hostname: 127.0.0.1, port: " + first +
                             "}, {hostname: 127.0.0.1, port: " + second + "}]}");
  EXPECT_EQ(router.process().wait_for_exit(), 1);
  EXPECT_EQ(router.process().count_in_output("connect-failed", 3), 3u) << router.process().output();
  EXPECT_EQ(router.process().count_in_output("nats-connection-error", 1), 1u);
  EXPECT_EQ(router.process().output().find("gorouter.started"), std::string::npos);
}

TEST(RouterNatsTest, any_of_several_servers_will_do_and_a_lost_one_is_replaced) {
  NatsServer one;
  NatsServer other;
  RouterBinary router(0, "nats: {hosts: [" + host_entry(one) + ", " + host_entry(other) + "]}");
  ASSERT_TRUE(router.wait_until_serving()) << router.process().output();
  FakeBackend backend(FakeBackend::answers("hello"));
  // Two servers that know nothing of each other: both are told.
  const auto tell = [&](const NatsServer& server, const std::string& uri) {
    NatsPeer peer(server.port());
    peer.publish("router.register", registration(uri, backend.port()));
    peer.flush();
  };
  ASSERT_TRUE(eventually([&] {
    tell(one, "a.d");
    tell(other, "a.d");
    return router.status_of("a.d") == 200;
  }));
  const bool is_at_one =
      router.process().output().find(R"("addr":"127.0.0.1:)" + std::to_string(one.port())) !=
      std::string::npos;
  NatsServer& used = is_at_one ? one : other;
  const NatsServer& spare = is_at_one ? other : one;
  NatsPeer listener(spare.port());
  listener.subscribe("router.start");
  listener.flush();
  used.kill(SIGKILL);
  EXPECT_EQ(listener.hear().subject, "router.start");  // registrars there hear of the router
  ASSERT_TRUE(router.process().wait_for_output("nats-connection-reconnected"));
  EXPECT_TRUE(eventually([&] {
    tell(spare, "b.d");
    return router.status_of("b.d") == 200;
  }));
  EXPECT_EQ(router.status_of("a.d"), 200);
}

TEST(RouterNatsTest, says_at_every_ping_interval_that_it_has_no_server) {
  NatsServer nats;
  RouterBinary router(0,
                      "nats: {hosts: [" + host_entry(nats) + "]}\nnats_client_ping_interval: 1s");
  ASSERT_TRUE(router.wait_until_serving()) << router.process().output();
  nats.kill(SIGKILL);
  ASSERT_TRUE(router.process().wait_for_output("nats-connection-disconnected"));
  EXPECT_TRUE(eventually(
      [&] { return router.process().count_in_output("nats-connection-still-disconnected") >= 2; }));
}

TEST(RouterNatsTest, shows_user_and_password) {
  NatsServer nats({.user = "gorouter", .password = "p@ss: /word"});
  const std::string hosts = "hosts: [" + host_entry(nats) + "]";
  RouterBinary stranger(0, "nats: {" + hosts + ", user: gorouter, pass: wrong}");
  EXPECT_EQ(stranger.process().wait_for_exit(), 1);
  RouterBinary router(0, "nats: {" + hosts + ", user: gorouter, pass: 'p@ss: /word'}");
  EXPECT_TRUE(router.wait_until_serving()) << router.process().output();
  EXPECT_EQ(router.process().output().find("/word"), std::string::npos);
}

TEST(RouterNatsTest, speaks_mutual_tls) {
  const Authority authority;
  const Authority::Files server = authority.sign("server", "DNS:localhost,IP:127.0.0.1");
  const Authority::Files client = authority.sign("client", "DNS:gorouter");
  NatsServer nats({.tls_authority = authority.certificate(),
                   .tls_certificate = server.certificate,
                   .tls_key = server.key});
  const auto config = [&](const Authority& trusted) {
    return "nats:\n  hosts: [" + host_entry(nats) + "]\n  tls_enabled: true\n" +
           pem_block("ca_certs", trusted.certificate()) +
           pem_block("cert_chain", client.certificate) + pem_block("private_key", client.key);
  };
  const Authority other("other");
  RouterBinary mistrustful(0, config(other));
  EXPECT_EQ(mistrustful.process().wait_for_exit(), 1);

  RouterBinary router(0, config(authority));
  ASSERT_TRUE(router.wait_until_serving()) << router.process().output();
  nats::Options options;
  options.servers = {{"localhost", nats.port(), "", ""}};
  options.tls = nats::Options::Tls{.authorities = Authority::text_of(authority.certificate()),
                                   .certificate = Authority::text_of(client.certificate),
                                   .key = Authority::text_of(client.key),
                                   .server_name = {}};
  NatsTlsPeer peer(options);
  ASSERT_TRUE(peer.is_connected());
  FakeBackend backend(FakeBackend::answers("hello"));
  // As registrars do, again and again.
  EXPECT_TRUE(peer.turn_until([&] {
    EXPECT_TRUE(peer.client().publish("router.register", registration("a.d", backend.port())));
    return router.status_of("a.d") == 200;
  }));
  bool is_greeted = false;
  peer.client().request("router.greet", "{}", 60s, [&](Result<nats::Message> answer) {
    is_greeted = answer && answer->payload.find("pruneThresholdInSeconds") != std::string::npos;
  });
  EXPECT_TRUE(peer.turn_until([&] { return is_greeted; }));
}

TEST(RouterNatsTest, waits_for_the_delay_and_knows_its_routes_when_it_begins) {
  NatsServer nats;
  RouterBinary router(nats.port(), "start_response_delay_interval: 1500ms");
  ASSERT_TRUE(router.process().wait_for_output("Successfully-connected-to-nats"));
  FakeBackend backend(FakeBackend::answers("hello"));
  NatsPeer peer(nats.port());
  // Messages before its subscription are lost on nobody but a router that has not subscribed yet.
  ASSERT_TRUE(eventually([&] {
    peer.publish("router.register", registration("a.d", backend.port()));
    peer.flush();
    return router.metric("total_routes") == 1;
  }));
  ASSERT_TRUE(router.wait_until_serving());
  EXPECT_EQ(router.status_of("a.d"), 200);
}

}  // namespace
}  // namespace causeway::test
