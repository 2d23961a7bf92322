// What happens when backends fail: the table of failures, attempts, replays, marks.
#include <atomic>
#include <string>

#include <gtest/gtest.h>

#include "router/proxy/failure.h"
#include "test/support/fake_backend.h"
#include "test/support/http2_peer.h"
#include "test/support/router_under_test.h"

using namespace causeway;
using namespace causeway::test;

namespace {

constexpr const char* request_head = "GET / HTTP/1.1\r\nHost: app.example\r\n\r\n";

void expect_bad_gateway(const RawMessage& reply, const std::string& text) {
  EXPECT_EQ(reply.status(), 502);
  EXPECT_EQ(reply.header("X-Cf-Routererror"), "endpoint_failure (" + text + ")");
  EXPECT_EQ(reply.body, "502 Bad Gateway: Registered endpoint failed to handle the request.\n");
}

TEST(FailureTable, has_a_row_for_every_failure) {
  for (auto i = 0; i <= static_cast<int>(router::Failure::broken_body); ++i)
    EXPECT_FALSE(router::failure_row(static_cast<router::Failure>(i)).name.empty());
}

TEST(Retry, a_refused_connection_leads_to_the_next_endpoint) {
  ClosedPort closed;
  FakeBackend backend(FakeBackend::answers("alive"));
  RouterUnderTest router;
  router.add("app.example", closed.port());
  router.add("app.example", backend.port());
  for (int i = 0; i < 10; ++i) EXPECT_EQ(router.get("app.example").body, "alive");
  // The first failure marks the endpoint: the others did not try it again.
  EXPECT_EQ(router.metric("backend_retries", 1), 1);
}

TEST(Retry, a_body_not_yet_read_survives_a_refused_connection) {
  ClosedPort closed;
  FakeBackend backend(FakeBackend::echoes());
  RouterUnderTest router;
  router.add("app.example", closed.port());
  router.add("app.example", backend.port());
  for (int i = 0; i < 2; ++i) {
    RawSocket client = router.connect();
    client.send("POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: 100000\r\n\r\n" +
                std::string(100'000, 'b'));
    EXPECT_TRUE(read_reply(client).body.ends_with("\r\n\r\n" + std::string(100'000, 'b')));
  }
}

TEST(Retry, ends_when_every_endpoint_was_tried) {
  ClosedPort closed;
  RouterUnderTest router;
  router.add("app.example", closed.port());
  expect_bad_gateway(router.get("app.example"), "dial tcp: connect: connection refused");
  EXPECT_EQ(router.metric("bad_gateways", 1), 1);
  EXPECT_EQ(router.metric("total_requests{component=\"\"}", 1), 1);
  EXPECT_EQ(router.metric("responses{status_group=\"5xx\"}", 1), 1);
}

TEST(Retry, ends_with_max_attempts) {
  ClosedPort closed[4];
  RouterUnderTest::Options options;
  options.settings.max_attempts = 2;
  RouterUnderTest router(options);
  for (const ClosedPort& port : closed) router.add("app.example", port.port());
  expect_bad_gateway(router.get("app.example"), "dial tcp: connect: connection refused");
  EXPECT_EQ(router.metric("total_requests{component=\"\"}", 2), 2);
}

// Two endpoints, the first of which does `harm` to each request it gets.
struct Pair {
  explicit Pair(const std::function<void(RawSocket&)>& harm)
      : bad([harm, this](RawSocket& peer, size_t) {
          if (!peer.receive_until("\r\n\r\n").empty()) ++bad_requests;
          harm(peer);
        }),
        good(FakeBackend::answers("alive")) {
    router.add("app.example", bad.port());
    router.add("app.example", good.port());
  }
  RawMessage send(const std::string& text) {
    RawSocket client = router.connect();
    client.send(text);
    return read_reply(client);
  }
  // Until the bad one has had a request.
  RawMessage send_to_bad(const std::string& text) {
    const int before = bad_requests;
    for (int i = 0; i < 4; ++i) {
      RawMessage reply = send(text);
      if (bad_requests != before) return reply;
    }
    ADD_FAILURE() << "the bad endpoint was never chosen";
    return {};
  }

  std::atomic<int> bad_requests{0};
  FakeBackend bad, good;
  RouterUnderTest router;
};

TEST(Retry, an_idempotent_request_survives_a_reset_and_an_early_end) {
  Pair reset([](RawSocket& peer) { peer.reset(); });
  EXPECT_EQ(reset.send_to_bad(request_head).body, "alive");
  Pair ended([](RawSocket& peer) { peer.close(); });
  EXPECT_EQ(ended.send_to_bad(request_head).body, "alive");
  EXPECT_EQ(
      ended.send_to_bad("POST / HTTP/1.1\r\nHost: app.example\r\nIdempotency-Key: 1\r\n\r\n").body,
      "alive");
}

TEST(Retry, other_requests_do_not) {
  Pair reset([](RawSocket& peer) { peer.reset(); });
  expect_bad_gateway(
      reset.send_to_bad("POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: 1\r\n\r\nx"),
      "read: connection reset by peer");
  Pair ended([](RawSocket& peer) { peer.close(); });
  expect_bad_gateway(ended.send_to_bad("DELETE / HTTP/1.1\r\nHost: app.example\r\n\r\n"), "EOF");
}

TEST(Retry, a_reply_that_began_is_never_repeated) {
  Pair cut([](RawSocket& peer) { peer.send("HTTP/1.1 200 OK\r\nConte"); });
  expect_bad_gateway(cut.send_to_bad(request_head), "EOF");
  Pair junk([](RawSocket& peer) { peer.send("SSH-2.0-OpenSSH\r\n\r\n"); });
  expect_bad_gateway(junk.send_to_bad(request_head), "malformed HTTP response");
  Pair smuggled([](RawSocket& peer) {
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab");
  });
  expect_bad_gateway(smuggled.send_to_bad(request_head), "malformed HTTP response");
}

TEST(Retry, a_kept_connection_that_died_is_replaced_silently) {
  std::atomic<bool> dies{false};
  FakeBackend backend([&](RawSocket& peer, size_t index) {
    for (;;) {
      if (peer.receive_until("\r\n\r\n").empty()) return;
      // The first connection answers once and then closes on the next request.
      if (index == 0 && dies) return;
      peer.send(ok_reply("again"));
      dies = true;
    }
  });
  RouterUnderTest::Options options;
  options.settings.max_attempts = 1;
  RouterUnderTest router(options);
  router.add("app.example", backend.port());
  RawSocket client = router.connect();
  for (int i = 0; i < 2; ++i) {
    client.send(request_head);
    EXPECT_EQ(read_reply(client).body, "again") << i;
  }
  EXPECT_EQ(router.metric("backend_replays", 1), 1);
  EXPECT_EQ(router.metric("backend_retries"), 0);
}

TEST(Retry, an_idle_connection_that_the_backend_closes_is_forgotten) {
  FakeBackend backend([](RawSocket& peer, size_t) {
    read_request(peer);
    peer.send(ok_reply("once"));
  });
  RouterUnderTest router;
  router.add("app.example", backend.port());
  for (int i = 0; i < 3; ++i) {
    RawSocket client = router.connect();
    client.send("POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: 1\r\n\r\nx");
    EXPECT_EQ(read_reply(client).body, "once");
    EXPECT_TRUE(eventually([&] { return router.counts().backend_connections == 0; }));
  }
}

TEST(Retry, limits_of_replies) {
  std::string many = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n";
  for (int i = 0; i < 30; ++i) many += "X: 1\r\n";
  std::string text = many + "\r\n";
  FakeBackend backend([&](RawSocket& peer, size_t) {
    while (read_request(peer).is_whole) peer.send(text);
  });
  RouterUnderTest::Options count;
  count.settings.max_response_headers = 20;
  RouterUnderTest by_count(count);
  by_count.add("app.example", backend.port());
  expect_bad_gateway(by_count.get("app.example"), "Too many response headers");
  RouterUnderTest::Options bytes;
  bytes.settings.max_response_header_bytes = 100;
  RouterUnderTest by_bytes(bytes);
  by_bytes.add("app.example", backend.port());
  expect_bad_gateway(by_bytes.get("app.example"), "server response headers exceeded the limit");
}

TEST(Retry, a_cut_body_is_seen_as_cut) {
  FakeBackend backend([](RawSocket& peer, size_t index) {
    read_request(peer);
    if (index == 0) peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
    if (index == 1) peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n");
    if (index == 2)
      peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\nzz\r\n");
  });
  RouterUnderTest router;
  router.add("app.example", backend.port());
  for (int i = 0; i < 3; ++i) {
    const RawMessage reply = router.get("app.example");
    EXPECT_EQ(reply.status(), 200);
    EXPECT_EQ(reply.body, "part");
    EXPECT_FALSE(reply.is_whole);
  }
  EXPECT_EQ(router.metric("aborted_exchanges", 3), 3);
}

TEST(Retry, endpoint_timeout_before_and_in_the_reply) {
  FakeBackend backend([](RawSocket& peer, size_t index) {
    read_request(peer);
    if (index == 1) peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
    peer.receive();
  });
  RouterUnderTest::Options options;
  options.settings.endpoint_timeout = std::chrono::milliseconds(700);
  RouterUnderTest router(options);
  router.add("app.example", backend.port());
  expect_bad_gateway(router.get("app.example"), "context deadline exceeded");
  const RawMessage reply = router.get("app.example");
  EXPECT_EQ(reply.status(), 200);
  EXPECT_FALSE(reply.is_whole);
  EXPECT_EQ(router.counts().exchanges, 0u);
}

TEST(Retry, endpoint_timeout_of_http2_clients_is_their_own) {
  FakeBackend backend([](RawSocket& peer, size_t) { (void)peer.receive_all(); });
  RouterUnderTest::Options options;
  options.settings.http2.on_plain_port = true;
  options.settings.endpoint_timeout = Duration::zero();  // none for the others
  options.settings.http2_endpoint_timeout = std::chrono::milliseconds(100);
  RouterUnderTest router(options);
  router.add("app.example", backend.port());
  RawSocket client = router.connect();
  client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + h2_bytes({H2Type::settings, 0, 0, {}}) +
              h2_bytes({H2Type::headers, h2_end_stream | h2_end_headers, 1,
                        h2_block({{":method", "GET"},
                                  {":scheme", "http"},
                                  {":path", "/"},
                                  {":authority", "app.example"}})}));
  const std::string body = "502 Bad Gateway: Registered endpoint failed to handle the request.\n";
  EXPECT_TRUE(client.receive_until(body).ends_with(body));
  EXPECT_TRUE(eventually([&] { return router.counts().exchanges == 0; }));
}

TEST(Retry, a_client_that_goes_takes_its_attempt_along) {
  FakeBackend backend(FakeBackend::holds());
  RouterUnderTest router;
  router.add("app.example", backend.port());
  {
    RawSocket client = router.connect();
    client.send(request_head);
    ASSERT_TRUE(eventually([&] { return backend.connections() == 1; }));
    client.reset();
  }
  EXPECT_TRUE(eventually([&] {
    const auto counts = router.counts();
    return counts.client_connections == 0 && counts.backend_connections == 0 &&
           counts.exchanges == 0;
  }));
}

TEST(Retry, names_are_resolved) {
  FakeBackend backend(FakeBackend::answers("by name"));
  RouterUnderTest router;
  router.add("app.example", backend.port(),
             [](router::EndpointSpec& spec) { spec.host = "localhost"; });
  EXPECT_EQ(router.get("app.example").body, "by name");
}

TEST(Retry, endpoints_with_tls_are_passed_over) {
  FakeBackend backend(FakeBackend::answers("plain"));
  RouterUnderTest router;
  router.add("app.example", 1, [](router::EndpointSpec& spec) { spec.tls = true; });
  expect_bad_gateway(router.get("app.example"), "TLS to endpoints is not supported");
  router.add("app.example", backend.port());
  for (int i = 0; i < 4; ++i) EXPECT_EQ(router.get("app.example").body, "plain");
}

}  // namespace
