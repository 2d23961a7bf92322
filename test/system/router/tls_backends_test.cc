// TLS to endpoints, what failure_tls_test.cc leaves open: names, alerts, sessions, and that no
// connection serves two identities.
#include <csignal>
#include <fstream>
#include <future>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "test/system/router/routed.h"
#include "test/system/router/tls_before.h"
#include "test/system/router/tls_peer.h"

namespace causeway::test {
namespace {

// Says a fatal alert to whoever begins a handshake.
FakeBackend::Serve alerts(char code) {
  return [code](RawSocket& socket, size_t) {
    (void)socket.receive();
    socket.send(std::string("\x15\x03\x03\0\2\2", 6) + code);
    (void)socket.receive_all();
  };
}

// Answers one request on each connection.
void answers_once(RawSocket& socket, size_t) {
  if (!read_request(socket).is_whole) return;
  socket.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nonce");
}

class TlsBackends : public testing::Test {
 protected:
  void SetUp() override {
    routed_ = std::make_unique<Routed>("workers: 1\nca_certs: [" +
                                       quoted(Authority::text_of(authority_.certificate())) + "]");
  }
  void add(const std::string& uri, const FakeBackend& backend, const std::string& san) {
    const std::string name = san.empty() ? "" : ",\"server_cert_domain_san\":\"" + san + "\"";
    routed_->add(uri, backend.port(), ",\"tls_port\":" + std::to_string(backend.port()) + name);
  }
  std::unique_ptr<TlsBefore> before(const Authority::Files& own) {
    return std::make_unique<TlsBefore>(authority_, own, TlsBefore::Options{.speaks_http2 = false});
  }

