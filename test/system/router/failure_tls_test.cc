// Endpoints with TLS: reached by who they are, and forgotten when they prove to be somebody else.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "test/system/router/routed.h"
#include "test/system/router/tls_peer.h"

namespace causeway::test {
namespace {

std::string tls_members(uint16_t port, const std::string& instance) {
  return ",\"tls_port\":" + std::to_string(port) + ",\"server_cert_domain_san\":\"" + instance +
         "\",\"private_instance_id\":\"" + instance + "\"";
}

// What a server without TLS makes of a handshake.
void refuse_in_plain_text(RawSocket& peer, size_t) {
  (void)peer.receive();
  peer.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  (void)peer.receive_all();
}

struct TlsRow {
  const char* host;
  FakeBackend::Serve serve;
  int status;
  const char* body;
  const char* text;
  const char* metric;
};

class TlsEndpointTest : public testing::Test {
 protected:
  // `of_backends`: further members of that key.
  void start(const std::string& of_backends = {}, const std::string& more = {}) {
    routed_ = std::make_unique<Routed>("workers: 1\nbackends: {max_attempts: 3" + of_backends +
                                       "}\n" + more + "ca_certs: [" +
                                       quoted(Authority::text_of(authority_.certificate())) + "]");
  }
  void add(const std::string& uri, const FakeBackend& backend, const std::string& instance) {
    routed_->add(uri, backend.port(), tls_members(backend.port(), instance));
  }
  // Answers each request with the instance's name.
  FakeBackend::Serve serve(const Authority& authority, const std::string& instance,
                           bool wants_certificate = false) {
    const Authority::Files own = authority.sign(instance, "DNS:" + instance);
    return [this, own, instance, wants_certificate](RawSocket& socket, size_t) {
      TlsPeer peer(socket, authority_, own, wants_certificate);
      if (!peer.shake_hands()) return;
      while (!peer.receive_head().empty()) peer.send(ok_reply(instance));
    };
  }

  void expect_row(const TlsRow& row) {
    SCOPED_TRACE(row.host);
    FakeBackend first(row.serve);
    FakeBackend second(row.serve);
    add(row.host, first, "instance");
    add(row.host, second, "instance");
    const double before = routed_->router().metric(row.metric);
    const RawMessage reply = routed_->get(row.host);
    EXPECT_EQ(reply.status(), row.status);
    EXPECT_EQ(reply.body, row.body);
    EXPECT_EQ(reply.header("X-Cf-Routererror"), "endpoint_failure (" + std::string(row.text) + ")");
    EXPECT_EQ(routed_->router().metric(row.metric, before + 1), before + 1);
    // Tried once each, and gone.
    EXPECT_TRUE(eventually(
        [&] { return routed_->count_in_log("\"prune-failed-endpoint\"", row.host) == 2; }));
    EXPECT_TRUE(eventually([&] { return routed_->get(row.host).status() == 404; }));
  }

  Authority authority_;
  std::unique_ptr<Routed> routed_;
};

TEST_F(TlsEndpointTest, is_reached_by_the_name_in_its_certificate) {
  start();
  FakeBackend backend(serve(authority_, "instance-1"));
  add("app.d", backend, "instance-1");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(routed_->get("app.d").body, "instance-1");
  EXPECT_EQ(routed_->send("POST / HTTP/1.1\r\nHost: app.d\r\nContent-Length: 0\r\n\r\n").status(),
            200);
  EXPECT_EQ(routed_->count_in_log("backend-endpoint-failed", ""), 0u);
  EXPECT_LE(backend.connections(), 2u);
}

TEST_F(TlsEndpointTest, each_failure_has_its_row_and_removes_the_endpoint) {
  start();
  const Authority stranger("stranger");
  const std::vector<TlsRow> rows = {
      {"untrusted.d", serve(stranger, "instance"), 526, "526 Invalid SSL Certificate\n",
       "x509: certificate signed by unknown authority", "backend_invalid_tls_cert"},
      {"other.d", serve(authority_, "somebody-else"), 503, "503 Service Unavailable\n",
       "x509: certificate is valid for other names", "backend_invalid_id"},
      {"plain.d", refuse_in_plain_text, 525, "525 SSL Handshake Failed\n",
       "remote error: tls: handshake failure", "backend_tls_handshake_failed"},
      {"demanding.d", serve(authority_, "instance", true), 496, "496 SSL Certificate Required\n",
       "remote error: tls: bad certificate", "backend_invalid_tls_cert"}};
  for (const TlsRow& row : rows) expect_row(row);
}

TEST_F(TlsEndpointTest, that_never_ends_the_handshake_is_removed_too) {
  start({}, "tls_handshake_timeout: 1s\n");
  expect_row({"silent.d", [](RawSocket& peer, size_t) { (void)peer.receive_all(); }, 502,
              "502 Bad Gateway: Registered endpoint failed to handle the request.\n",
              "net/http: TLS handshake timeout", "bad_gateways"});
}

TEST_F(TlsEndpointTest, that_refuses_connections_is_removed_and_one_without_tls_is_not) {
  start();
  const ClosedPort closed[2];
  FakeBackend good(serve(authority_, "good"));
  add("app.d", good, "good");
  routed_->add("app.d", closed[0].port(), tls_members(closed[0].port(), "gone"));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(routed_->get("app.d").body, "good");
  EXPECT_FALSE(routed_->log_line("\"prune-failed-endpoint\"", "gone").empty());
  routed_->add("plain.d", closed[1].port());
  EXPECT_EQ(routed_->get("plain.d").status(), 502);
  EXPECT_EQ(routed_->get("plain.d").status(), 502);
  EXPECT_EQ(routed_->count_in_log("\"prune-failed-endpoint\"", "plain.d"), 0u);
}

TEST_F(TlsEndpointTest, may_demand_the_routers_certificate) {
  const Authority::Files router = authority_.sign("router", "DNS:router.example");
  start(", cert_chain: " + quoted(Authority::text_of(router.certificate)) +
        ", private_key: " + quoted(Authority::text_of(router.key)));
  FakeBackend backend(serve(authority_, "instance", true));
  add("app.d", backend, "instance");
  EXPECT_EQ(routed_->get("app.d").body, "instance");
}

TEST_F(TlsEndpointTest, is_never_trusted_without_validation) {
  routed_ = std::make_unique<Routed>("skip_ssl_validation: true");
  FakeBackend backend(serve(authority_, "instance"));
  add("app.d", backend, "instance");
  EXPECT_EQ(routed_->get("app.d").status(), 526);
}

}  // namespace
}  // namespace causeway::test
