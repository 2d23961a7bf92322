// HTTP/1 clients, endpoints that speak HTTP/2: scripted ones, also such that misbehave.
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "test/support/fake_backend.h"
#include "test/support/http2_peer.h"
#include "test/support/router_under_test.h"

using namespace causeway;
using namespace causeway::test;

namespace {

constexpr uint32_t no_error = 0;
constexpr uint32_t internal_error = 2;
constexpr uint32_t refused_stream = 7;
constexpr uint32_t cancel = 8;

router::Settings http2_settings() {
  router::Settings settings = usual_settings();
  settings.http2_prior_knowledge = true;
  return settings;
}

RouterUnderTest::Options options(const router::Settings& settings) {
  RouterUnderTest::Options made;
  made.settings = settings;
  return made;
}

void speaks_http2(router::EndpointSpec& spec) { spec.protocol = router::Protocol::http2; }

FakeBackend::Serve http2_script(std::function<void(Http2Peer&, size_t)> script) {
  return [script = std::move(script)](RawSocket& socket, size_t index) {
    Http2Peer peer(socket);
    if (peer.greet()) script(peer, index);
  };
}

// Answers each request with its body, or its path.
void echo(Http2Peer& peer, size_t) {
  while (true) {
    const Http2Peer::Request request = peer.next_request();
    if (request.stream == 0) return;
    peer.answer(request.stream, request.body.empty() ? request.field(":path") : request.body);
  }
}

// The router and one endpoint at "app.example".
struct Http2Backend : testing::Test {
  void serve(FakeBackend::Serve script) {
    backend = std::make_unique<FakeBackend>(std::move(script));
    router.add("app.example", backend->port(), speaks_http2);
  }
  void expect_all_quiet() {
    EXPECT_TRUE(eventually([this] { return router.counts().exchanges == 0; }));
    EXPECT_TRUE(eventually([this] {
      const auto counts = router.counts();
      return counts.backend_connections == counts.backend_idle;
    }));
  }

  std::unique_ptr<FakeBackend> backend;
  RouterUnderTest router{options(http2_settings())};
};

TEST_F(Http2Backend, a_request_becomes_a_stream_with_the_fields_of_its_own) {
  std::atomic<bool> is_right{false};
  serve(http2_script([&](Http2Peer& peer, size_t) {
    const Http2Peer::Request request = peer.next_request();
    EXPECT_EQ(request.field(":method"), "POST");
    EXPECT_EQ(request.field(":scheme"), "http");
    EXPECT_EQ(request.field(":authority"), "app.example");
    EXPECT_EQ(request.field(":path"), "/a//b?c=%20");
    EXPECT_EQ(request.field("x-mixed-case"), "Value");
    EXPECT_EQ(request.field("te"), "trailers");
    EXPECT_EQ(request.field("x-forwarded-proto"), "http");
    EXPECT_FALSE(request.field("x-vcap-request-id").empty());
    EXPECT_EQ(request.field("content-length"), "4");
    for (const char* gone : {"host", "connection", "transfer-encoding", "x-named", "keep-alive"})
      EXPECT_EQ(request.field(gone), "") << gone;
    EXPECT_EQ(request.body, "body");
    is_right = true;
    peer.send_head(request.stream, {{":status", "201"}, {"x-reply", "yes"}});
    peer.send_data(request.stream, "hello", true);
    peer.next();
  }));
  RawSocket client = router.connect();
  client.send(
      "POST /a//b?c=%20 HTTP/1.1\r\nHost: app.example\r\nX-Mixed-Case: Value\r\nTE: trailers\r\n"
      "Connection: x-named, keep-alive, TE\r\nX-Named: 1\r\nContent-Length: 4\r\n\r\nbody");
  const RawMessage reply = read_reply(client);
  EXPECT_EQ(reply.status(), 201);
  EXPECT_EQ(reply.header("x-reply"), "yes");
  EXPECT_EQ(reply.body, "hello");
  EXPECT_TRUE(reply.was_chunked);
  EXPECT_TRUE(is_right);
}

TEST_F(Http2Backend, exchanges_share_one_connection) {
  serve(http2_script(echo));
  std::vector<RawSocket> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(router.connect());
    clients.back().send("GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: app.example\r\n\r\n");
  }
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(read_reply(clients[static_cast<size_t>(i)]).body, "/" + std::to_string(i));
  EXPECT_EQ(backend->connections(), 1u);
  expect_all_quiet();
  EXPECT_EQ(router.counts().backend_connections, 1u);
}

