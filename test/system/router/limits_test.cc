// Limits, timeouts and kept connections to backends, each met by a real request.
#include <atomic>
#include <chrono>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "test/system/router/routed.h"

namespace causeway::test {
namespace {

using std::chrono::steady_clock;

constexpr const char* kLimitsGet = "GET / HTTP/1.1\r\nHost: app.d\r\n\r\n";

TEST(RequestLimitsTest, bytes_of_a_head) {
  Routed routed("max_request_header_bytes: 1000");
  FakeBackend backend(says("ok"));
  routed.add("app.d", backend.port());
  EXPECT_EQ(routed.get("app.d", "/", "X: " + std::string(800, 'x') + "\r\n").status(), 200);
  for (const size_t bytes : {1000u, 4000u, 100'000u}) {
    const RawMessage reply = routed.get("app.d", "/", "X: " + std::string(bytes, 'x') + "\r\n");
    EXPECT_EQ(reply.status(), 431) << bytes;
    EXPECT_EQ(reply.header("X-Cf-Routererror"), "max-request-size-exceeded");
    EXPECT_EQ(reply.header("Connection"), "close");
  }
  EXPECT_EQ(routed.get("app.d", "/" + std::string(1000, 'p')).status(), 431);
}

TEST(RequestLimitsTest, the_older_name_of_the_key_and_the_number_of_lines) {
  Routed routed("max_header_bytes: 2000\nmax_request_headers: 5");
  FakeBackend backend(says("ok"));
  routed.add("app.d", backend.port());
  // Host and Connection are two of them.
  EXPECT_EQ(routed.get("app.d", "/", "A: 1\r\nB: 1\r\nC: 1\r\n").status(), 200);
  EXPECT_EQ(routed.get("app.d", "/", "A: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\n").status(), 431);
  EXPECT_EQ(routed.get("app.d", "/", "X: " + std::string(2000, 'x') + "\r\n").status(), 431);
}

TEST(ReplyLimitsTest, bytes_and_lines_of_a_head) {
  Routed routed("max_response_header_bytes: 500\nmax_response_headers: 4");
  FakeBackend backend(says("ok"));
  routed.add("app.d", backend.port());
  EXPECT_EQ(routed.get("app.d", "/", "X-Say: A: 1\r\nX-Say: B: 2\r\nX-Say: C: 3\r\n").status(),
            200);
  const RawMessage many =
      routed.get("app.d", "/", "X-Say: A: 1\r\nX-Say: B: 2\r\nX-Say: C: 3\r\nX-Say: D: 4\r\n");
  EXPECT_EQ(many.status(), 502);
  EXPECT_EQ(many.header("X-Cf-Routererror"), "endpoint_failure (Too many response headers)");
  EXPECT_EQ(routed.get("app.d", "/", "X-Say: A: " + std::string(600, 'x') + "\r\n").status(), 502);
}

TEST(TimeoutTest, the_whole_exchange_with_a_backend) {
  Routed routed("endpoint_timeout: 1500ms");
  FakeBackend silent([](RawSocket& peer, size_t) { (void)peer.receive_all(); });
  FakeBackend dripping([](RawSocket& peer, size_t) {
    (void)read_request(peer);
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
    (void)peer.receive_all();
  });
  routed.add("silent.d", silent.port());
  routed.add("dripping.d", dripping.port());
  const auto before = steady_clock::now();
  const RawMessage reply = routed.get("silent.d");
  EXPECT_GE(steady_clock::now() - before, std::chrono::milliseconds(1500));
  EXPECT_EQ(reply.status(), 502);
  EXPECT_EQ(reply.header("X-Cf-Routererror"), "endpoint_failure (context deadline exceeded)");
  const RawMessage cut = routed.get("dripping.d");
  EXPECT_EQ(cut.status(), 200);
  EXPECT_FALSE(cut.is_whole);
  EXPECT_TRUE(routed.is_quiet());
}

TEST(TimeoutTest, a_websocket_has_none) {
  Routed routed("endpoint_timeout: 300ms");
  const std::string upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
  FakeBackend silent([](RawSocket& peer, size_t) { (void)peer.receive_all(); });
  FakeBackend backend([&](RawSocket& peer, size_t) {
    (void)peer.receive_until("\r\n\r\n");
    // Its handshake takes as long as two timed-out requests beside it.
    for (int i = 0; i < 2; ++i) EXPECT_EQ(routed.get("silent.d").status(), 502);
    peer.send("HTTP/1.1 101 Switching Protocols\r\n" + upgrade);
    peer.send(peer.receive());
  });
  routed.add("silent.d", silent.port());
  routed.add("app.d", backend.port());
  RawSocket client = routed.connect();
  client.send("GET / HTTP/1.1\r\nHost: app.d\r\n" + upgrade);
  EXPECT_TRUE(client.receive_until("\r\n\r\n").starts_with("HTTP/1.1 101 "));
  EXPECT_EQ(routed.get("silent.d").status(), 502);
  client.send("still there");
  EXPECT_EQ(client.receive(), "still there");
}

TEST(TimeoutTest, an_idle_client_is_closed) {
  Routed routed("frontend_idle_timeout: 2s");
  FakeBackend backend(says("ok"));
  routed.add("app.d", backend.port());
  RawSocket client = routed.connect();
  const auto before = steady_clock::now();
  for (int i = 0; i < 2; ++i) {
    client.send(kLimitsGet);
    EXPECT_EQ(read_reply(client).body, "ok");
  }
  EXPECT_EQ(client.receive(), "");
  EXPECT_FALSE(client.timed_out());
  EXPECT_GE(steady_clock::now() - before, std::chrono::seconds(2));
}

// An app that holds the head of its reply, or the rest of the body, until it is told to go on.
struct HeldApp {
  HeldApp()
      : backend([this](RawSocket& peer, size_t) {
          while (read_request(peer).is_whole) {
            ++asked;
            eventually([this] { return head_is_due || is_over; });
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhe");
            eventually([this] { return body_is_due || is_over; });
            peer.send("ld");
          }
        }) {}
  ~HeldApp() { is_over = true; }

  std::atomic<bool> head_is_due{false};
  std::atomic<bool> body_is_due{false};
  std::atomic<bool> is_over{false};
  std::atomic<int> asked{0};
  FakeBackend backend;
};

void expect_full(const Routed& routed) {
  const RawMessage reply = routed.get("app.d");
  EXPECT_EQ(reply.status(), 503);
  EXPECT_EQ(reply.header("X-Cf-Routererror"), "Connection Limit Reached");
  EXPECT_EQ(reply.body,
            "503 Service Unavailable: Requested route ('app.d') has reached the connection "
            "limit.\n");
}

TEST(InFlightTest, counts_until_the_replys_head) {
  HeldApp app;
  Routed routed("backends: {max_conns: 1}\nworkers: 1");
  routed.add("app.d", app.backend.port());
  RawSocket first = routed.connect();
  first.send(kLimitsGet);
  ASSERT_TRUE(eventually([&] { return app.asked == 1; }));
  expect_full(routed);
  EXPECT_EQ(routed.router().metric("backend_exhausted_conns", 1), 1);
  app.head_is_due = true;
  EXPECT_TRUE(first.receive_until("\r\n\r\n").starts_with("HTTP/1.1 200"));
  // The body is still to come, but the place is free.
  RawSocket second = routed.connect();
  second.send(kLimitsGet);
  EXPECT_TRUE(second.receive_until("\r\n\r\n").starts_with("HTTP/1.1 200"));
}

TEST(InFlightTest, may_count_whole_exchanges) {
  HeldApp app;
  Routed routed("backends: {max_conns: 1, count_whole_exchanges: true}\nworkers: 1");
  routed.add("app.d", app.backend.port());
  app.head_is_due = true;
  RawSocket first = routed.connect();
  first.send(kLimitsGet);
  EXPECT_TRUE(first.receive_until("he").starts_with("HTTP/1.1 200"));
  expect_full(routed);
  app.body_is_due = true;
  EXPECT_EQ(first.receive_exactly(2), "ld");
  EXPECT_TRUE(eventually([&] { return routed.get("app.d").status() == 200; }));
}

// Requests that overlap: all are asked before the first is answered.
void overlap(const Routed& routed, HeldApp& app, int count) {
  std::vector<RawSocket> clients;
  for (int i = 0; i < count; ++i) {
    clients.push_back(routed.connect());
    clients.back().send(kLimitsGet);
  }
  ASSERT_TRUE(eventually([&] { return app.asked == count; }));
  app.head_is_due = app.body_is_due = true;
  for (RawSocket& client : clients) EXPECT_EQ(read_reply(client).body, "held");
}

TEST(BackendPoolTest, so_many_idle_connections_are_kept_and_the_latest_is_used_first) {
  HeldApp app;
  Routed routed("workers: 1\nmax_idle_conns: 2");
  routed.add("app.d", app.backend.port());
  overlap(routed, app, 4);
  EXPECT_TRUE(eventually([&] { return routed.router().metric("backend_connections_idle") == 2; }));
  EXPECT_EQ(routed.router().metric("backend_connections", 2), 2);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(routed.get("app.d").body, "held");
  EXPECT_EQ(app.backend.connections(), 4u);
}

TEST(BackendPoolTest, an_idle_connection_ends_with_its_time) {
  HeldApp app;
  Routed routed("workers: 1\nbackend_idle_timeout: 1500ms");
  routed.add("app.d", app.backend.port());
  overlap(routed, app, 2);
  // One of the two is used again and again: the other one grows old.
  EXPECT_TRUE(eventually([&] {
    EXPECT_EQ(routed.get("app.d").body, "held");
    return routed.router().metric("backend_connections") == 1;
  }));
  EXPECT_TRUE(eventually([&] { return routed.router().metric("backend_connections") == 0; }));
}

TEST(BackendPoolTest, connections_to_an_endpoint_that_leaves_are_closed_at_once) {
  HeldApp app;
  Routed routed("workers: 1");
  routed.add("app.d", app.backend.port());
  overlap(routed, app, 2);
  EXPECT_EQ(routed.router().metric("backend_connections_idle", 2), 2);
  // One is in use when the endpoint leaves: it ends with its exchange.
  app.head_is_due = app.body_is_due = false;
  RawSocket client = routed.connect();
  client.send(kLimitsGet);
  ASSERT_TRUE(eventually([&] { return app.asked == 3; }));
  const auto before = steady_clock::now();
  routed.remove("app.d", app.backend.port());
  EXPECT_TRUE(eventually([&] { return routed.router().metric("backend_connections") == 1; }));
  app.head_is_due = app.body_is_due = true;
  EXPECT_EQ(read_reply(client).body, "held");
  EXPECT_TRUE(eventually([&] { return routed.router().metric("backend_connections") == 0; }));
  EXPECT_LT(steady_clock::now() - before, std::chrono::seconds(60));  // not by their idle time
}

TEST(BackendPoolTest, nothing_is_kept_where_keep_alive_is_off) {
  FakeBackend backend(FakeBackend::echoes());
  Routed routed("workers: 1\ndisable_keep_alives: true");
  routed.add("app.d", backend.port());
  for (size_t i = 1; i <= 3; ++i) {
    RawMessage request;
    request.head = routed.get("app.d").body;
    EXPECT_EQ(request.header("Connection"), "close");
    EXPECT_EQ(backend.connections(), i);
  }
  EXPECT_TRUE(eventually([&] { return routed.router().metric("backend_connections") == 0; }));
}

// The state of the kernel's timer on the router's side of its connection to that port: "02" is a
// keep-alive probe.
std::string timer_of_connection_to(uint16_t port) {
  std::ostringstream wanted;
  wanted << "0100007F:" << std::uppercase << std::hex << port;
  std::ifstream table("/proc/net/tcp");
  for (std::string line; std::getline(table, line);) {
    std::istringstream words(line);
    std::string number, local, remote, state, queues, timer;
    words >> number >> local >> remote >> state >> queues >> timer;
    if (remote == wanted.str() && state == "01") return timer.substr(0, 2);
  }
  return {};
}

TEST(BackendPoolTest, kept_connections_are_probed) {
  FakeBackend backend(says("ok"));
  Routed routed;
  routed.add("app.d", backend.port());
  EXPECT_EQ(routed.get("app.d").body, "ok");
  EXPECT_TRUE(eventually([&] { return timer_of_connection_to(backend.port()) == "02"; }));
}

}  // namespace
}  // namespace causeway::test
