#include "nats/client.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "log/logger.h"
#include "net/loop.h"
#include "net/timer.h"
#include "test/support/certificates.h"
#include "test/support/server_process.h"
#include "test/support/waiting_loop.h"

namespace causeway::nats {
namespace {

using namespace std::chrono_literals;
using test::NatsServer;
using testing::ElementsAre;
using testing::HasSubstr;

int number_of(const Message& message) {
  int number = -1;
  std::from_chars(message.payload.data(), message.payload.data() + message.payload.size(), number);
  return number;
}

// A loop, and clients on it, against a real server.
class NatsTest : public testing::Test, public test::WaitingLoop {
 protected:
  Options options(uint16_t port) {
    Options given;
    given.servers = {{"127.0.0.1", port, "", ""}};
    given.name = "test";
    given.reconnect_wait = 50ms;
    return given;
  }
  std::unique_ptr<Client> client_of(const Options& given, Client::OnLink on_link = {}) {
    return std::make_unique<Client>(loop_, logger_, given, std::move(on_link));
  }
  std::unique_ptr<Client> connected(const NatsServer& server) {
    auto client = client_of(options(server.port()));
    EXPECT_TRUE(until([&] { return client->is_connected(); }));
    return client;
  }
  // Waits until what was published before has come back from the server, so that subscriptions
  // stand.
  void settle(Client& client) {
    bool heard = false;
    const std::string subject = "settle." + std::to_string(++settled_);
    client.subscribe(subject, [&](const Message&) { heard = true; });
    ASSERT_TRUE(client.publish(subject, ""));
    ASSERT_TRUE(until([&] { return heard; }));
  }