  Authority authority_;
  std::unique_ptr<Routed> routed_;
};

TEST_F(TlsBackends, are_asked_for_by_their_name_without_alpn) {
  const auto tls = before(authority_.sign("instance-1", "DNS:instance-1"));
  FakeBackend backend(tls->before(FakeBackend::answers("one")));
  add("app.d", backend, "instance-1");
  EXPECT_EQ(routed_->get("app.d").body, "one");
  EXPECT_EQ(tls->server_name(), "instance-1");
  EXPECT_EQ(tls->offers_of_http2, 0);
}

TEST_F(TlsBackends, without_a_name_are_verified_by_their_address) {
  const auto good = before(authority_.sign("by-address", "IP:127.0.0.1"));
  FakeBackend backend(good->before(FakeBackend::answers("address")));
  add("app.d", backend, "");
  EXPECT_EQ(routed_->get("app.d").body, "address");
  const auto bad = before(authority_.sign("by-name", "DNS:by-name"));
  FakeBackend other(bad->before(FakeBackend::answers("never")));
  add("other.d", other, "");
  EXPECT_EQ(routed_->get("other.d").status(), 503);
}

TEST_F(TlsBackends, with_an_expired_certificate_are_not_trusted) {
  const auto tls = before(authority_.sign("old", "DNS:old", {.days = -1}));
  FakeBackend backend(tls->before(FakeBackend::answers("never")));
  add("app.d", backend, "old");
  EXPECT_EQ(routed_->get("app.d").status(), 526);
  EXPECT_TRUE(eventually([&] { return routed_->get("app.d").status() == 404; }));
}

TEST_F(TlsBackends, are_told_apart_by_their_alerts) {
  constexpr char handshake_failure = 40, bad_certificate = 42, unknown_ca = 48,
                 certificate_required = 116;
  const struct {
    const char* host;
    char alert;
    int status;
  } rows[] = {{"failure.d", handshake_failure, 525},
              {"bad.d", bad_certificate, 496},
              {"unknown.d", unknown_ca, 496},
              {"required.d", certificate_required, 496}};
  for (const auto& row : rows) {
    SCOPED_TRACE(row.host);
    FakeBackend backend(alerts(row.alert));
    add(row.host, backend, "instance");
    EXPECT_EQ(routed_->get(row.host).status(), row.status);
    EXPECT_TRUE(eventually([&] { return routed_->get(row.host).status() == 404; }));
  }
}

TEST_F(TlsBackends, resume_their_sessions) {
  const auto tls = before(authority_.sign("instance-1", "DNS:instance-1"));
  FakeBackend backend(tls->before(answers_once));
  add("app.d", backend, "instance-1");
  for (int i = 0; i < 4; ++i) EXPECT_EQ(routed_->get("app.d").body, "once");
  EXPECT_EQ(backend.connections(), 4u);
  EXPECT_GE(tls->resumed, 2);
}

// A session proves the name that it was made for and no other.
TEST_F(TlsBackends, that_claim_another_name_get_neither_connection_nor_session) {
  const auto tls = before(authority_.sign("instance-1", "DNS:instance-1"));
  FakeBackend backend(tls->before(FakeBackend::answers("first")));
  add("app.d", backend, "instance-1");
  EXPECT_EQ(routed_->get("app.d").body, "first");
  add("other.d", backend, "instance-2");
  EXPECT_EQ(routed_->get("other.d").status(), 503);
  EXPECT_EQ(tls->resumed, 0);
  EXPECT_EQ(backend.connections(), 2u);
  EXPECT_EQ(routed_->get("app.d").body, "first");
  EXPECT_EQ(backend.connections(), 2u);
}

// The request waits for its own handshake while the router's certificate is replaced.
TEST_F(TlsBackends, are_shown_the_new_certificate_although_their_dial_began_before_it) {
  const Authority::Files server = authority_.sign("instance-1", "DNS:instance-1");
  const auto shows = [&](const std::string& name) {
    const Authority::Files own = authority_.sign(name, "DNS:router");
    return "backends: {cert_chain: " + quoted(Authority::text_of(own.certificate)) +
           ", private_key: " + quoted(Authority::text_of(own.key)) + "}";
  };
  const std::string former = shows("former");
  routed_ = std::make_unique<Routed>("workers: 1\ntls_handshake_timeout: 60s\nca_certs: [" +
                                     quoted(Authority::text_of(authority_.certificate())) + "]\n" +
                                     former);
  const auto demands = [&] {
    return std::make_unique<TlsBefore>(
        authority_, server, TlsBefore::Options{.speaks_http2 = false, .wants_certificate = true});
  };
  std::promise<void> go_on;
  const std::shared_future<void> may_go_on(go_on.get_future());
  const auto slow_tls = demands();
  const auto slow_script = slow_tls->before(FakeBackend::answers("slow"));
  FakeBackend slow([&](RawSocket& socket, size_t index) {
    if (index == 0) may_go_on.wait();
    slow_script(socket, index);
  });
  const auto prompt_tls = demands();
  FakeBackend prompt(prompt_tls->before(FakeBackend::answers("prompt")));
  add("slow.d", slow, "instance-1");
  add("prompt.d", prompt, "instance-1");
  EXPECT_EQ(routed_->get("prompt.d").body, "prompt");
  EXPECT_EQ(prompt_tls->client_name(), "former");

  auto waits = std::async(std::launch::async, [&] { return routed_->get("slow.d"); });
  EXPECT_TRUE(eventually([&] { return slow.connections() == 1; }));
  const std::string config = routed_->router().path("router.yml");
  std::string text = Authority::text_of(config);
  const size_t place = text.find(former);
  EXPECT_NE(place, text.npos);
  if (place != text.npos)
    std::ofstream(config) << text.replace(place, former.size(), shows("present"));
  routed_->router().process().signal(SIGHUP);
  // What another endpoint is shown tells that the worker knows.
  EXPECT_TRUE(eventually([&] {
    return routed_->get("prompt.d").body == "prompt" && prompt_tls->client_name() == "present";
  }));
  go_on.set_value();
  EXPECT_EQ(waits.get().body, "slow");
  EXPECT_EQ(slow_tls->client_name(), "present");
  EXPECT_EQ(slow.connections(), 2u);
  // And that connection is kept, as any other.
  EXPECT_EQ(routed_->get("slow.d").body, "slow");
  EXPECT_EQ(slow.connections(), 2u);
}

}  // namespace
}  // namespace causeway::test
