#include <filesystem>
#include <fstream>
#include <optional>

#include <gtest/gtest.h>

#include "rpc/client.h"
#include "rpc/identity.h"
#include "rpc/server.h"
#include "rpc/test_bed.h"
#include "test/support/server_process.h"
#include "tls/key_pair.h"

namespace causeway::rpc {
namespace {

using namespace std::chrono_literals;

// Certificates sign themselves here: who trusts one has it among its authorities.
const tls::KeyPair& pair_of(const std::string& name) {
  static std::map<std::string, tls::KeyPair> pairs;
  const auto found = pairs.find(name);
  if (found != pairs.end()) return found->second;
  return pairs.emplace(name, tls::make_self_signed({name})).first->second;
}

// Server and client with certificates of their own, each trusting whom the test says.
class TlsTest : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) {
    std::ofstream(folder.path() + "/" + name) << text;
  }
  std::string path(const std::string& name) { return folder.path() + "/" + name; }

  // Files `who`.pem, .key and .ca, the latter trusting `trusted`.
  Identity::Files files_of(const std::string& who, const std::string& name,
                           const std::vector<std::string>& trusted) {
    write(who + ".pem", pair_of(name).certificate_pem);
    write(who + ".key", pair_of(name).key_pem);
    std::string authorities;
    for (const std::string& one : trusted) authorities += pair_of(one).certificate_pem;
    write(who + ".ca", authorities);
    return {path(who + ".ca"), path(who + ".pem"), path(who + ".key")};
  }

  std::unique_ptr<Identity> open(const Identity::Files& files, Duration interval = 0s) {
    auto identity = Identity::open(bed.loop(), bed.logger(), files,
                                   Identity::Options{.check_interval = interval});
    EXPECT_TRUE(identity) << to_string(identity.error());
    return std::move(identity).value();
  }

  void serve(const std::vector<std::string>& trusted = {"client"}, Duration interval = 0s,
             Server::Options options = {}) {
    server_identity = open(files_of("server", "localhost", trusted), interval);
    options.identity = server_identity.get();
    server = std::make_unique<Server>(bed.loop(), bed.logger(), options);
    server->route("*", "/echo", [this](const Request& request, Responder responder) {
      remotes.push_back(request.remote);
      responder.reply(200, "text/plain", request.method + " " + request.body);
    });
    server->route("GET", "/events",
                  [this](const Request&, Responder responder) { stream = responder.stream(); });
    auto listened = server->listen(net::Address::loopback(port));
    ASSERT_TRUE(listened) << to_string(listened.error());
    port = listened->port();
  }

  void connect_as(const std::string& name, const std::vector<std::string>& trusted = {"localhost"},
                  Duration interval = 0s) {
    use(open(files_of("client", name, trusted), interval));
  }
  void use(std::unique_ptr<Identity> identity) {
    client.reset();
    client_identity = std::move(identity);
    Client::Options options;
    options.identity = client_identity.get();
    client = std::make_unique<Client>(bed.loop(), options);
  }

  std::string url(const std::string& host = "localhost", const std::string& target = "/echo") {
    return "https://" + host + ":" + std::to_string(port) + target;
  }
  Result<Reply> call(const std::string& host = "localhost", std::string body = "hello") {
    std::optional<Result<Reply>> reply;
    client->send({.url = url(host), .headers = {}, .body = std::move(body)},
                 [&reply](Result<Reply> came) { reply.emplace(std::move(came)); });
    EXPECT_TRUE(bed.until([&] { return reply.has_value(); }));
    return *std::move(reply);
  }

  causeway::test::TempFolder folder;
  test::TestBed bed;
  uint16_t port = 0;
  std::unique_ptr<Identity> server_identity;
  std::unique_ptr<Identity> client_identity;
  std::unique_ptr<Server> server;
  std::unique_ptr<Client> client;
  std::unique_ptr<Responder::EventStream> stream;
  std::vector<std::string> remotes;
};

TEST_F(TlsTest, both_sides_show_a_certificate_and_calls_share_a_connection) {
  serve();
  connect_as("client");
  const auto first = call();
  ASSERT_TRUE(first) << to_string(first.error());
  EXPECT_EQ(first->body, "POST hello");
  const std::string large(3u << 20, 'x');
  const auto second = call("localhost", large);
  ASSERT_TRUE(second) << to_string(second.error());
  EXPECT_EQ(second->body.size(), large.size() + 5);
  ASSERT_EQ(remotes.size(), 2u);
  EXPECT_EQ(remotes[0], remotes[1]);
  EXPECT_EQ(server->failed_handshakes(), 0u);
}

