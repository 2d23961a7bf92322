// Endpoints that speak HTTP/2 over TLS: agreed upon by ALPN, and never under another's name.
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "test/support/certificates.h"
#include "test/support/http2_peer.h"
#include "test/system/router/routed.h"
#include "test/system/router/tls_peer.h"

namespace causeway::test {
namespace {

// Ends TLS in front of a script. Owner: the test, longer than its backends. Threads: those of the
// backends.
class TlsFront {
 public:
  struct Options {
    bool speaks_http2 = true;
    bool wants_certificate = false;
  };

  TlsFront(const Authority& authority, const Authority::Files& own, Options options)
      : options_(options), context_(SSL_CTX_new(TLS_method())) {
    SSL_CTX_use_certificate_chain_file(context_.get(), own.certificate.c_str());
    SSL_CTX_use_PrivateKey_file(context_.get(), own.key.c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_load_verify_locations(context_.get(), authority.certificate().c_str(), nullptr);
    SSL_CTX_set_alpn_select_cb(context_.get(), choose, this);
    if (options.wants_certificate)
      SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                         nullptr);
  }

  FakeBackend::Serve before(FakeBackend::Serve script) {
    return [this, script = std::move(script)](RawSocket& socket, size_t index) {
      bssl::UniquePtr<SSL> ssl(SSL_new(context_.get()));
      SSL_set_fd(ssl.get(), socket.descriptor());
      if (SSL_accept(ssl.get()) != 1) return;
      if (SSL_session_reused(ssl.get()) == 1) ++resumed;
      int ends[2];
      if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return;
      RawSocket inner(ends[0]);
      RawSocket outer(ends[1]);
      std::thread thread([&] {
        script(inner, index);
        inner.close();
      });
      pump(*ssl, socket.descriptor(), outer);
      outer.close();
      thread.join();
    };
  }

  std::atomic<int> resumed{0};
  std::atomic<int> offers_of_http2{0};

 private:
  static int choose(SSL*, const uint8_t** out, uint8_t* out_bytes, const uint8_t* offered,
                    unsigned offered_bytes, void* self) {
    auto& front = *static_cast<TlsFront*>(self);
    const std::string_view all(reinterpret_cast<const char*>(offered), offered_bytes);
    if (all.find("h2") == all.npos) return SSL_TLSEXT_ERR_NOACK;
    ++front.offers_of_http2;
    if (!front.options_.speaks_http2) return SSL_TLSEXT_ERR_NOACK;
    static constexpr uint8_t h2[] = {'h', '2'};
    *out = h2;
    *out_bytes = sizeof h2;
    return SSL_TLSEXT_ERR_OK;
  }

  static void pump(SSL& ssl, int descriptor, RawSocket& outer) {
    char buffer[16'384];
    while (true) {
      pollfd watched[] = {{descriptor, POLLIN, 0}, {outer.descriptor(), POLLIN, 0}};
      if (SSL_pending(&ssl) == 0 && ::poll(watched, 2, -1) < 0) return;
      if (SSL_pending(&ssl) > 0 || watched[0].revents != 0) {
        const int size = SSL_read(&ssl, buffer, sizeof buffer);
        if (size <= 0 || !outer.send({buffer, static_cast<size_t>(size)})) return;
      }
      if (watched[1].revents != 0) {
        const std::string bytes = outer.receive(sizeof buffer);
        if (bytes.empty()) {
          SSL_shutdown(&ssl);
          return;
        }
        if (SSL_write(&ssl, bytes.data(), static_cast<int>(bytes.size())) <= 0) return;
      }
    }
  }

  const Options options_;
  bssl::UniquePtr<SSL_CTX> context_;
};

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
  std::unique_ptr<TlsFront> front(const std::string& instance, TlsFront::Options options) {
    return std::make_unique<TlsFront>(authority_, authority_.sign(instance, "DNS:" + instance),
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