TEST_F(Http2Backend, large_bodies_go_both_ways_within_the_windows) {
  serve(http2_script(echo));
  std::string body(3u << 20, 'x');
  for (size_t i = 0; i < body.size(); i += 7) body[i] = static_cast<char>('a' + i % 26);
  RawSocket client = router.connect();
  std::thread sender([&] {
    client.send("POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: " +
                std::to_string(body.size()) + "\r\n\r\n");
    client.send(body);
  });
  const RawMessage reply = read_reply(client);
  sender.join();
  EXPECT_EQ(reply.status(), 200);
  EXPECT_TRUE(reply.body == body);
  expect_all_quiet();
}

TEST_F(Http2Backend, a_client_that_does_not_read_holds_its_own_stream_back_and_no_other) {
  serve(http2_script([](Http2Peer& peer, size_t) {
    const Http2Peer::Request slow = peer.next_request();
    const Http2Peer::Request quick = peer.next_head();
    peer.send_head(slow.stream, {{":status", "200"}});
    // More than socket buffers, the router's and one window hold.
    peer.answer(quick.stream, "quick");
    peer.send_body(slow.stream, std::string(64u << 20, 's'));
    peer.next();
  }));
  RawSocket slow = router.connect();
  slow.send("GET /slow HTTP/1.1\r\nHost: app.example\r\n\r\n");
  RawSocket quick = router.connect();
  quick.send("GET /quick HTTP/1.1\r\nHost: app.example\r\n\r\n");
  EXPECT_EQ(read_reply(quick).body, "quick");
  EXPECT_EQ(read_reply(slow).body.size(), 64u << 20);
  expect_all_quiet();
}

TEST_F(Http2Backend, replies_without_a_body_end_where_http1_can_see_it) {
  serve(http2_script([](Http2Peer& peer, size_t) {
    for (const char* status : {"200", "204", "304", "200"}) {
      const Http2Peer::Request request = peer.next_request();
      peer.send_head(request.stream, {{":status", status}, {"x-a", "1"}}, true);
    }
    peer.next();
  }));
  RawSocket client = router.connect();
  for (const int status : {200, 204, 304}) {
    client.send("GET / HTTP/1.1\r\nHost: app.example\r\n\r\n");
    const RawMessage reply = read_reply(client);
    EXPECT_EQ(reply.status(), status);
    EXPECT_TRUE(reply.is_whole);
    EXPECT_EQ(reply.header("content-length"), status == 200 ? "0" : "");
  }
  client.send("HEAD / HTTP/1.1\r\nHost: app.example\r\n\r\n");
  EXPECT_EQ(read_reply(client, "HEAD").status(), 200);
}

TEST_F(Http2Backend, interim_replies_and_trailers_pass) {
  serve(http2_script([](Http2Peer& peer, size_t) {
    const Http2Peer::Request request = peer.next_request();
    EXPECT_EQ(request.trailers, (H2Fields{{"x-checksum", "1"}}));
    peer.send_head(request.stream, {{":status", "103"}, {"link", "</a>"}});
    peer.send_head(request.stream, {{":status", "200"}, {"trailer", "x-sum"}});
    peer.send_data(request.stream, "body");
    peer.send_head(request.stream, {{"x-sum", "2"}}, true);
    peer.next();
  }));
  RawSocket client = router.connect();
  client.send(
      "POST / HTTP/1.1\r\nHost: app.example\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n"
      "Connection: TE\r\n\r\n3\r\nabc\r\n0\r\nX-Checksum: 1\r\nX-Forwarded-For: no\r\n\r\n");
  EXPECT_EQ(RawMessage{client.receive_until("\r\n\r\n")}.status(), 103);
  const RawMessage reply = read_reply(client);
  EXPECT_EQ(reply.status(), 200);
  EXPECT_EQ(reply.body, "body");
  EXPECT_NE(reply.trailers.find("x-sum: 2"), std::string::npos) << reply.trailers;
}