  test::TempFolder folder_;
  log::Sink sink_{{.path = folder_.path() + "/log"}};
  log::Logger logger_{sink_, "test"};
  int settled_ = 0;
};

TEST_F(NatsTest, delivers_on_the_loop_in_order_over_all_subscriptions) {
  NatsServer server;
  auto subscriber = connected(server);
  std::vector<std::string> heard;
  for (const char* subject : {"router.register", "router.*"}) {
    subscriber->subscribe(subject, [&, subject](const Message& message) {
      heard.push_back(std::string(subject) + "<" + message.subject + "<" + message.payload);
    });
  }
  settle(*subscriber);
  auto publisher = connected(server);
  ASSERT_TRUE(publisher->publish("router.register", std::string("\0{}", 3)));
  ASSERT_TRUE(publisher->publish("router.unregister", ""));
  ASSERT_TRUE(until([&] { return heard.size() == 3; }));
  EXPECT_EQ(heard.back(), "router.*<router.unregister<");
  EXPECT_EQ(heard[0].substr(heard[0].size() - 3), std::string("\0{}", 3));

  std::vector<int> numbers;
  subscriber->subscribe("n.a",
                        [&](const Message& message) { numbers.push_back(number_of(message)); });
  subscriber->subscribe("n.b",
                        [&](const Message& message) { numbers.push_back(number_of(message)); });
  settle(*subscriber);
  for (int i = 0; i < 20'000; ++i) {
    ASSERT_TRUE(publisher->publish(i % 2 == 0 ? "n.a" : "n.b", std::to_string(i)));
  }
  ASSERT_TRUE(until([&] { return numbers.size() == 20'000; }));
  EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end()));
  EXPECT_EQ(subscriber->dropped_messages(), 0u);
  EXPECT_EQ(subscriber->waiting_messages(), 0u);
}

TEST_F(NatsTest, requests_are_answered_or_time_out) {
  NatsServer server;
  auto asker = connected(server);
  auto answerer = connected(server);
  answerer->subscribe("double", [&](const Message& message) {
    ASSERT_TRUE(answerer->publish(message.reply, message.payload + message.payload));
    ASSERT_TRUE(answerer->publish(message.reply, "a second answer"));
  });
  answerer->subscribe("silent", [](const Message&) {});
  settle(*answerer);

  std::vector<std::string> answers;
  const auto note = [&](Result<Message> answer) {
    answers.push_back(answer ? answer->payload : std::string(fault_name(answer.error().fault)));
  };
  asker->request("double", "ab", 30s, note);
  EXPECT_TRUE(answers.empty());
  ASSERT_TRUE(until([&] { return answers.size() == 1; }));
  asker->request("silent", "", 50ms, note);
  ASSERT_TRUE(until([&] { return answers.size() == 2; }));
  asker->request("nobody.there", "", 30s, note);
  ASSERT_TRUE(until([&] { return answers.size() == 3; }));
  asker->request("not a subject", "", 30s, note);
  EXPECT_EQ(answers.size(), 3u);
  ASSERT_TRUE(until([&] { return answers.size() == 4; }));
  EXPECT_THAT(answers, ElementsAre("abab", "timeout", "unavailable", "invalid"));
}

TEST_F(NatsTest, waits_for_a_server_and_brings_what_was_published_meanwhile) {
  NatsServer server;
  server.kill(SIGKILL);
  std::vector<Link> links;
  std::string where;
  auto client = client_of(options(server.port()), [&](Link link, std::string_view at) {
    links.push_back(link);
    where = at;
  });
  std::vector<std::string> heard;
  client->subscribe("a", [&](const Message& message) { heard.push_back(message.payload); });
  ASSERT_TRUE(client->publish("a", "early"));
  for (int i = 0; i < 20; ++i) loop_.run_once();
  EXPECT_FALSE(client->is_connected());
  server.start();
  ASSERT_TRUE(until([&] { return heard.size() == 1; }));
  EXPECT_EQ(heard[0], "early");
  EXPECT_THAT(links, ElementsAre(Link::connected));
  EXPECT_EQ(where, "127.0.0.1:" + std::to_string(server.port()));
}

TEST_F(NatsTest, a_killed_server_is_found_again_with_all_subscriptions) {
  NatsServer server;
  std::vector<Link> links;
  auto client = client_of(options(server.port()),
                          [&](Link link, std::string_view) { links.push_back(link); });
  ASSERT_TRUE(until([&] { return client->is_connected(); }));
  std::vector<std::string> heard;
  client->subscribe("a.>", [&](const Message& message) { heard.push_back(message.payload); });
  settle(*client);
  for (int round = 0; round < 3; ++round) {
    server.kill(SIGKILL);
    ASSERT_TRUE(until([&] { return !client->is_connected(); }));
    ASSERT_TRUE(client->publish("a.b", std::to_string(round)));
    server.start();
    ASSERT_TRUE(until([&] { return heard.size() == static_cast<size_t>(round + 1); }));
    ASSERT_TRUE(client->is_connected());
  }
  EXPECT_THAT(heard, ElementsAre("0", "1", "2"));
  EXPECT_THAT(
      links, ElementsAre(Link::connected, Link::disconnected, Link::reconnected, Link::disconnected,
                         Link::reconnected, Link::disconnected, Link::reconnected));
  EXPECT_EQ(client->dropped_publishes(), 0u);
}

TEST_F(NatsTest, while_the_link_is_down_publishes_are_kept_up_to_a_bound) {
  NatsServer server;
  auto client = connected(server);
  uint64_t heard = 0;
  client->subscribe("a", [&](const Message&) { ++heard; });
  settle(*client);
  server.kill(SIGKILL);
  ASSERT_TRUE(until([&] { return !client->is_connected(); }));
  const std::string payload(10'000, 'x');
  uint64_t kept = 0;
  uint64_t refused = 0;
  for (int i = 0; i < 200; ++i) {
    const auto published = client->publish("a", payload);
    published ? ++kept : ++refused;
    EXPECT_TRUE(published || published.error().fault == Fault::limit);
  }
  EXPECT_EQ(kept, (1u << 20) / 10'001);
  EXPECT_EQ(client->dropped_publishes(), refused);
  server.start();
  ASSERT_TRUE(until([&] { return heard == kept; }));
  EXPECT_TRUE(client->publish("a", payload));
  ASSERT_TRUE(until([&] { return heard == kept + 1; }));
}

TEST_F(NatsTest, a_loop_that_is_behind_loses_messages_and_counts_them) {
  NatsServer server;
  Options given = options(server.port());
  given.pending_messages_max = 100;
  auto subscriber = client_of(given);
  ASSERT_TRUE(until([&] { return subscriber->is_connected(); }));
  uint64_t heard = 0;
  subscriber->subscribe("a", [&](const Message&) { ++heard; });
  settle(*subscriber);
  {
    // Another loop publishes while ours stands still.
    net::Loop other;
    Client publisher(other, logger_, options(server.port()), {});
    net::Timer tick(other);
    tick.every(5ms, [] {});
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (!publisher.is_connected() && std::chrono::steady_clock::now() < deadline)
      other.run_once();
    for (int i = 0; i < 1000; ++i) ASSERT_TRUE(publisher.publish("a", "x"));
    while (subscriber->dropped_messages() < 500 && std::chrono::steady_clock::now() < deadline)
      other.run_once();
  }
  ASSERT_TRUE(until([&] { return heard + subscriber->dropped_messages() == 1000; }));
  EXPECT_LE(heard, 500u);
  EXPECT_GE(heard, 100u);
}

TEST_F(NatsTest, a_silent_server_is_noticed_by_pings) {
  NatsServer server;
  Options given = options(server.port());
  given.ping_interval = 100ms;
  given.connect_timeout = 500ms;
  auto client = client_of(given);
  ASSERT_TRUE(until([&] { return client->is_connected(); }));
  server.kill(SIGSTOP);
  ASSERT_TRUE(until([&] { return !client->is_connected(); }));
  server.kill(SIGCONT);
  ASSERT_TRUE(until([&] { return client->is_connected(); }));
}

TEST_F(NatsTest, moves_to_another_server_of_the_cluster) {
  NatsServer first;
  NatsServer second;
  Options given = options(first.port());
  given.servers.push_back({"127.0.0.1", second.port(), "", ""});
  std::string where;
  bool moved = false;
  auto client = client_of(given, [&](Link link, std::string_view at) {
    where = at;
    moved = moved || link == Link::reconnected;
  });
  ASSERT_TRUE(until([&] { return client->is_connected(); }));
  const bool on_first = where.ends_with(std::to_string(first.port()));
  (on_first ? first : second).kill(SIGKILL);
  ASSERT_TRUE(until([&] { return moved; }));
  EXPECT_TRUE(where.ends_with(std::to_string((on_first ? second : first).port()))) << where;
}

TEST_F(NatsTest, credentials_may_hold_any_character_and_wrong_ones_are_tried_for_ever) {
  NatsServer server({.user = "nats", .password = "p@ss:w/rd#?"});
  Options given = options(server.port());
  given.servers[0].user = "nats";
  given.servers[0].password = "wrong";
  auto refused = client_of(given);
  const auto then = std::chrono::steady_clock::now() + 1s;
  ASSERT_TRUE(until([&] { return std::chrono::steady_clock::now() > then; }));
  EXPECT_FALSE(refused->is_connected());

  given.servers[0].password = "p@ss:w/rd#?";
  std::string where;
  auto client = client_of(given, [&](Link, std::string_view at) { where = at; });
  ASSERT_TRUE(until([&] { return client->is_connected(); }));
  EXPECT_EQ(where, "127.0.0.1:" + std::to_string(server.port()));
}

TEST_F(NatsTest, a_client_refused_at_first_comes_in_when_the_server_changes_its_mind) {
  NatsServer strict({.user = "nats", .password = "secret"});
  auto client = client_of(options(strict.port()));
  uint64_t heard = 0;
  client->subscribe("a", [&](const Message&) { ++heard; });
  const auto then = std::chrono::steady_clock::now() + 1s;
  ASSERT_TRUE(until([&] { return std::chrono::steady_clock::now() > then; }));
  EXPECT_FALSE(client->is_connected());
  strict.options({});
  strict.restart();
  ASSERT_TRUE(until([&] { return client->is_connected(); }));
  ASSERT_TRUE(client->publish("a", ""));
  ASSERT_TRUE(until([&] { return heard == 1; }));
}

TEST_F(NatsTest, refuses_subjects_that_would_say_more_than_a_subject) {
  NatsServer server;
  auto client = connected(server);
  for (const char* bad : {"", "a b", "a\r\nPUB b 0", "a\tb"}) {
    const auto published = client->publish(bad, "x");
    ASSERT_FALSE(published) << bad;
    EXPECT_EQ(published.error().fault, Fault::invalid);
  }
  EXPECT_FALSE(client->publish("a", "x", "re ply"));
  EXPECT_TRUE(client->publish("a", "x"));
}

TEST_F(NatsTest, sends_what_waits_before_it_ends_and_calls_nobody_afterwards) {
  NatsServer server;
  auto subscriber = connected(server);
  int heard = 0;
  subscriber->subscribe("a", [&](const Message&) { ++heard; });
  settle(*subscriber);
  bool called = false;
  auto client = connected(server);
  client->subscribe("a", [&](const Message&) { called = true; });
  client->request("nobody", "", 1s, [&](const Result<Message>&) { called = true; });
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(client->publish("a", "x"));
  client.reset();
  ASSERT_TRUE(until([&] { return heard == 1000; }));
  EXPECT_FALSE(called);
}

TEST_F(NatsTest, the_first_tries_may_be_counted) {
  std::vector<Link> links;
  Options given = options(test::free_port());
  given.first_tries = 3;
  given.first_try_wait = 10ms;
  auto client = client_of(given, [&](Link link, std::string_view) { links.push_back(link); });
  ASSERT_TRUE(until([&] { return !links.empty(); }));
  EXPECT_THAT(links, ElementsAre(Link::closed));
  client.reset();
  sink_.flush();
  const std::string log = test::Authority::text_of(folder_.path() + "/log");
  size_t failures = 0;
  for (size_t at = log.find("connect-failed"); at != std::string::npos;
       at = log.find("connect-failed", at + 1)) {
    ++failures;
  }
  EXPECT_EQ(failures, 3u) << log;
}

TEST_F(NatsTest, once_connected_it_looks_for_a_server_for_ever) {
  NatsServer server;
  Options given = options(server.port());
  given.first_tries = 1;
  std::vector<Link> links;
  auto client = client_of(given, [&](Link link, std::string_view) { links.push_back(link); });
  ASSERT_TRUE(until([&] { return client->is_connected(); }));
  server.kill(SIGKILL);
  ASSERT_TRUE(until([&] { return !client->is_connected(); }));
  server.start();
  ASSERT_TRUE(until([&] { return client->is_connected(); }));
  EXPECT_THAT(links, ElementsAre(Link::connected, Link::disconnected, Link::reconnected));
}

// One authority for all tests: making keys takes its time.
class NatsTlsTest : public NatsTest {
 protected:
  static void SetUpTestSuite() {
    authority_ = std::make_unique<test::Authority>();
    server_files_ = authority_->sign("server", "DNS:nats.internal,DNS:localhost,IP:127.0.0.1");
    client_files_ = authority_->sign("client", "DNS:client");
  }
  static void TearDownTestSuite() { authority_.reset(); }

  static NatsServer::Options server_options() {
    return {.user = "gorouter",
            .password = "secret",
            .tls_authority = authority_->certificate(),
            .tls_certificate = server_files_.certificate,
            .tls_key = server_files_.key};
  }
  Options tls_options(uint16_t port) {
    Options given = options(port);
    given.servers = {{"127.0.0.1", port, "gorouter", "secret"}};
    given.first_tries = 2;
    given.tls = Options::Tls{.authorities = test::Authority::text_of(authority_->certificate()),
                             .certificate = test::Authority::text_of(client_files_.certificate),
                             .key = test::Authority::text_of(client_files_.key),
                             .server_name = {}};
    return given;
  }
  // The first thing said of the link.
  Link first_link(const Options& given) {
    std::optional<Link> first;
    const auto client = client_of(given, [&](Link link, std::string_view) {
      if (!first) first = link;
    });
    EXPECT_TRUE(until([&] { return first.has_value(); }));
    return first.value_or(Link::connecting);
  }

  static inline std::unique_ptr<test::Authority> authority_;
  static inline test::Authority::Files server_files_;
  static inline test::Authority::Files client_files_;
};

TEST_F(NatsTlsTest, both_sides_show_certificates_and_messages_flow) {
  NatsServer server(server_options());
  auto client = client_of(tls_options(server.port()));
  ASSERT_TRUE(until([&] { return client->is_connected(); }));
  std::string heard;
  client->subscribe("a", [&](const Message& message) { heard = message.payload; });
  settle(*client);
  ASSERT_TRUE(client->publish("a", std::string(100'000, 'x')));
  ASSERT_TRUE(until([&] { return !heard.empty(); }));
  EXPECT_EQ(heard.size(), 100'000u);
  // A server that comes back is asked for its certificate again.
  server.kill(SIGKILL);
  ASSERT_TRUE(until([&] { return !client->is_connected(); }));
  server.start();
  ASSERT_TRUE(until([&] { return client->is_connected(); }));
  heard.clear();
  settle(*client);
  ASSERT_TRUE(client->publish("a", "again"));
  EXPECT_TRUE(until([&] { return heard == "again"; }));
}

TEST_F(NatsTlsTest, the_server_must_have_the_name_that_was_dialled_or_asked_for) {
  NatsServer server(server_options());
  Options given = tls_options(server.port());
  given.servers[0].host = "localhost";
  EXPECT_EQ(first_link(given), Link::connected);
  given.tls->server_name = "nats.internal";
  EXPECT_EQ(first_link(given), Link::connected);
  given.tls->server_name = "other.internal";
  EXPECT_EQ(first_link(given), Link::closed);
}

TEST_F(NatsTlsTest, strangers_are_refused_on_both_sides) {
  NatsServer server(server_options());
  const test::Authority other("other");
  Options given = tls_options(server.port());
  given.tls->authorities = test::Authority::text_of(other.certificate());
  EXPECT_EQ(first_link(given), Link::closed);  // a server that we do not know

  given = tls_options(server.port());
  const test::Authority::Files stranger = other.sign("client", "DNS:client");
  given.tls->certificate = test::Authority::text_of(stranger.certificate);
  given.tls->key = test::Authority::text_of(stranger.key);
  EXPECT_EQ(first_link(given), Link::closed);  // a client that the server does not know
  given.tls->certificate.clear();
  given.tls->key.clear();
  EXPECT_EQ(first_link(given), Link::closed);  // one without certificate

  given = tls_options(server.port());
  given.tls->key = test::Authority::text_of(server_files_.key);
  EXPECT_EQ(first_link(given), Link::closed);  // a key of another certificate
}

TEST_F(NatsTlsTest, a_server_without_tls_is_not_spoken_to) {
  NatsServer server({.user = "gorouter", .password = "secret"});
  EXPECT_EQ(first_link(tls_options(server.port())), Link::closed);
}

TEST_F(NatsTest, without_a_server_it_ends_all_the_same) {
  const auto start = std::chrono::steady_clock::now();
  { auto client = client_of(options(test::free_port())); }
  std::vector<Link> links;
  auto client = client_of(Options{}, [&](Link link, std::string_view) { links.push_back(link); });
  ASSERT_TRUE(until([&] { return !links.empty(); }));
  EXPECT_THAT(links, ElementsAre(Link::closed));
  client.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - start, 30s);
}

}  // namespace
}  // namespace causeway::nats
