// The https listener: who gets which certificate, in which version, and what the app sees of it.
#include <chrono>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "test/system/router/tls_routed.h"

namespace causeway::test {
namespace {

class TlsFrontTest : public testing::Test {
 protected:
  Authority authority_;
  Authority::Files own_ = authority_.sign("localhost", "DNS:localhost");
};

TEST_F(TlsFrontTest, both_ports_serve_and_the_app_is_told_which) {
  TlsRouted router({.certificates = {own_}, .more = "extra_access_log_fields: [tls_sni]\n"});
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto client = router.connect({.least = version, .most = version});
    ASSERT_TRUE(client->is_connected()) << client->failure();
    for (int i = 0; i < 3; ++i) {
      const RawMessage reply = client->get("app.d", "X-Vcap: 1\r\n", "/over-tls");
      EXPECT_EQ(reply.status(), 200);
      EXPECT_EQ(TlsRouted::seen(reply).header("X-Forwarded-Proto"), "https");
      EXPECT_EQ(TlsRouted::seen(reply).header("X-Forwarded-For"), "127.0.0.1");
    }
  }
  const RawMessage plain = router->get("app.d", "/in-the-clear");
  EXPECT_EQ(TlsRouted::seen(plain).header("X-Forwarded-Proto"), "http");
  const std::string line = router->access_line("/over-tls");
  EXPECT_NE(line.find("x_forwarded_proto:\"https\""), std::string::npos) << line;
  EXPECT_NE(line.find("tls_sni:\"localhost\""), std::string::npos) << line;
  EXPECT_NE(router->access_line("/in-the-clear").find("tls_sni:\"-\""), std::string::npos);
  EXPECT_EQ(router->router().metric("client_tls_handshakes{result=\"full\"}", 2), 2);
  EXPECT_TRUE(router->is_quiet());
}

TEST_F(TlsFrontTest, the_plain_port_can_be_off) {
  TlsRouted router({.certificates = {own_}, .more = "disable_http: true\n"});
  EXPECT_EQ(router->get("app.d").status(), 0);
  EXPECT_EQ(router.connect()->get("app.d").status(), 200);
}

TEST_F(TlsFrontTest, health_may_be_told_over_tls_only) {
  const NatsServer nats;
  const uint16_t port = free_port();
  RouterBinary router(nats.port(), "",
                      ", enable_nontls_health_checks: false, tls: {port: " + std::to_string(port) +
                          ", certificate: " + quoted(Authority::text_of(own_.certificate)) +
                          ", key: " + quoted(Authority::text_of(own_.key)) + "}");
  ASSERT_TRUE(router.process().wait_for_output("gorouter.started"));
  TlsClient client(port, {});
  EXPECT_EQ(client.certificate(), "localhost ECDSA");
  const RawMessage health = client.get("h", {}, "/health");
  EXPECT_EQ(health.status(), 200);
  EXPECT_EQ(health.body, "ok\n");
  EXPECT_EQ(health.header("Cache-Control"), "private, max-age=0");
  EXPECT_EQ(client.get("h", {}, "/other").status(), 404);
  EXPECT_FALSE(accepts(router.status_port()));
}

TEST_F(TlsFrontTest, the_name_asked_for_chooses_the_certificate) {
  const auto exact = authority_.sign("exact", "DNS:www.example.com");
  const auto wildcard = authority_.sign("wildcard", "DNS:*.example.com,DNS:other.org");
  const auto rsa = authority_.sign("rsa", "DNS:*.example.com", {.is_rsa = true});
  TlsRouted router({.certificates = {own_, wildcard, exact, rsa}});
  for (const auto& [name, certificate] :
       {std::pair("www.example.com", "exact ECDSA"), std::pair("WWW.Example.COM", "exact ECDSA"),
        std::pair("any.example.com", "wildcard ECDSA"), std::pair("other.org", "wildcard ECDSA"),
        std::pair("a.b.example.com", "localhost ECDSA"),
        std::pair("example.com", "localhost ECDSA"), std::pair("unknown.org", "localhost ECDSA"),
        std::pair("", "localhost ECDSA")}) {
    const auto client = router.connect({.server_name = name});
    EXPECT_EQ(client->certificate(), certificate) << name;
    EXPECT_EQ(client->get("app.d").status(), 200) << name;
  }
  // Who cannot use the key of one gets the other one of that name.
  const auto old = router.connect({.server_name = "any.example.com",
                                   .most = TLS1_2_VERSION,
                                   .ciphers = "ECDHE-RSA-AES128-GCM-SHA256"});
  EXPECT_EQ(old->certificate(), "rsa RSA");
  EXPECT_EQ(old->get("app.d").status(), 200);
}

TEST_F(TlsFrontTest, versions_and_suites_are_those_that_are_configured) {
  TlsRouted router({.certificates = {own_},
                    .more = "max_tls_version: TLSv1.2\n",
                    .suites = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384:ECDHE-ECDSA-AES128-SHA"});
  EXPECT_EQ(router.connect()->version(), "TLSv1.2");
  EXPECT_EQ(router.connect()->cipher(), "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384");
  EXPECT_EQ(router.connect({.ciphers = "ECDHE-ECDSA-AES128-SHA"})->cipher(),
            "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA");
  EXPECT_EQ(router.connect({.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256"})->failure(),
            "SSLV3_ALERT_HANDSHAKE_FAILURE");
  EXPECT_EQ(router.connect({.least = TLS1_3_VERSION})->failure(), "TLSV1_ALERT_PROTOCOL_VERSION");
  EXPECT_EQ(router.connect({.least = TLS1_VERSION, .most = TLS1_1_VERSION})->failure(),
            "TLSV1_ALERT_PROTOCOL_VERSION");
}

TEST_F(TlsFrontTest, old_versions_are_spoken_where_they_are_wanted) {
  TlsRouted router({.certificates = {own_},
                    .more = "min_tls_version: TLSv1.0\nmax_tls_version: TLSv1.3\n",
                    .suites = "ECDHE-ECDSA-AES128-SHA"});
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto client = router.connect({.least = version, .most = version});
    EXPECT_EQ(client->get("app.d").status(), 200) << client->failure();
  }
}

TEST_F(TlsFrontTest, protocols_are_agreed_upon_or_refused) {
  TlsRouted router({.certificates = {own_}});
  EXPECT_EQ(router.connect({.alpn = {"http/1.1"}})->protocol(), "http/1.1");
  EXPECT_EQ(router.connect()->protocol(), "");
  EXPECT_EQ(router.connect({.alpn = {"spdy/3"}})->failure(), "TLSV1_ALERT_NO_APPLICATION_PROTOCOL");
}

TEST_F(TlsFrontTest, a_proxy_header_comes_before_the_handshake) {
  TlsRouted router({.certificates = {own_}, .more = "enable_proxy: true\n"});
  const auto client = router.connect({.first = "PROXY TCP4 192.0.2.7 192.0.2.8 1234 443\r\n"});
  EXPECT_EQ(TlsRouted::seen(client->get("app.d")).header("X-Forwarded-For"), "192.0.2.7");
  EXPECT_EQ(TlsRouted::seen(router.connect()->get("app.d")).header("X-Forwarded-For"), "127.0.0.1");
  RawSocket plain = router->connect();
  plain.send("PROXY TCP4 192.0.2.9 192.0.2.8 1234 80\r\nGET / HTTP/1.1\r\nHost: app.d\r\n\r\n");
  EXPECT_EQ(TlsRouted::seen(read_reply(plain)).header("X-Forwarded-For"), "192.0.2.9");
}

TEST_F(TlsFrontTest, a_silent_client_is_closed_in_time) {
  TlsRouted router({.certificates = {own_}, .more = "frontend_tls: {handshake_timeout: 2s}\n"});
  RawSocket silent = RawSocket::connect(router.port());
  EXPECT_EQ(silent.receive(), "");
  EXPECT_FALSE(silent.timed_out());
  EXPECT_TRUE(eventually(
      [&] { return router->router().metric("client_tls_handshakes{result=\"timed_out\"}") == 1; }));
}

TEST_F(TlsFrontTest, handshakes_beyond_the_rate_wait_for_their_turn) {
  TlsRouted router(
      {.certificates = {own_}, .more = "workers: 1\nfrontend_tls: {handshakes_per_second: 10}\n"});
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 6; ++i) EXPECT_EQ(router.connect()->get("app.d").status(), 200);
  EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(400));
  EXPECT_GE(router->router().metric("client_tls_handshakes_delayed"), 3);
  EXPECT_TRUE(router->is_quiet());
}

TEST_F(TlsFrontTest, garbage_is_answered_with_an_alert_and_counted) {
  TlsRouted router({.certificates = {own_}});
  RawSocket client = RawSocket::connect(router.port());
  client.send("GET / HTTP/1.1\r\nHost: app.d\r\n\r\n");
  client.receive_all();
  EXPECT_FALSE(client.timed_out());
  EXPECT_TRUE(eventually(
      [&] { return router->router().metric("client_tls_handshakes{result=\"failed\"}") == 1; }));
  EXPECT_EQ(router.connect()->get("app.d").status(), 200);
}

}  // namespace
}  // namespace causeway::test