TEST_F(Http2Backend, more_exchanges_than_the_peer_takes_get_another_connection) {
  serve([](RawSocket& socket, size_t) {
    Http2Peer peer(socket);
    constexpr uint16_t max_concurrent_streams = 3;
    if (!peer.greet(h2_setting(max_concurrent_streams, 1))) return;
    // The settings are known before the first answer.
    echo(peer, 0);
  });
  EXPECT_EQ(router.get("app.example", "/first").body, "/first");
  std::vector<RawSocket> clients;
  for (int i = 0; i < 30; ++i) {
    clients.push_back(router.connect());
    clients.back().send("GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: app.example\r\n\r\n");
  }
  for (int i = 0; i < 30; ++i)
    EXPECT_EQ(read_reply(clients[static_cast<size_t>(i)]).body, "/" + std::to_string(i));
  EXPECT_LE(backend->connections(), 8u);
  expect_all_quiet();
}

TEST_F(Http2Backend, a_client_that_goes_resets_its_stream_and_the_connection_stays) {
  std::atomic<uint32_t> code{0};
  std::atomic<bool> has_come{false};
  serve(http2_script([&](Http2Peer& peer, size_t) {
    const Http2Peer::Request request = peer.next_head();
    has_come = true;
    const auto reset = peer.next(H2Type::rst_stream);
    EXPECT_TRUE(reset && reset->stream == request.stream);
    if (reset) code = static_cast<uint8_t>(reset->payload[3]);
    echo(peer, 0);
  }));
  RawSocket client = router.connect();
  client.send("GET / HTTP/1.1\r\nHost: app.example\r\n\r\n");
  EXPECT_TRUE(eventually([&] { return has_come.load(); }));
  client.reset();
  EXPECT_TRUE(eventually([&] { return code == cancel; }));
  EXPECT_EQ(router.get("app.example", "/next").body, "/next");
  EXPECT_EQ(backend->connections(), 1u);
  expect_all_quiet();
}

TEST_F(Http2Backend, a_kept_connection_that_dies_costs_no_request) {
  serve(http2_script([](Http2Peer& peer, size_t index) {
    const Http2Peer::Request first = peer.next_request();
    peer.answer(first.stream, "one");
    if (index > 0) return echo(peer, 0);
    peer.next_head();
    peer.socket().close();
  }));
  EXPECT_EQ(router.get("app.example").body, "one");
  EXPECT_EQ(router.get("app.example").body, "one");
  EXPECT_EQ(backend->connections(), 2u);
  EXPECT_EQ(router.metric("backend_replays", 1), 1);
}

TEST_F(Http2Backend, what_is_on_a_connection_that_dies_is_tried_elsewhere) {
  FakeBackend other(http2_script(echo));
  serve(http2_script([](Http2Peer& peer, size_t) {
    peer.next_head();
    peer.socket().close();
  }));
  router.add("app.example", other.port(), speaks_http2);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(router.get("app.example", "/a").body, "/a");
  EXPECT_EQ(router.metric("bad_gateways"), 0);
}

TEST_F(Http2Backend, an_endpoint_that_is_withdrawn_keeps_no_connection) {
  serve(http2_script(echo));
  EXPECT_EQ(router.get("app.example", "/").status(), 200);
  EXPECT_EQ(router.counts().backend_connections, 1u);
  router.remove("app.example", backend->port());
  EXPECT_TRUE(eventually([this] { return router.counts().backend_connections == 0; }));
}

