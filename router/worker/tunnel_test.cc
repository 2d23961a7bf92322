// Upgrades: bytes both ways, half-close, backpressure.
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "test/support/fake_backend.h"
#include "test/support/router_under_test.h"

using namespace causeway;
using namespace causeway::test;

namespace {

constexpr const char* upgrade_head =
    "GET /ws HTTP/1.1\r\nHost: app.example\r\nConnection: Upgrade\r\nUpgrade: "
    "raw\r\nSec-WebSocket-Key: k\r\n\r\n";
constexpr const char* switching =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\nX-Own: 1\r\n\r\n";

TEST(Tunnel, passes_bytes_both_ways_and_each_end) {
  FakeBackend backend([](RawSocket& peer, size_t) {
    const RawMessage request{.head = peer.receive_until("\r\n\r\n")};
    EXPECT_EQ(request.header("Connection"), "Upgrade");
    EXPECT_EQ(request.header("Upgrade"), "raw");
    EXPECT_EQ(request.header("Sec-WebSocket-Key"), "k");
    peer.send(std::string(switching) + "first");  // in one packet with the head
    EXPECT_EQ(peer.receive_exactly(9), "earlylate");
    EXPECT_EQ(peer.receive_all(), "");  // the client's FIN
    peer.send("last words");
  });
  RouterUnderTest router;
  router.add("app.example", backend.port());
  RawSocket client = router.connect();
  client.send(std::string(upgrade_head) + "early");
  const RawMessage reply{.head = client.receive_until("\r\n\r\n")};
  EXPECT_EQ(reply.status(), 101);
  EXPECT_EQ(reply.header("Connection"), "Upgrade");
  EXPECT_EQ(reply.header("Upgrade"), "raw");
  EXPECT_EQ(reply.header("X-Own"), "1");
  EXPECT_EQ(client.receive_exactly(5), "first");
  EXPECT_EQ(router.counts().tunnels, 1u);
  EXPECT_EQ(router.counts().exchanges, 0u);
  client.send("late");
  client.half_close();
  EXPECT_EQ(client.receive_all(), "last words");
  EXPECT_FALSE(client.was_reset());
  EXPECT_TRUE(eventually([&] {
    const auto counts = router.counts();
    return counts.tunnels == 0 && counts.client_connections == 0 && counts.backend_connections == 0;
  }));
  EXPECT_EQ(router.metric("websocket_upgrades", 1), 1);
}

constexpr size_t tunnel_bytes = 32u << 20;

TEST(Tunnel, a_slow_reader_slows_the_sender) {
  FakeBackend backend([](RawSocket& peer, size_t) {
    peer.receive_until("\r\n\r\n");
    peer.send(switching);
    std::thread answers([&] { peer.send(std::string(tunnel_bytes, 'b')); });
    size_t got = 0;
    while (got < tunnel_bytes) {
      const std::string piece = peer.receive();
      if (piece.empty()) break;
      got += piece.size();
    }
    EXPECT_EQ(got, tunnel_bytes);
    answers.join();
    peer.send("all");
  });
  RouterUnderTest router;
  router.add("app.example", backend.port());
  RawSocket client = router.connect();
  client.send(upgrade_head);
  ASSERT_EQ(RawMessage{.head = client.receive_until("\r\n\r\n")}.status(), 101);
  std::thread sends([&] { client.send(std::string(tunnel_bytes, 'c')); });
  // tidy: nobody reads and both directions fill up; how far does not matter
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  size_t got = 0;
  while (got < tunnel_bytes) {
    const std::string piece = client.receive(std::min<size_t>(65536, tunnel_bytes - got));
    if (piece.empty()) break;
    got += piece.size();
  }
  EXPECT_EQ(got, tunnel_bytes);
  sends.join();
  EXPECT_EQ(client.receive_exactly(3), "all");
}

TEST(Tunnel, a_reset_of_the_backend_ends_the_client) {
  FakeBackend backend([](RawSocket& peer, size_t) {
    peer.receive_until("\r\n\r\n");
    peer.send(switching);
    peer.receive_exactly(4);
    peer.reset();
  });
  RouterUnderTest router;
  router.add("app.example", backend.port());
  RawSocket client = router.connect();
  client.send(upgrade_head);
  client.receive_until("\r\n\r\n");
  client.send("ping");
  EXPECT_EQ(client.receive_all(), "");
  EXPECT_FALSE(client.timed_out());
  EXPECT_TRUE(eventually([&] { return router.counts().tunnels == 0; }));
}

// Sends until nobody takes more; answers how many bytes have reached the router's host.
size_t fill(RawSocket& client) {
  const std::string piece(64 << 10, 'u');
  size_t sent = 0;
  pollfd watched{.fd = client.descriptor(), .events = POLLOUT, .revents = 0};
  while (::poll(&watched, 1, 300) == 1) {
    const ssize_t count =
        ::send(client.descriptor(), piece.data(), piece.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count <= 0) break;
    sent += static_cast<size_t>(count);
  }
  int waiting = 0;
  EXPECT_EQ(::ioctl(client.descriptor(), TIOCOUTQ, &waiting), 0);
  return sent - static_cast<size_t>(waiting);
}

TEST(Tunnel, what_a_client_said_before_its_reset_reaches_a_slow_backend) {
  std::promise<void> go_on;
  const std::shared_future<void> may_go_on(go_on.get_future());
  std::atomic<size_t> received{0};
  std::atomic<bool> has_ended{false};
  FakeBackend slow([&](RawSocket& peer, size_t) {
    peer.receive_until("\r\n\r\n");
    peer.send(switching);
    may_go_on.wait();
    for (size_t count = 0; (count = peer.receive().size()) > 0;) received += count;
    has_ended = true;
  });
  FakeBackend silent([&](RawSocket& peer, size_t) {
    peer.receive_until("\r\n\r\n");
    may_go_on.wait();
  });
  RouterUnderTest router;
  router.add("app.example", slow.port());
  router.add("silent.example", silent.port());
  RawSocket client = router.connect();
  client.send(upgrade_head);
  EXPECT_EQ(RawMessage{.head = client.receive_until("\r\n\r\n")}.status(), 101);
  const size_t arrived = fill(client);
  RawSocket uploader = router.connect();
  uploader.send("POST / HTTP/1.1\r\nHost: silent.example\r\nContent-Length: 999999999\r\n\r\n");
  fill(uploader);
  EXPECT_EQ(router.counts().client_connections, 2u);
  client.reset();
  uploader.reset();
  // Nobody wants the upload any more. Whoever looked for its client has seen the other's reset.
  EXPECT_TRUE(eventually([&] { return router.counts().client_connections <= 1; }));
  EXPECT_EQ(router.counts().tunnels, 1u);
  go_on.set_value();
  EXPECT_TRUE(eventually([&] { return has_ended.load(); }));
  EXPECT_GE(received, arrived);
  EXPECT_TRUE(eventually([&] { return router.counts().tunnels == 0; }));
}

TEST(Tunnel, another_protocol_than_asked_for_is_a_failure) {
  FakeBackend backend([](RawSocket& peer, size_t) {
    peer.receive_until("\r\n\r\n");
    peer.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n");
    peer.receive();
  });
  RouterUnderTest router;
  router.add("app.example", backend.port());
  RawSocket client = router.connect();
  client.send(upgrade_head);
  const RawMessage reply = read_reply(client);
  EXPECT_EQ(reply.status(), 502);
  EXPECT_EQ(router.metric("websocket_failures", 1), 1);
  // Nobody asked for one at all.
  EXPECT_EQ(router.get("app.example").status(), 502);
}

TEST(Tunnel, a_refused_upgrade_is_an_ordinary_reply) {
  FakeBackend backend(FakeBackend::answers("no tunnel here"));
  RouterUnderTest router;
  router.add("app.example", backend.port());
  RawSocket client = router.connect();
  for (int i = 0; i < 2; ++i) {
    client.send(upgrade_head);
    EXPECT_EQ(read_reply(client).body, "no tunnel here");
  }
}

TEST(Tunnel, endpoint_timeout_does_not_apply) {
  FakeBackend backend([](RawSocket& peer, size_t) {
    peer.receive_until("\r\n\r\n");
    peer.send(switching);
    while (!peer.receive().empty()) peer.send("pong");
  });
  RouterUnderTest::Options options;
  options.settings.endpoint_timeout = std::chrono::milliseconds(400);
  RouterUnderTest router(options);
  router.add("app.example", backend.port());
  RawSocket client = router.connect();
  client.send(upgrade_head);
  client.receive_until("\r\n\r\n");
  // tidy: the endpoint timeout passes and nothing must come of it
  std::this_thread::sleep_for(std::chrono::milliseconds(800));
  client.send("ping");
  EXPECT_EQ(client.receive_exactly(4), "pong");
}

TEST(Tunnel, connect_is_proxied_and_opens_none) {
  FakeBackend backend(FakeBackend::answers("own"));
  RouterUnderTest router;
  router.add("app.example", backend.port());
  RawSocket client = router.connect();
  client.send("CONNECT app.example:443 HTTP/1.1\r\nHost: app.example:443\r\n\r\n");
  EXPECT_EQ(read_reply(client).body, "own");
  // A further request is one, on another connection: the app might take the first for a tunnel.
  client.send("GET / HTTP/1.1\r\nHost: app.example\r\n\r\n");
  EXPECT_EQ(read_reply(client).body, "own");
  EXPECT_EQ(backend.connections(), 2u);
  EXPECT_EQ(router.counts().tunnels, 0u);
}

// Client and backend have switched to WebSocket; each gets what `route` says.
struct OpenWebSocket {
  explicit OpenWebSocket(RouterUnderTest& router) : client(router.connect()) {
    client.send(
        "GET /ws HTTP/1.1\r\nHost: app.example\r\nConnection: Upgrade\r\nUpgrade: "
        "websocket\r\n\r\n");
    EXPECT_TRUE(client.receive_until("\r\n\r\n").starts_with("HTTP/1.1 101 "));
  }
  RawSocket client;
};
constexpr const char* websocket_switching =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

RouterUnderTest::Options websocket_drain_of(Duration time) {
  RouterUnderTest::Options options;
  options.settings.websocket_drain_timeout = time;
  return options;
}

TEST(Tunnel, a_drain_tells_both_sides_of_a_websocket_between_two_frames) {
  std::promise<void> drain_began;
  auto began = drain_began.get_future().share();
  FakeBackend backend([&](RawSocket& peer, size_t) {
    peer.receive_until("\r\n\r\n");
    peer.send(std::string(websocket_switching) + "\x82\x05" + "abc");  // a frame that is not whole
    began.wait();
    const std::string close = peer.receive_exactly(8);  // the client said nothing: at once, masked
    EXPECT_EQ(close.substr(0, 2), "\x88\x82");
    EXPECT_EQ(static_cast<char>(close[6] ^ close[2]), '\x03');
    EXPECT_EQ(static_cast<char>(close[7] ^ close[3]), '\xe9');  // 1001
    peer.send("de" + std::string("\x82\x01x", 3));              // its end, and one too late
    peer.send(std::string("\x88\x02\x03\xe9", 4));
    EXPECT_EQ(peer.receive_all(), "");
  });
  RouterUnderTest router(websocket_drain_of(std::chrono::seconds(30)));
  router.add("app.example", backend.port());
  OpenWebSocket open(router);
  EXPECT_EQ(open.client.receive_exactly(5), std::string("\x82\x05") + "abc");
  std::atomic<int> left{-1};
  router.worker().drain(std::chrono::seconds(60),
                        [&](size_t open_ones) { left = static_cast<int>(open_ones); });
  ASSERT_TRUE(eventually([&] { return router.metric("websockets_sent_away") == 1; }));
  drain_began.set_value();
  EXPECT_EQ(open.client.receive_exactly(6), std::string("de\x88\x02\x03\xe9", 6));
  EXPECT_EQ(left, -1);
  open.client.send(std::string("\x88\x82\0\0\0\0\x03\xe9", 8));
  EXPECT_EQ(open.client.receive_all(), "");
  EXPECT_FALSE(open.client.was_reset());
  EXPECT_TRUE(eventually([&] { return left == 0; }));
  EXPECT_EQ(router.counts().tunnels, 0u);
}

TEST(Tunnel, a_drain_waits_for_a_websocket_no_longer_than_its_time) {
  for (const auto time : {std::chrono::milliseconds(0), std::chrono::milliseconds(400)}) {
    FakeBackend backend([](RawSocket& peer, size_t) {
      peer.receive_until("\r\n\r\n");
      peer.send(websocket_switching);
      peer.receive_all();
    });
    RouterUnderTest router(websocket_drain_of(time));
    router.add("app.example", backend.port());
    OpenWebSocket open(router);
    std::atomic<int> left{-1};
    router.worker().drain(std::chrono::seconds(60),
                          [&](size_t open_ones) { left = static_cast<int>(open_ones); });
    EXPECT_TRUE(eventually([&] { return left == 0; }));
    EXPECT_EQ(router.counts().tunnels, 1u);  // cut with the worker
    EXPECT_EQ(router.metric("websockets_sent_away", time.count() > 0 ? 1 : 0),
              time.count() > 0 ? 1 : 0);
    router.stop();
  }
}

}  // namespace