TEST_F(TlsTest, a_client_without_a_certificate_gets_no_http_at_all) {
  serve();
  files_of("client", "client", {"localhost"});
  use(open({.authorities = path("client.ca"), .certificate = {}, .key = {}}));
  const auto reply = call();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().fault, Fault::protocol);
  EXPECT_NE(to_string(reply.error()).find("CERTIFICATE_REQUIRED"), std::string::npos)
      << to_string(reply.error());
  EXPECT_TRUE(bed.until([&] { return server->failed_handshakes() == 1; }));
  EXPECT_TRUE(remotes.empty());
}

TEST_F(TlsTest, a_client_of_another_authority_is_refused) {
  serve();
  connect_as("stranger");
  EXPECT_FALSE(call());
  EXPECT_TRUE(bed.until([&] { return server->failed_handshakes() == 1; }));
  EXPECT_TRUE(remotes.empty());
}

TEST_F(TlsTest, a_server_has_to_have_the_name_that_is_called) {
  serve();
  connect_as("client");
  const auto reply = call("127.0.0.1");
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().fault, Fault::protocol);
  EXPECT_NE(to_string(reply.error()).find("127.0.0.1"), std::string::npos)
      << to_string(reply.error());
  EXPECT_TRUE(remotes.empty());
}

TEST_F(TlsTest, a_server_of_another_authority_is_not_believed) {
  serve();
  connect_as("client", {"stranger"});
  const auto reply = call();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().fault, Fault::protocol);
  EXPECT_TRUE(remotes.empty());
}

TEST_F(TlsTest, plain_http_on_a_tls_port_is_closed) {
  serve();
  test::RawPeer peer(bed.loop(), net::Address::loopback(port));
  ASSERT_TRUE(bed.until([&] { return peer.is_connected(); }));
  peer.send("GET /echo HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(bed.until([&] { return peer.is_closed; }));
  EXPECT_EQ(peer.received.find("HTTP/1.1 200"), std::string::npos);
  EXPECT_TRUE(bed.until([&] { return server->failed_handshakes() == 1; }));
}

TEST_F(TlsTest, who_says_nothing_is_cut_off_in_time_and_counts_as_a_connection) {
  Server::Options options;
  options.handshake_timeout = 1s;
  options.connections_max = 1;
  serve({"client"}, 0s, options);
  test::RawPeer silent(bed.loop(), net::Address::loopback(port));
  ASSERT_TRUE(bed.until([&] { return silent.is_connected(); }));
  test::RawPeer refused(bed.loop(), net::Address::loopback(port));
  EXPECT_TRUE(bed.until([&] { return refused.is_closed; }));
  EXPECT_EQ(server->refused_connections(), 1u);
  EXPECT_TRUE(bed.until([&] { return silent.is_closed; }));
  EXPECT_EQ(server->failed_handshakes(), 1u);
}

TEST_F(TlsTest, sessions_are_resumed) {
  serve();
  connect_as("client");
  ASSERT_TRUE(call());
  ASSERT_TRUE(bed.until([&] { return client_identity->sessions().size() > 0; }));
  const size_t offered = client_identity->sessions().size();
  client.reset();
  Client::Options options;
  options.identity = client_identity.get();
  client = std::make_unique<Client>(bed.loop(), options);
  // A session of TLS 1.3 serves once: it is taken out for the next handshake, which brings others.
  std::optional<Result<Reply>> reply;
  client->send({.url = url(), .headers = {}, .body = {}},
               [&](Result<Reply> came) { reply.emplace(std::move(came)); });
  ASSERT_TRUE(
      bed.until([&] { return client_identity->sessions().size() < offered || reply.has_value(); }));
  EXPECT_LT(client_identity->sessions().size(), offered);
  ASSERT_TRUE(bed.until([&] { return reply.has_value(); }));
  EXPECT_TRUE(*reply) << to_string(reply->error());
}

TEST_F(TlsTest, event_streams_pass_over_tls) {
  serve();
  connect_as("client");
  std::vector<std::string> events;
  std::optional<Error> closed;
  auto subscription = client->subscribe(
      {.method = "GET", .url = url("localhost", "/events"), .headers = {}, .body = {}},
      {.on_open = {},
       .on_event = [&](std::string_view, std::string_view,
                       std::string_view data) { events.emplace_back(data); },
       .on_close = [&](Error error) { closed = std::move(error); }});
  ASSERT_TRUE(bed.until([&] { return stream != nullptr; }));
  for (int i = 0; i < 1000; ++i)
    ASSERT_TRUE(stream->send(std::to_string(i), "thing", std::string(1000, 'x')));
  ASSERT_TRUE(bed.until([&] { return events.size() == 1000; }));
  stream.reset();
  ASSERT_TRUE(bed.until([&] { return closed.has_value(); }));
  EXPECT_EQ(closed->fault, Fault::closed);
}

TEST_F(TlsTest, https_without_certificates_is_refused_before_it_is_tried) {
  client = std::make_unique<Client>(bed.loop());
  port = 1;
  const auto reply = call();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().fault, Fault::unsupported);
  std::optional<Error> closed;
  auto subscription = client->subscribe(
      {.method = "GET", .url = url(), .headers = {}, .body = {}},
      {.on_open = {}, .on_event = {}, .on_close = [&](Error error) { closed = std::move(error); }});
  ASSERT_TRUE(bed.until([&] { return closed.has_value(); }));
  EXPECT_EQ(closed->fault, Fault::unsupported);
}

