// Endpoints that speak HTTP/2: what they may demand, what counts as one request, and those that
// fall silent or go in the middle of something.
#include <poll.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "test/support/fake_backend.h"
#include "test/support/http2_peer.h"
#include "test/support/router_under_test.h"

using namespace causeway;
using namespace causeway::test;

namespace {

constexpr uint32_t http_1_1_required = 13;
const std::string plain_get = "GET /path HTTP/1.1\r\nHost: app.example\r\n\r\n";
const std::string plain_post =
    "POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: 4\r\n\r\nbody";

router::Settings endpoint_settings() {
  router::Settings settings = usual_settings();
  settings.http2_prior_knowledge = true;
  settings.max_attempts = 1;
  return settings;
}

// The router, and what answers in HTTP/2 at "app.example".
struct Http2Served {
  explicit Http2Served(FakeBackend::Serve serve,
                       const router::Settings& settings = endpoint_settings())
      : backend(std::move(serve)), router(options_of(settings)) {
    router.add("app.example", backend.port(),
               [](router::EndpointSpec& spec) { spec.protocol = router::Protocol::http2; });
  }
  static RouterUnderTest::Options options_of(const router::Settings& settings) {
    RouterUnderTest::Options made;
    made.settings = settings;
    return made;
  }
  RawMessage ask(const std::string& request) const {
    RawSocket client = router.connect();
    client.send(request);
    return read_reply(client);
  }

  FakeBackend backend;
  RouterUnderTest router;
};

// Refuses the first request in HTTP/2 as `refuse` says; on a second connection HTTP/1.1 is spoken.
FakeBackend::Serve http1_after(std::function<void(Http2Peer&, uint32_t)> refuse) {
  return [refuse = std::move(refuse)](RawSocket& socket, size_t index) {
    if (index == 0) {
      Http2Peer peer(socket);
      if (!peer.greet()) return;
      refuse(peer, peer.next_request().stream);
      peer.next();
      return;
    }
    const RawMessage request = read_request(socket);
    socket.send(ok_reply("in HTTP/1.1: " + request.head.substr(0, request.head.find(' ', 5))));
    socket.receive();
  };
}

TEST(Http2Required, of_http1_for_a_request_sends_it_again_there) {
  Http2Served served(
      http1_after([](Http2Peer& peer, uint32_t stream) { peer.reset(stream, http_1_1_required); }));
  const RawMessage reply = served.ask(plain_get);
  EXPECT_EQ(reply.status(), 200);
  EXPECT_EQ(reply.body, "in HTTP/1.1: GET /path");
  EXPECT_EQ(served.backend.connections(), 2u);
  EXPECT_EQ(served.router.metric("backend_replays", 1), 1);
  EXPECT_TRUE(eventually([&] { return served.router.counts().exchanges == 0; }));
}

TEST(Http2Required, of_http1_for_a_connection_does_too) {
  Http2Served served(
      http1_after([](Http2Peer& peer, uint32_t) { peer.goaway(0, http_1_1_required); }));
  EXPECT_EQ(served.ask(plain_get).body, "in HTTP/1.1: GET /path");
}

TEST(Http2Required, of_http1_after_body_bytes_were_told_is_a_failure) {
  Http2Served served(
      http1_after([](Http2Peer& peer, uint32_t stream) { peer.reset(stream, http_1_1_required); }));
  EXPECT_EQ(served.ask(plain_post).status(), 502);
  EXPECT_EQ(served.backend.connections(), 1u);
}

TEST(Http2Required, of_http1_after_the_reply_began_cuts_it) {
  Http2Served served(http1_after([](Http2Peer& peer, uint32_t stream) {
    peer.send_head(stream, {{":status", "200"}});
    peer.reset(stream, http_1_1_required);
  }));
  EXPECT_FALSE(served.ask(plain_get).is_whole);
  EXPECT_EQ(served.backend.connections(), 1u);
}

// Once more at the same endpoint, and then as an attempt that counts.
TEST(Http2Refusal, of_every_stream_leads_to_the_next_endpoint) {
  constexpr uint32_t refused_code = 7;
  std::atomic<int> refused{0};
  router::Settings settings = endpoint_settings();
  settings.max_attempts = 2;
  settings.failed_mark_lifetime = std::chrono::hours(1);
  Http2Served served(
      [&](RawSocket& socket, size_t) {
        Http2Peer peer(socket);
        if (!peer.greet()) return;
        while (const uint32_t stream = peer.next_request().stream) {
          ++refused;
          peer.reset(stream, refused_code);
        }
      },
      settings);
  FakeBackend other(FakeBackend::answers("elsewhere"));
  served.router.add("app.example", other.port());
  for (int i = 1; i <= 4; ++i) EXPECT_EQ(served.ask(plain_get).body, "elsewhere");
  // Twice for each request that meets it, and it is asked again the next time: to refuse a stream
  // is no fault.
  EXPECT_GE(refused, 6);
  EXPECT_EQ(refused % 2, 0);
}

TEST(Http2MaxConns, counts_streams_and_not_the_connection_they_share) {
  std::atomic<bool> answers{false};
  router::Settings settings = endpoint_settings();
  settings.max_conns = 3;
  Http2Served served(
      [&](RawSocket& socket, size_t) {
        Http2Peer peer(socket);
        if (!peer.greet()) return;
        std::vector<uint32_t> open;
        for (int i = 0; i < 3; ++i) open.push_back(peer.next_request().stream);
        if (!eventually([&] { return answers.load(); })) return;
        for (const uint32_t stream : open) peer.answer(stream, "late");
        while (const uint32_t stream = peer.next_request().stream) peer.answer(stream, "next");
      },
      settings);
  std::vector<RawSocket> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(served.router.connect());
    clients.back().send(plain_get);
  }
  ASSERT_EQ(served.router.metric("backend_streams", 3), 3);
  const RawMessage refused = served.ask(plain_get);
  EXPECT_EQ(refused.status(), 503);
  EXPECT_EQ(refused.header("X-Cf-Routererror"), "Connection Limit Reached");
  answers = true;
  for (RawSocket& client : clients) EXPECT_EQ(read_reply(client).body, "late");
  EXPECT_EQ(served.ask(plain_get).body, "next");
  EXPECT_EQ(served.backend.connections(), 1u);
}

