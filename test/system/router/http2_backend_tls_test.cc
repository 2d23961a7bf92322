// Endpoints that speak HTTP/2 over TLS: agreed upon by ALPN, and never under another's name.
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "test/support/certificates.h"
#include "test/support/http2_peer.h"
#include "test/system/router/routed.h"
#include "test/system/router/tls_before.h"
#include "test/system/router/tls_peer.h"

namespace causeway::test {
namespace {

// Answers each request with `name`; with GOAWAY after it, if wanted.
FakeBackend::Serve says_in_http2(const std::string& name, bool says_goodbye = false) {
  return [name, says_goodbye](RawSocket& socket, size_t) {
    Http2Peer peer(socket);
    if (!peer.greet()) return;
    while (true) {
      const Http2Peer::Request request = peer.next_request();
      if (request.stream == 0) return;
      EXPECT_EQ(request.field(":scheme"), "https");
      if (says_goodbye) peer.goaway(request.stream, 0);
      peer.answer(request.stream, name);
    }
  };
}

class Http2OverTls : public testing::Test {
 protected:
  void start() {
    routed_ = std::make_unique<Routed>("workers: 1\nca_certs: [" +
                                       quoted(Authority::text_of(authority_.certificate())) + "]");
  }
  void add(const std::string& uri, const FakeBackend& backend, const std::string& instance) {
    routed_->add(uri, backend.port(),
                 ",\"protocol\":\"http2\",\"tls_port\":" + std::to_string(backend.port()) +
                     ",\"server_cert_domain_san\":\"" + instance + "\"");
  }
  std::unique_ptr<TlsBefore> front(const std::string& instance, TlsBefore::Options options) {
    return std::make_unique<TlsBefore>(authority_, authority_.sign(instance, "DNS:" + instance),
                                       options);
  }

  Authority authority_;
  std::unique_ptr<Routed> routed_;
};

TEST_F(Http2OverTls, is_agreed_upon_by_alpn_and_shared) {
  start();
  const auto tls = front("instance-1", {});
  FakeBackend backend(tls->before(says_in_http2("two")));
  add("app.d", backend, "instance-1");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(routed_->get("app.d").body, "two");
  EXPECT_EQ(backend.connections(), 1u);
  EXPECT_EQ(routed_->count_in_log("backend-endpoint-failed", ""), 0u);
}

TEST_F(Http2OverTls, endpoints_that_do_not_agree_are_served_in_http1) {
  start();
  const auto tls = front("instance-1", {.speaks_http2 = false});
  FakeBackend backend(tls->before(FakeBackend::answers("one")));
  add("app.d", backend, "instance-1");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(routed_->get("app.d").body, "one");
  EXPECT_EQ(backend.connections(), 1u);
  EXPECT_EQ(tls->offers_of_http2, 1);
}

TEST_F(Http2OverTls, an_upgrade_does_not_offer_it) {
  start();
  const auto tls = front("instance-1", {.speaks_http2 = false});
  FakeBackend backend(tls->before([](RawSocket& socket, size_t) {
    (void)read_request(socket);
    socket.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    socket.send(socket.receive_exactly(4));
  }));
  add("app.d", backend, "instance-1");
  RawSocket client = routed_->connect();
  client.send("GET / HTTP/1.1\r\nHost: app.d\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
  EXPECT_EQ(RawMessage{client.receive_until("\r\n\r\n")}.status(), 101);
  client.send("ping");
  EXPECT_EQ(client.receive_exactly(4), "ping");
  EXPECT_EQ(tls->offers_of_http2, 0);
}

TEST_F(Http2OverTls,
       a_request_that_needs_http1_is_sent_again_on_a_connection_that_does_not_offer_it) {
  start();
  const auto tls = front("instance-1", {});
  FakeBackend backend(tls->before([](RawSocket& socket, size_t index) {
    if (index == 0) {
      constexpr uint32_t http_1_1_required = 13;
      Http2Peer peer(socket);
      if (!peer.greet()) return;
      peer.reset(peer.next_request().stream, http_1_1_required);
      peer.next();
    } else if (read_request(socket).is_whole) {
      socket.send(ok_reply("in HTTP/1.1"));
      (void)socket.receive();
    }
  }));
  add("app.d", backend, "instance-1");
  EXPECT_EQ(routed_->get("app.d").body, "in HTTP/1.1");
  EXPECT_EQ(tls->offers_of_http2, 1);
  EXPECT_EQ(backend.connections(), 2u);
}

TEST_F(Http2OverTls, a_kept_connection_does_not_serve_who_claims_another_name) {
  start();
  const auto tls = front("instance-1", {});
  FakeBackend backend(tls->before(says_in_http2("first")));
  add("app.d", backend, "instance-1");
  EXPECT_EQ(routed_->get("app.d").body, "first");
  // Another route, the same address, another name to prove: the connection that is there proves it
  // not, and stays the first one's.
  add("other.d", backend, "instance-2");
  const RawMessage reply = routed_->get("other.d");
  EXPECT_EQ(reply.status(), 503);
  EXPECT_EQ(reply.header("X-Cf-Routererror"),
            "endpoint_failure (x509: certificate is valid for other names)");
  EXPECT_EQ(backend.connections(), 2u);
  EXPECT_EQ(routed_->get("app.d").body, "first");
  EXPECT_EQ(backend.connections(), 2u);
}

TEST_F(Http2OverTls, sessions_are_resumed) {
  start();
  const auto tls = front("instance-1", {});
  FakeBackend backend(tls->before(says_in_http2("brief", true)));
  add("app.d", backend, "instance-1");
  for (int i = 0; i < 4; ++i) EXPECT_EQ(routed_->get("app.d").body, "brief");
  EXPECT_EQ(backend.connections(), 4u);
  EXPECT_GE(tls->resumed, 2);
}

TEST_F(Http2OverTls, an_endpoint_that_refuses_the_routers_certificate_is_told_apart) {
  start();
  const auto tls = front("instance-1", {.wants_certificate = true});
  FakeBackend backend(tls->before(says_in_http2("never")));
  add("app.d", backend, "instance-1");
  EXPECT_EQ(routed_->get("app.d").status(), 496);
  EXPECT_TRUE(eventually([&] { return routed_->get("app.d").status() == 404; }));
}

}  // namespace
}  // namespace causeway::test
