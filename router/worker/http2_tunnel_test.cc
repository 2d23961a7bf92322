// WebSockets of HTTP/2 clients (RFC 8441) before HTTP/1 endpoints: their ends.
#include <sys/socket.h>

#include <atomic>
#include <functional>
#include <future>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "http/websocket.h"
#include "test/support/fake_backend.h"
#include "test/support/http2_peer.h"
#include "test/support/router_under_test.h"
#include "tls/digest.h"

using namespace causeway;
using namespace causeway::test;

namespace {

RouterUnderTest::Options h2c_options() {
  RouterUnderTest::Options made;
  made.settings.http2.on_plain_port = true;
  return made;
}

// The endpoint's side of the handshake; false: it was none.
bool switch_to_websocket(RawSocket& peer) {
  const RawMessage request{.head = peer.receive_until("\r\n\r\n")};
  const std::string key = request.header("sec-websocket-key") + std::string(http::kAcceptGuid);
  return peer.send(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Accept: " +
      tls::base64(tls::sha1(key)) + "\r\n\r\n");
}

void ask_for_websocket(Http2Peer& peer, uint32_t stream, const std::string& host) {
  peer.send_head(stream, {{":method", "CONNECT"},
                          {":protocol", "websocket"},
                          {":scheme", "http"},
                          {":path", "/ws"},
                          {":authority", host},
                          {"sec-websocket-version", "13"}});
}

// A client with one WebSocket open, on stream 1.
struct Http2WebSocket {
  explicit Http2WebSocket(RouterUnderTest& router) : socket(router.connect()), peer(socket) {
    EXPECT_TRUE(peer.call());
    ask_for_websocket(peer, stream, "app.example");
    EXPECT_EQ(peer.next_head().field(":status"), "200");
  }
  // Down to END_STREAM.
  std::string read_all() {
    Http2Peer::Request rest;
    rest.stream = stream;
    peer.read_rest(rest);
    EXPECT_TRUE(rest.is_whole);
    return rest.body;
  }
  // Says bytes until the router takes no more of them just now, then END_STREAM; how many.
  size_t fill_and_end() {
    size_t said = 0;
    while (true) {
      const int64_t room = peer.window_of(stream);
      if (room > 0) {
        const auto size = std::min<size_t>(static_cast<size_t>(room), 16'384);
        if (!peer.send_body(stream, std::string(size, 'x'), false)) break;
        said += size;
        continue;
      }
      // Whatever window there is to come, it comes with the first answer or before the second.
      if (!is_heard() || !is_heard() || peer.window_of(stream) <= 0) break;
    }
    EXPECT_TRUE(peer.send_data(stream, {}, true));
    EXPECT_TRUE(is_heard());
    return said;
  }
  // The router has read what was said.
  bool is_heard() {
    return peer.send({.type = H2Type::ping, .payload = "is heard"}) && peer.next(H2Type::ping);
  }

  static constexpr uint32_t stream = 1;
  RawSocket socket;
  Http2Peer peer;
};

struct Departure {
  const char* name;
  std::function<void(Http2WebSocket&)> leave;
};

class Http2TunnelEnd : public testing::TestWithParam<Departure> {};

TEST_P(Http2TunnelEnd, an_endpoint_that_ends_first_gets_all_that_its_client_says_after) {
  std::promise<void> client_is_done;
  auto done = client_is_done.get_future().share();
  std::promise<size_t> taken;
  FakeBackend backend([&](RawSocket& peer, size_t) {
    constexpr int small = 32'768;  // most of it waits in the router
    setsockopt(peer.descriptor(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    ASSERT_TRUE(switch_to_websocket(peer));
    peer.send("goodbye");
    peer.half_close();
    done.wait();
    taken.set_value(peer.receive_all().size());
    EXPECT_FALSE(peer.was_reset());
  });
  RouterUnderTest router(h2c_options());
  router.add("app.example", backend.port());
  Http2WebSocket client(router);
  EXPECT_EQ(client.read_all(), "goodbye");
  const size_t said = client.fill_and_end();
  EXPECT_GT(said, 256u << 10);
  GetParam().leave(client);
  client_is_done.set_value();
  EXPECT_EQ(taken.get_future().get(), said);
  EXPECT_TRUE(eventually([&] { return router.counts().tunnels == 0; }));
}

void wait_for_the_end_of_a_linger(Http2WebSocket& client) {
  // What a client that was told to go gets is two seconds; the endpoint needs more.
  client.peer.goaway(0, 0);
  EXPECT_FALSE(client.peer.next(H2Type::data).has_value());
  // tidy: those two seconds pass and nothing must come of it
  std::this_thread::sleep_for(std::chrono::milliseconds(2600));
}

INSTANTIATE_TEST_SUITE_P(
    Http2Tunnel, Http2TunnelEnd,
    testing::Values(Departure{"stays", [](Http2WebSocket&) {}},
                    Departure{"closes", [](Http2WebSocket& client) { client.socket.half_close(); }},
                    Departure{"resets", [](Http2WebSocket& client) { client.socket.reset(); }},
                    Departure{"says_goaway", wait_for_the_end_of_a_linger}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(Http2Tunnel, an_endpoint_that_takes_nothing_any_more_does_not_keep_a_tunnel_for_ever) {
  std::promise<void> tunnel_is_gone;
  auto gone = tunnel_is_gone.get_future().share();
  FakeBackend backend([&](RawSocket& peer, size_t) {
    constexpr int small = 32'768;
    setsockopt(peer.descriptor(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    ASSERT_TRUE(switch_to_websocket(peer));
    peer.half_close();
    gone.wait();
  });
  RouterUnderTest::Options options = h2c_options();
  options.settings.http2.stall_timeout = std::chrono::seconds(1);
  // Frame by frame, so that all of them are on their way to the endpoint, and only the end waits.
  options.settings.http2.stream_window_bytes = 16'384;
  RouterUnderTest router(options);
  router.add("app.example", backend.port());
  Http2WebSocket client(router);
  EXPECT_EQ(client.read_all(), "");
  EXPECT_GT(client.fill_and_end(), 32u << 10);
  EXPECT_TRUE(eventually([&] { return router.counts().tunnels == 0; }));
  tunnel_is_gone.set_value();
}

TEST(Http2Tunnel, what_an_endpoint_said_last_waits_for_the_clients_window) {
  constexpr size_t bytes = 300'000;
  FakeBackend backend([&](RawSocket& peer, size_t) {
    ASSERT_TRUE(switch_to_websocket(peer));
    peer.send(std::string(bytes, 'x'));
    peer.half_close();
    EXPECT_EQ(peer.receive_all(), "bye");
  });
  RouterUnderTest router(h2c_options());
  router.add("app.example", backend.port());
  Http2WebSocket client(router);
  ASSERT_TRUE(client.peer.send_body(client.stream, "bye"));  // it ends first, by far
  EXPECT_EQ(client.read_all().size(), bytes);
  EXPECT_TRUE(eventually([&] { return router.counts().tunnels == 0; }));
}

TEST(Http2Tunnel, one_that_is_refused_is_closed_by_the_router) {
  FakeBackend backend([](RawSocket& peer, size_t) {
    peer.receive_until("\r\n\r\n");
    peer.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    peer.receive_all();
  });
  RouterUnderTest router(h2c_options());
  router.add("app.example", backend.port());
  RawSocket socket = router.connect();
  Http2Peer peer(socket);
  ASSERT_TRUE(peer.call());
  uint32_t stream = 1;
  for (const auto& [host, status] : {std::pair("app.example", "403"), {"other.example", "404"}}) {
    ask_for_websocket(peer, stream, host);
    Http2Peer::Request reply = peer.next_head();
    EXPECT_EQ(reply.field(":status"), status);
    if (!reply.is_whole) peer.read_rest(reply);
    EXPECT_TRUE(reply.is_whole);
    const auto reset = peer.next(H2Type::rst_stream);
    ASSERT_TRUE(reset);
    EXPECT_EQ(reset->stream, stream);
    EXPECT_EQ(reset->payload, h2_u32(0));  // NO_ERROR
    stream += 2;
  }
  std::atomic<int> left{-1};
  router.worker().drain(std::chrono::seconds(60),
                        [&](size_t open) { left = static_cast<int>(open); });
  EXPECT_TRUE(eventually([&] { return left == 0; }));
}

TEST(Http2Tunnel, a_drain_tells_both_sides_that_the_router_goes_away) {
  const std::string going_away("\x03\xe9", 2);  // 1001
  FakeBackend backend([&](RawSocket& peer, size_t) {
    ASSERT_TRUE(switch_to_websocket(peer));
    const std::string close = peer.receive_exactly(8);  // masked
    ASSERT_EQ(close.size(), 8u);
    EXPECT_EQ(close.substr(0, 2), "\x88\x82");
    for (size_t i = 0; i < 2; ++i)
      EXPECT_EQ(static_cast<char>(close[6 + i] ^ close[2 + i]), going_away[i]);
    peer.send("\x88\x02" + going_away);
    EXPECT_EQ(peer.receive_all(), "");
  });
  RouterUnderTest::Options options = h2c_options();
  options.settings.websocket_drain_timeout = std::chrono::seconds(10);
  RouterUnderTest router(options);
  router.add("app.example", backend.port());
  Http2WebSocket client(router);
  std::atomic<int> left{-1};
  router.worker().drain(std::chrono::seconds(60),
                        [&](size_t open) { left = static_cast<int>(open); });
  const auto goaway = client.peer.next();
  ASSERT_TRUE(goaway && goaway->type == H2Type::goaway);
  std::string heard;
  while (heard.size() < 4) {
    const auto frame = client.peer.next();
    ASSERT_TRUE(frame);
    if (frame->type == H2Type::data) heard += frame->payload;
  }
  EXPECT_EQ(heard, "\x88\x02" + going_away);
  EXPECT_EQ(left, -1);
  client.peer.send_data(client.stream, std::string("\x88\x82\0\0\0\0", 6) + going_away);
  Http2Peer::Request rest;
  rest.stream = client.stream;
  client.peer.read_rest(rest);
  EXPECT_TRUE(rest.is_whole);
  EXPECT_TRUE(eventually([&] { return left == 0; }));
  EXPECT_EQ(router.counts().tunnels, 0u);
  EXPECT_EQ(router.metric("websockets_sent_away"), 1);
}

TEST(Http2Tunnel, a_client_that_goes_without_an_end_cuts_its_tunnel) {
  std::promise<bool> saw_end;
  FakeBackend backend([&](RawSocket& peer, size_t) {
    ASSERT_TRUE(switch_to_websocket(peer));
    saw_end.set_value(peer.receive_all().empty() && !peer.timed_out());
  });
  RouterUnderTest router(h2c_options());
  router.add("app.example", backend.port());
  {
    Http2WebSocket client(router);
    client.socket.reset();
  }
  EXPECT_TRUE(saw_end.get_future().get());
  EXPECT_TRUE(eventually([&] { return router.counts().client_connections == 0; }));
}

}  // namespace