TEST_F(TlsTest, a_client_that_requires_tls_sends_nothing_in_plain_text) {
  test::RawServer raw(bed.loop());
  Client::Options options;
  options.requires_tls = true;
  client = std::make_unique<Client>(bed.loop(), options);
  std::optional<Result<Reply>> reply;
  client->send({.url = raw.url(), .headers = {}, .body = {}},
               [&](Result<Reply> came) { reply.emplace(std::move(came)); });
  ASSERT_TRUE(bed.until([&] { return reply.has_value(); }));
  ASSERT_FALSE(*reply);
  EXPECT_EQ(reply->error().fault, Fault::unsupported);
  bed.turn();
  EXPECT_TRUE(raw.peers.empty());
}

TEST_F(TlsTest, certificates_are_changed_without_a_restart) {
  serve({"client"}, 10ms);
  connect_as("client", {"localhost"}, 10ms);
  ASSERT_TRUE(call());
  // A new client certificate, which the server does not know yet; the open connection stays.
  files_of("client", "client-2", {"localhost"});
  ASSERT_TRUE(bed.until([&] { return client_identity->reloads() > 0; }));
  ASSERT_TRUE(call());
  EXPECT_EQ(remotes[0], remotes[1]);
  client.reset();
  Client::Options options;
  options.identity = client_identity.get();
  client = std::make_unique<Client>(bed.loop(), options);
  EXPECT_FALSE(call());
  const uint64_t before = server_identity->reloads();
  files_of("server", "localhost", {"client-2"});
  ASSERT_TRUE(bed.until([&] { return server_identity->reloads() > before; }));
  const auto reply = call();
  EXPECT_TRUE(reply) << to_string(reply.error());
}

TEST_F(TlsTest, broken_files_leave_the_former_certificates_in_use) {
  serve({"client"}, 10ms);
  connect_as("client");
  write("server.pem", "nonsense");
  for (int i = 0; i < 20; ++i) bed.loop().run_once();
  EXPECT_EQ(server_identity->reloads(), 0u);
  EXPECT_TRUE(call());
  write("server.pem", pair_of("localhost").certificate_pem + "\n");
  ASSERT_TRUE(bed.until([&] { return server_identity->reloads() == 1; }));
  EXPECT_TRUE(call());
}

TEST_F(TlsTest, a_mistake_in_the_files_is_named_with_its_file) {
  const Identity::Files good = files_of("good", "localhost", {"localhost"});
  EXPECT_TRUE(Identity::check(good));
  write("nonsense", "nonsense");
  Identity::Files files = good;
  files.authorities = path("absent");
  EXPECT_NE(Identity::check(files).error().detail.find("absent: No such file"), std::string::npos);
  files = good;
  files.authorities = path("nonsense");
  EXPECT_NE(Identity::check(files).error().detail.find("nonsense: "), std::string::npos);
  files = good;
  files.key = {};
  EXPECT_NE(Identity::check(files).error().detail.find("without its key"), std::string::npos);
  files = good;
  files.key = files_of("other", "client", {"localhost"}).key;
  EXPECT_NE(Identity::check(files).error().detail.find("other.key"), std::string::npos);
}

}  // namespace
}  // namespace causeway::rpc