constexpr std::chrono::milliseconds ping_interval(1200);

bool time_passes(Duration time) {
  const Instant begin = SystemClock().now();
  return eventually([&] { return SystemClock().now() - begin > time; });
}

bool has_bytes(const RawSocket& socket) {
  pollfd watched{socket.descriptor(), POLLIN, 0};
  return ::poll(&watched, 1, 0) > 0;
}

router::Settings watchful_settings() {
  router::Settings settings = endpoint_settings();
  settings.http2_ping_interval = ping_interval;
  return settings;
}

// As a cut network looks: no end, no reset, nothing.
TEST(Http2Silence, of_an_endpoint_that_answers_no_ping_ends_the_connection) {
  Http2Served served(
      [](RawSocket& socket, size_t index) {
        Http2Peer peer(socket);
        if (!peer.greet()) return;
        while (const uint32_t stream = peer.next_request().stream) {
          if (index > 0) peer.answer(stream, "well");
        }
      },
      watchful_settings());
  RawSocket other = served.router.connect();
  other.send(plain_post);
  EXPECT_EQ(served.ask(plain_post).status(), 502);
  EXPECT_EQ(read_reply(other).status(), 502);
  EXPECT_EQ(served.backend.connections(), 1u);
  // The next one does not go where nobody is.
  EXPECT_EQ(served.ask(plain_get).body, "well");
  EXPECT_EQ(served.backend.connections(), 2u);
}

TEST(Http2Silence, of_an_endpoint_that_answers_one_ping_is_patience) {
  std::atomic<int> pings{0};
  Http2Served served(
      [&](RawSocket& socket, size_t) {
        Http2Peer peer(socket);
        if (!peer.greet()) return;
        const uint32_t stream = peer.next_request().stream;
        const auto ping = peer.next(H2Type::ping);
        if (!ping) return;
        ++pings;
        peer.send({.type = H2Type::ping, .flags = h2_ack, .payload = ping->payload});
        // Further intervals: no second PING comes, for servers of gRPC count them.
        EXPECT_TRUE(time_passes(3 * ping_interval / 2));
        if (has_bytes(socket)) ++pings;
        peer.answer(stream, "slow");
        peer.next();
      },
      watchful_settings());
  EXPECT_EQ(served.ask(plain_get).body, "slow");
  EXPECT_EQ(pings, 1);
}

TEST(Http2Silence, of_an_idle_connection_is_not_asked_about) {
  std::atomic<int> pings{0};
  Http2Served served(
      [&](RawSocket& socket, size_t) {
        Http2Peer peer(socket);
        if (!peer.greet()) return;
        peer.answer(peer.next_request().stream, "one");
        while (const auto frame = peer.next()) {
          if (frame->type == H2Type::ping) ++pings;
          if (frame->type == H2Type::headers) peer.answer(frame->stream, "two");
        }
      },
      watchful_settings());
  EXPECT_EQ(served.ask(plain_get).body, "one");
  EXPECT_TRUE(time_passes(3 * ping_interval / 2));
  EXPECT_EQ(served.ask(plain_get).body, "two");
  EXPECT_EQ(pings, 0);
  EXPECT_EQ(served.backend.connections(), 1u);
}

// Which of two endpoints gets the requests after one of them has gone with half a head: a reset is
// a mark (gorouter.md section 5), an end is none.
class HalfAHead : public testing::TestWithParam<bool> {};

TEST_P(HalfAHead, and_a_reset_in_one_breath_is_known_as_a_reset) {
  const bool resets = GetParam();
  std::atomic<int> gone{0};
  FakeBackend leaver([&](RawSocket& peer, size_t) {
    if (!read_request(peer).is_whole) return;
    peer.send("HTTP/1.1 200 OK\r\nContent-");
    ++gone;
    resets ? peer.reset() : peer.close();
  });
  FakeBackend stayer(FakeBackend::answers("well"));
  RouterUnderTest::Options options;
  options.settings = usual_settings();
  options.settings.max_attempts = 1;
  options.settings.failed_mark_lifetime = std::chrono::hours(1);
  RouterUnderTest router(options);
  router.add("app.example", leaver.port());
  router.add("app.example", stayer.port());
  constexpr int requests = 10;
  int failed = 0;
  for (int i = 0; i < requests; ++i) failed += router.get("app.example").status() == 502 ? 1 : 0;
  EXPECT_EQ(failed, resets ? 1 : requests / 2);
  EXPECT_EQ(gone, failed);
}

INSTANTIATE_TEST_SUITE_P(Backend, HalfAHead, testing::Values(true, false),
                         [](const auto& one) { return one.param ? "reset" : "end"; });

}  // namespace
