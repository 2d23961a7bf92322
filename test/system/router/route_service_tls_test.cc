// Route services outside of the route table: reached over TLS, and only by who proves to be them.
#include <functional>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "test/support/certificates.h"
#include "test/system/router/routed.h"
#include "test/system/router/tls_peer.h"

namespace causeway::test {
namespace {

class RouteServiceTlsTest : public testing::Test {
 protected:
  // The service is https://localhost, an app behind it is never reached: the service answers.
  void start(const std::string& more, uint16_t port) {
    routed_ = std::make_unique<Routed>("workers: 1\nroute_services_secret: secret\n" + more);
    routed_->add("app.d", app_.port(),
                 ",\"route_service_url\":\"https://localhost:" + std::to_string(port) + "/svc\"");
  }
  std::string trusting() const {
    return "ca_certs: [" + quoted(Authority::text_of(authority_.certificate())) + "]\n";
  }
  // Answers with the head it gets.
  FakeBackend::Serve serve(const Authority::Files& own, bool wants_certificate = false) {
    return [this, &own, wants_certificate](RawSocket& socket, size_t) {
      TlsPeer peer(socket, authority_, own, wants_certificate);
      if (!peer.shake_hands()) return;
      for (std::string head; !(head = peer.receive_head()).empty();) peer.send(ok_reply(head));
    };
  }
  void expect_failure(int status, const std::string& body, const std::string& text) {
    const RawMessage reply = routed_->get("app.d");
    EXPECT_EQ(reply.status(), status);
    EXPECT_EQ(reply.body, body);
    EXPECT_EQ(reply.header("X-Cf-Routererror"), "endpoint_failure (" + text + ")");
  }

  static constexpr const char* kBadGateway =
      "502 Bad Gateway: Registered endpoint failed to handle the request.\n";

  Authority authority_;
  Authority::Files own_ = authority_.sign("service", "DNS:localhost");
  FakeBackend app_{says("app")};
  FakeBackend service_{serve(own_)};
  std::unique_ptr<Routed> routed_;
};

TEST_F(RouteServiceTlsTest, a_service_is_reached_and_its_connection_kept) {
  start(trusting() + "extra_access_log_fields: [tls_time]", service_.port());
  for (int i = 0; i < 3; ++i) {
    const RawMessage reply =
        routed_->get("app.d", "/path" + std::to_string(i) + "?q", "X-CF-ApplicationID: forged\r\n");
    EXPECT_EQ(reply.status(), 200);
    RawMessage visit;
    visit.head = reply.body;
    EXPECT_EQ(visit.start_line(), "GET /svc HTTP/1.1");
    EXPECT_EQ(visit.header("Host"), "localhost:" + std::to_string(service_.port()));
    EXPECT_EQ(visit.header("X-CF-Forwarded-Url"), "http://app.d/path" + std::to_string(i) + "?q");
    EXPECT_FALSE(visit.header("X-CF-Proxy-Signature").empty());
    for (const char* name : {"X-CF-ApplicationID", "X-CF-InstanceID", "X-CF-InstanceIndex"})
      EXPECT_FALSE(visit.has(name)) << name;
  }
  EXPECT_EQ(service_.connections(), 1u);
  EXPECT_EQ(routed_->router().metric("responses_route_services{status_group=\"2xx\"}", 3), 3);
  EXPECT_NE(routed_->access_line("/path0").find("tls_time:0."), std::string::npos);
}

TEST_F(RouteServiceTlsTest, a_route_of_the_same_name_is_taken_where_it_is_allowed) {
  FakeBackend inside(says("inside"));
  for (const auto& [more, body] :
       {std::pair("", ""), std::pair("route_services_hairpinning: true\n", "inside"),
        std::pair("route_services_hairpinning: true\n"
                  "route_services_hairpinning_allowlist: [trusted.d, '*.localhost']\n",
                  ""),
        std::pair("route_services_hairpinning: true\n"
                  "route_services_hairpinning_allowlist: [localhost]\n",
                  "inside")}) {
    SCOPED_TRACE(more);
    start(trusting() + more, service_.port());
    routed_->add("localhost", inside.port());
    const std::string got = routed_->get("app.d").body;
    EXPECT_TRUE(*body == '\0' ? got.starts_with("GET /svc") : got == body) << got;
  }
}

TEST_F(RouteServiceTlsTest, an_untrusted_certificate_is_526_unless_validation_is_skipped) {
  start("", service_.port());
  expect_failure(526, "526 Invalid SSL Certificate\n",
                 "x509: certificate signed by unknown authority");
  start("skip_ssl_validation: true", service_.port());
  EXPECT_EQ(routed_->get("app.d").status(), 200);
}

TEST_F(RouteServiceTlsTest, a_certificate_of_another_name_is_503) {
  const Authority::Files other = authority_.sign("other", "DNS:other.example");
  FakeBackend service(serve(other));
  start(trusting(), service.port());
  expect_failure(503, "503 Service Unavailable\n", "x509: certificate is valid for other names");
}

TEST_F(RouteServiceTlsTest, a_service_that_does_not_speak_tls_is_525) {
  FakeBackend service([](RawSocket& peer, size_t) {
    (void)peer.receive();
    peer.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    (void)peer.receive_all();
  });
  start(trusting(), service.port());
  expect_failure(525, "525 SSL Handshake Failed\n", "remote error: tls: handshake failure");
}

TEST_F(RouteServiceTlsTest, a_handshake_without_end_is_502) {
  FakeBackend service([](RawSocket& peer, size_t) { (void)peer.receive_all(); });
  start(trusting() + "tls_handshake_timeout: 300ms", service.port());
  expect_failure(502, kBadGateway, "net/http: TLS handshake timeout");
  EXPECT_TRUE(routed_->is_quiet());
}

TEST_F(RouteServiceTlsTest, a_service_may_demand_the_routers_certificate) {
  FakeBackend service(serve(own_, true));
  start(trusting(), service.port());
  expect_failure(496, "496 SSL Certificate Required\n", "remote error: tls: bad certificate");
  const Authority::Files router = authority_.sign("router", "DNS:router.example");
  start(trusting() +
            "route_services: {cert_chain: " + quoted(Authority::text_of(router.certificate)) +
            ", private_key: " + quoted(Authority::text_of(router.key)) + "}",
        service.port());
  EXPECT_EQ(routed_->get("app.d").status(), 200);
}

TEST_F(RouteServiceTlsTest, attempts_are_those_of_route_services) {
  const ClosedPort closed;
  start(trusting() + "backends: {max_attempts: 1}\nroute_services: {max_attempts: 3}",
        closed.port());
  expect_failure(502, kBadGateway, "dial tcp: connect: connection refused");
  EXPECT_TRUE(
      eventually([&] { return routed_->count_in_log("backend-endpoint-failed", "") == 3u; }));
  EXPECT_EQ(routed_->count_in_log("endpoint-marked-as-ineligible", ""), 0u);
  EXPECT_EQ(routed_->router().metric("responses_route_services{status_group=\"5xx\"}", 1), 1);
}

}  // namespace
}  // namespace causeway::test