TEST_F(Http2Backend, other_settings_cost_no_request_under_way) {
  std::atomic<bool> has_come{false};
  std::atomic<bool> may_answer{false};
  serve(http2_script([&](Http2Peer& peer, size_t) {
    const Http2Peer::Request request = peer.next_request();
    has_come = true;
    EXPECT_TRUE(eventually([&] { return may_answer.load(); }));
    peer.answer(request.stream, "late");
    peer.next();
  }));
  RawSocket client = router.connect();
  client.send("POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: 1\r\n\r\nx");
  ASSERT_TRUE(eventually([&] { return has_come.load(); }));
  router.worker().use(std::make_shared<const router::Settings>(http2_settings()));
  EXPECT_EQ(router.counts().exchanges, 1u);  // after it
  may_answer = true;
  EXPECT_EQ(read_reply(client).body, "late");
}

TEST_F(Http2Backend, upgrades_have_an_http1_connection) {
  serve([](RawSocket& socket, size_t) {
    const RawMessage request = read_request(socket);
    EXPECT_EQ(request.start_line(), "GET /chat HTTP/1.1");
    socket.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    socket.send(socket.receive_exactly(4));
  });
  RawSocket client = router.connect();
  client.send(
      "GET /chat HTTP/1.1\r\nHost: app.example\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
  EXPECT_EQ(RawMessage{client.receive_until("\r\n\r\n")}.status(), 101);
  client.send("ping");
  EXPECT_EQ(client.receive_exactly(4), "ping");
}

TEST(Http2Endpoint, without_tls_is_served_in_http1_unless_it_is_known_to_speak_http2) {
  FakeBackend backend(FakeBackend::answers("one"));
  RouterUnderTest router;
  router.add("app.example", backend.port(), speaks_http2);
  EXPECT_EQ(router.get("app.example").body, "one");
}

// What an endpoint does to a stream, and what the client sees.
struct Misdeed {
  const char* name;
  std::function<void(Http2Peer&, const Http2Peer::Request&)> act;
  int status;                // 0: the reply is cut
  size_t requests_seen = 1;  // by the endpoint, in all
  std::string request = "GET / HTTP/1.1\r\nHost: app.example\r\n\r\n";
  int max_attempts = 1;
};

class Http2Misdeed : public testing::TestWithParam<Misdeed> {};

TEST_P(Http2Misdeed, has_its_outcome_and_leaves_nothing_behind) {
  const Misdeed& misdeed = GetParam();
  std::atomic<size_t> requests{0};
  // The second request of all is answered well.
  FakeBackend backend(http2_script([&](Http2Peer& peer, size_t) {
    while (true) {
      Http2Peer::Request request = peer.next_head();
      if (request.stream == 0) return;
      if (requests++ == 0) {
        misdeed.act(peer, request);
      } else {
        peer.read_rest(request);
        peer.answer(request.stream, "well");
      }
    }
  }));
  router::Settings settings = http2_settings();
  settings.max_attempts = static_cast<uint32_t>(misdeed.max_attempts);
  settings.endpoint_timeout = std::chrono::seconds(2);
  settings.max_response_header_bytes = 10'000;
  RouterUnderTest router(options(settings));
  router.add("app.example", backend.port(), speaks_http2);

  RawSocket client = router.connect();
  client.send(misdeed.request);
  const RawMessage reply = read_reply(client);
  if (misdeed.status == 0) {
    EXPECT_FALSE(reply.is_whole);
  } else {
    EXPECT_EQ(reply.status(), misdeed.status) << reply.head;
    EXPECT_TRUE(reply.is_whole);
  }
  EXPECT_TRUE(eventually([&] { return requests == misdeed.requests_seen; })) << requests;
  client.close();
  EXPECT_TRUE(eventually([&] { return router.counts().exchanges == 0; }));
  // The router goes on, and nothing is in use.
  EXPECT_EQ(router.get("app.example").body, "well");
  EXPECT_TRUE(eventually([&] {
    return router.metric("backend_connections") == router.metric("backend_connections_idle") &&
           router.counts().backend_connections == router.counts().backend_idle;
  }));
}

constexpr size_t replayed = 2;
const H2Fields ok{{":status", "200"}};
const std::string post = "POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: 4\r\n\r\nbody";

void end(Http2Peer& peer, const Http2Peer::Request&) { peer.socket().close(); }

INSTANTIATE_TEST_SUITE_P(
    Http2Backend, Http2Misdeed,
    testing::Values(
        Misdeed{"refused_stream_is_sent_again",
                [](auto& peer, const auto& request) { peer.reset(request.stream, refused_stream); },
                200, replayed},
        Misdeed{"refused_stream_of_a_post_whose_body_was_told_is_not",
                [](auto& peer, const auto& request) { peer.reset(request.stream, refused_stream); },
                502, 1, post},
        Misdeed{"reset_before_the_head_is_final",
                [](auto& peer, const auto& request) { peer.reset(request.stream, internal_error); },
                502, 1, "GET / HTTP/1.1\r\nHost: app.example\r\n\r\n", 3},
        Misdeed{"reset_without_error_before_the_head",
                [](auto& peer, const auto& request) { peer.reset(request.stream, no_error); }, 502},
        Misdeed{"reset_after_the_head",
                [](auto& peer, const auto& request) {
                  peer.send_head(request.stream, ok);
                  peer.reset(request.stream, internal_error);
                },
                0},
        Misdeed{"reset_within_the_body",
                [](auto& peer, const auto& request) {
                  peer.send_head(request.stream, {{":status", "200"}, {"content-length", "10"}});
                  peer.send_data(request.stream, "half");
                  peer.reset(request.stream, cancel);
                },
                0},
        Misdeed{"reset_without_error_after_the_reply_is_no_failure",
                [](auto& peer, const auto& request) {
                  peer.answer(request.stream, "early");
                  peer.reset(request.stream, no_error);
                },
                200, 1, post},
        Misdeed{"goaway_below_the_stream_is_sent_again",
                [](auto& peer, const auto&) { peer.goaway(0, no_error); }, 200, replayed},
        Misdeed{"goaway_above_the_stream_lets_it_finish",
                [](auto& peer, const auto& request) {
                  peer.goaway(request.stream, no_error);
                  peer.answer(request.stream, "last");
                },
                200},
        Misdeed{"goaway_with_an_error_and_the_end",
                [](auto& peer, const auto& request) {
                  peer.goaway(request.stream, internal_error);
                  peer.socket().close();
                },
                502},
        Misdeed{"end_before_the_head", end, 502},
        Misdeed{"end_before_the_head_of_a_post", end, 502, 1, post, 3},
        Misdeed{"end_within_the_body",
                [](auto& peer, const auto& request) {
                  peer.send_head(request.stream, ok);
                  peer.send_data(request.stream, "half");
                  peer.socket().close();
                },
                0},
        Misdeed{"connection_reset", [](auto& peer, const auto&) { peer.socket().reset(); }, 502},
        Misdeed{"half_a_frame_and_the_end",
                [](auto& peer, const auto& request) {
                  const std::string frame = h2_bytes({.type = H2Type::headers,
                                                      .flags = h2_end_headers,
                                                      .stream = request.stream,
                                                      .payload = h2_block(ok)});
                  peer.send_bytes(std::string_view(frame).substr(0, frame.size() / 2));
                  peer.socket().close();
                },
                502},
        Misdeed{
            "no_http2_at_all",
            [](auto& peer, const auto&) { peer.send_bytes("HTTP/1.1 400 Bad Request\r\n\r\n"); },
            502},
        Misdeed{"data_before_the_head",
                [](auto& peer, const auto& request) { peer.send_data(request.stream, "x", true); },
                502},
        Misdeed{"data_on_a_stream_that_was_never_opened",
                [](auto& peer, const auto&) { peer.send_data(77, "x", true); }, 502},
        Misdeed{"a_frame_larger_than_agreed",
                [](auto& peer, const auto& request) {
                  peer.send_head(request.stream, ok);
                  peer.send_data(request.stream, std::string(20'000, 'x'), true);
                },
                0},
        Misdeed{"more_than_the_window",
                [](auto& peer, const auto& request) {
                  peer.send_head(request.stream, ok);
                  for (int i = 0; i < 3000; ++i)
                    if (!peer.send_data(request.stream, std::string(16'384, 'x'))) break;
                },
                0},
        Misdeed{"no_window_for_the_body", [](auto&, const auto&) {}, 502, 1,
                "POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: 400000\r\n\r\n" +
                    std::string(400'000, 'x')},
        Misdeed{"no_reply_at_all", [](auto&, const auto&) {}, 502},
        Misdeed{"a_head_beyond_the_limit",
                [](auto& peer, const auto& request) {
                  peer.send_head(request.stream, {{":status", "200"},
                                                  {"x-big", std::string(15'000, 'x')},
                                                  {"x-bigger", std::string(1'000, 'x')}});
                },
                502},
        Misdeed{"a_head_in_too_many_frames",
                [](auto& peer, const auto& request) {
                  peer.send(
                      {.type = H2Type::headers, .stream = request.stream, .payload = h2_block(ok)});
                  for (int i = 0; i < 1000; ++i) {
                    if (!peer.send({.type = H2Type::continuation,
                                    .stream = request.stream,
                                    .payload = h2_block({{"x-more", std::string(100, 'x')}})}))
                      break;
                  }
                },
                502},
        Misdeed{"a_head_without_status",
                [](auto& peer, const auto& request) {
                  peer.send_head(request.stream, {{"x-a", "1"}}, true);
                },
                502},
        Misdeed{"a_head_with_upper_case",
                [](auto& peer, const auto& request) {
                  peer.send_head(request.stream, {{":status", "200"}, {"X-A", "1"}}, true);
                },
                502},
        Misdeed{
            "a_field_about_the_connection",
            [](auto& peer, const auto& request) {
              peer.send_head(request.stream, {{":status", "200"}, {"connection", "close"}}, true);
            },
            502},
        Misdeed{"less_body_than_its_length",
                [](auto& peer, const auto& request) {
                  peer.send_head(request.stream, {{":status", "200"}, {"content-length", "10"}});
                  peer.send_data(request.stream, "half", true);
                },
                0},
        Misdeed{"more_body_than_its_length",
                [](auto& peer, const auto& request) {
                  peer.send_head(request.stream, {{":status", "200"}, {"content-length", "2"}});
                  peer.send_data(request.stream, "more", true);
                },
                0},
        Misdeed{"a_push_that_was_forbidden",
                [](auto& peer, const auto& request) {
                  peer.send({.type = H2Type::push_promise,
                             .flags = h2_end_headers,
                             .stream = request.stream,
                             .payload = h2_u32(2) + h2_block({{":method", "GET"}})});
                },
                502},
        Misdeed{"settings_that_cannot_be",
                [](auto& peer, const auto&) {
                  peer.send({.type = H2Type::settings, .payload = h2_setting(4, 0x80000000)});
                },
                502},
        Misdeed{"switching_protocols",
                [](auto& peer, const auto& request) {
                  peer.send_head(request.stream, {{":status", "101"}});
                },
                502},
        Misdeed{"compression_error",
                [](auto& peer, const auto& request) {
                  peer.send({.type = H2Type::headers,
                             .flags = h2_end_headers,
                             .stream = request.stream,
                             .payload = "\xff\xff\xff\xff\xff\xff"});
                },
                502}),
    [](const auto& one) { return std::string(one.param.name); });

}  // namespace
