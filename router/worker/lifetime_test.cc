// Timeouts of clients, limits of connections, drain, the end of a worker, memory under slow
// readers.
#include <atomic>
#include <fstream>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "base/sanitizers.h"
#include "test/support/fake_backend.h"
#include "test/support/router_under_test.h"

using namespace causeway;
using namespace causeway::test;

namespace {

constexpr const char* lifetime_request = "GET / HTTP/1.1\r\nHost: app.example\r\n\r\n";

// What a slow peer may cost. Sanitizers keep freed memory for a while, the test's own too: there
// the size says nothing.
constexpr size_t growth_kb_max = is_sanitized ? 4'000'000 : 20'000;

size_t resident_kb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::strtoul(line.c_str() + 6, nullptr, 10);
  }
  return 0;
}

TEST(Lifetime, an_idle_client_is_closed) {
  FakeBackend backend(FakeBackend::answers("x"));
  RouterUnderTest::Options options;
  options.settings.frontend_idle_timeout = std::chrono::milliseconds(700);
  RouterUnderTest router(options);
  router.add("app.example", backend.port());
  RawSocket client = router.connect();
  client.send(lifetime_request);
  EXPECT_EQ(read_reply(client).body, "x");
  EXPECT_EQ(client.receive_all(), "");
  EXPECT_FALSE(client.timed_out());
  RawSocket silent = router.connect();
  EXPECT_EQ(silent.receive_all(), "");
  EXPECT_FALSE(silent.timed_out());
}

TEST(Lifetime, a_head_that_does_not_end_is_cut) {
  RouterUnderTest::Options options;
  options.settings.read_header_timeout = std::chrono::milliseconds(100);
  RouterUnderTest router(options);
  RawSocket client = router.connect();
  const std::string head = "GET / HTTP/1.1\r\nHost: app.example\r\nX: ";
  client.send(head);
  bool is_open = true;
  // A byte now and then does not help.
  EXPECT_TRUE(eventually([&] {
    is_open = client.send("x") && router.counts().client_connections > 0;
    return !is_open;
  }));
}

TEST(Lifetime, connections_over_the_limit_are_refused) {
  FakeBackend backend(FakeBackend::answers("x"));
  RouterUnderTest::Options options;
  options.settings.client_connections_max = 2;
  RouterUnderTest router(options);
  router.add("app.example", backend.port());
  RawSocket one = router.connect();
  RawSocket two = router.connect();
  ASSERT_TRUE(eventually([&] { return router.counts().client_connections == 2; }));
  RawSocket three = router.connect();
  EXPECT_EQ(three.receive_all(), "");
  EXPECT_FALSE(three.timed_out());
  EXPECT_EQ(router.metric("client_connections_refused", 1), 1);
  one.send(lifetime_request);
  EXPECT_EQ(read_reply(one).body, "x");
}

TEST(Lifetime, idle_backend_connections_grow_old) {
  FakeBackend backend(FakeBackend::answers("x"));
  RouterUnderTest::Options options;
  options.settings.backend_idle_timeout = std::chrono::milliseconds(100);
  RouterUnderTest router(options);
  router.add("app.example", backend.port());
  EXPECT_EQ(router.get("app.example").body, "x");
  EXPECT_TRUE(eventually([&] { return router.counts().backend_connections == 0; }));
}

TEST(Lifetime, idle_connections_to_an_unregistered_endpoint_are_closed) {
  FakeBackend backend(FakeBackend::answers("x"));
  FakeBackend other(FakeBackend::answers("y"));
  RouterUnderTest router;
  router.add("app.example", backend.port());
  router.add("other.example", other.port());
  EXPECT_EQ(router.get("app.example").body, "x");
  EXPECT_EQ(router.get("other.example").body, "y");
  router.remove("app.example", backend.port());
  EXPECT_TRUE(eventually([&] { return router.counts().backend_connections == 1; }));
  EXPECT_EQ(router.get("other.example").body, "y");
  EXPECT_EQ(other.connections(), 1u);
}

TEST(Lifetime, no_more_idle_backend_connections_than_allowed) {
  std::atomic<int> waiting{0};
  FakeBackend backend([&](RawSocket& peer, size_t) {
    while (read_request(peer).is_whole) {
      ++waiting;
      eventually([&] { return waiting >= 5; });
      peer.send(ok_reply("x"));
    }
  });
  RouterUnderTest::Options options;
  options.settings.max_idle_conns_per_host = 2;
  RouterUnderTest router(options);
  router.add("app.example", backend.port());
  std::vector<RawSocket> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(router.connect());
    clients.back().send(lifetime_request);
  }
  for (RawSocket& client : clients) EXPECT_EQ(read_reply(client).body, "x");
  EXPECT_TRUE(eventually([&] { return router.counts().backend_connections == 2; }));
}

TEST(Lifetime, drain_ends_idle_connections_and_waits_for_busy_ones) {
  std::atomic<bool> may_answer{false};
  FakeBackend backend([&](RawSocket& peer, size_t) {
    while (read_request(peer).is_whole) {
      eventually([&] { return may_answer.load(); });
      peer.send(ok_reply("at last"));
    }
  });
  RouterUnderTest router;
  router.add("app.example", backend.port());
  RawSocket idle = router.connect();
  RawSocket busy = router.connect();
  busy.send(lifetime_request);
  ASSERT_TRUE(eventually(
      [&] { return backend.connections() == 1 && router.counts().client_connections == 2; }));
  std::atomic<int> left{-1};
  router.worker().drain(std::chrono::seconds(60),
                        [&](size_t open) { left = static_cast<int>(open); });
  EXPECT_EQ(idle.receive_all(), "");
  EXPECT_FALSE(idle.was_reset());
  EXPECT_EQ(left, -1);
  may_answer = true;
  const RawMessage reply = read_reply(busy);
  EXPECT_EQ(reply.body, "at last");
  EXPECT_EQ(reply.header("Connection"), "close");
  EXPECT_TRUE(eventually([&] { return left == 0; }));
}

TEST(Lifetime, drain_answers_a_request_on_a_connection_that_was_idle) {
  FakeBackend backend(FakeBackend::answers("still"));
  RouterUnderTest router;
  router.add("app.example", backend.port());
  RawSocket idle = router.connect();
  idle.send(lifetime_request);
  EXPECT_EQ(read_reply(idle).header("Connection"), "");
  std::atomic<int> left{-1};
  router.worker().drain(std::chrono::seconds(60),
                        [&](size_t open) { left = static_cast<int>(open); });
  ASSERT_TRUE(eventually([&] { return router.worker().counts().is_draining; }));
  idle.send(lifetime_request);
  const RawMessage reply = read_reply(idle);
  EXPECT_EQ(reply.body, "still");
  EXPECT_EQ(reply.header("Connection"), "close");
  EXPECT_EQ(idle.receive_all(), "");
  EXPECT_TRUE(eventually([&] { return left == 0; }));
}

TEST(Lifetime, a_head_that_takes_too_long_is_answered_408) {
  RouterUnderTest::Options options;
  options.settings.read_header_timeout = std::chrono::milliseconds(100);
  RouterUnderTest router(options);
  RawSocket client = router.connect();
  RawSocket silent = router.connect();
  // A byte now and then does not help: the time runs from the first one.
  std::string heard;
  for (const char* byte = "GET / HTTP/1.1\r\nHost: app.example\r\nX: yyyyyyyyyyyyyyyyyyyyyyyy";
       *byte != 0; ++byte) {
    if (!client.send({byte, 1})) break;
    // tidy: the client's own pace
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_TRUE(client.receive_until("\r\n").starts_with("HTTP/1.1 408 ")) << heard;
  EXPECT_EQ(router.metric("request_head_timeouts", 1), 1);
  EXPECT_EQ(router.counts().client_connections, 2u);  // one lingers, the silent one is only idle
}

TEST(Lifetime, a_body_that_nobody_wants_does_not_keep_its_connection) {
  RouterUnderTest::Options options;
  options.settings.read_header_timeout = std::chrono::milliseconds(50);
  RouterUnderTest router(options);
  RawSocket client = router.connect();
  client.send("POST / HTTP/1.1\r\nHost: nowhere.example\r\nContent-Length: 1000\r\n\r\nsome");
  EXPECT_EQ(read_reply(client).status(), 404);
  EXPECT_EQ(client.receive_all(), "");
  EXPECT_FALSE(client.timed_out());
  EXPECT_TRUE(eventually([&] { return router.counts().client_connections == 0; }));
}

TEST(Lifetime, drain_gives_up_at_its_deadline) {
  FakeBackend backend(FakeBackend::holds());
  RouterUnderTest router;
  router.add("app.example", backend.port());
  RawSocket client = router.connect();
  client.send(lifetime_request);
  ASSERT_TRUE(eventually([&] { return backend.connections() == 1; }));
  std::atomic<int> left{-1};
  router.worker().drain(std::chrono::milliseconds(50),
                        [&](size_t open) { left = static_cast<int>(open); });
  EXPECT_TRUE(eventually([&] { return left == 1; }));
  router.stop();
  client.receive_all();
  EXPECT_FALSE(client.timed_out());
}

TEST(Lifetime, a_worker_ends_with_everything_under_way) {
  FakeBackend backend([](RawSocket& peer, size_t index) {
    peer.receive_until("\r\n\r\n");
    if (index % 3 == 0) peer.send("HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n");
    if (index % 3 == 1) peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\npart");
    peer.receive();
  });
  RouterUnderTest router;
  router.add("app.example", backend.port());
  std::vector<RawSocket> clients;
  for (int i = 0; i < 12; ++i) {
    clients.push_back(router.connect());
    clients.back().send(
        "GET / HTTP/1.1\r\nHost: app.example\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n");
  }
  ASSERT_TRUE(eventually([&] { return backend.connections() == 12; }));
  router.stop();
}

// Wherever the backend stops, resets or hangs up, nothing is left over and the next request is
// served.
TEST(Lifetime, a_backend_may_end_after_every_byte) {
  const std::string reply =
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n";
  std::atomic<size_t> length{0};
  std::atomic<bool> resets{false};
  FakeBackend backend([&](RawSocket& peer, size_t) {
    peer.receive_until("\r\n\r\n");
    peer.send(reply.substr(0, length));
    if (resets) peer.reset();
  });
  RouterUnderTest router;
  router.add("app.example", backend.port());
  for (const bool reset : {false, true}) {
    resets = reset;
    for (length = 0; length <= reply.size(); ++length) {
      RawSocket client = router.connect();
      client.send("GET / HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\n\r\n");
      const std::string answer = client.receive_all();
      EXPECT_FALSE(client.timed_out()) << length;
      const bool is_whole = answer.ends_with("0\r\nX-T: 1\r\n\r\n");
      if (length < reply.size() || !reset) {
        EXPECT_EQ(is_whole, length == reply.size()) << length << answer;
      }
    }
  }
  EXPECT_TRUE(eventually([&] {
    const auto counts = router.counts();
    return counts.exchanges == 0 && counts.client_connections == 0 &&
           counts.backend_connections == 0;
  }));
}

TEST(Lifetime, a_client_may_end_after_every_byte) {
  const std::string request =
      "POST /p HTTP/1.1\r\nHost: app.example\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n";
  FakeBackend backend(FakeBackend::answers("x"));
  RouterUnderTest router;
  router.add("app.example", backend.port());
  for (size_t length = 0; length <= request.size(); ++length) {
    RawSocket resetting = router.connect();
    resetting.send(request.substr(0, length));
    resetting.reset();
    RawSocket ending = router.connect();
    ending.send(request.substr(0, length));
    ending.half_close();
    const std::string answer = ending.receive_all();
    EXPECT_FALSE(ending.timed_out()) << length;
    EXPECT_EQ(answer.starts_with("HTTP/1.1 200"), length == request.size()) << length << answer;
  }
  EXPECT_TRUE(eventually([&] {
    const auto counts = router.counts();
    return counts.exchanges == 0 && counts.client_connections == 0;
  }));
  EXPECT_EQ(router.get("app.example").body, "x");
}

TEST(Lifetime, a_slow_reader_does_not_fill_memory) {
  constexpr size_t total = 200u << 20;
  std::atomic<size_t> sent{0};
  FakeBackend backend([&](RawSocket& peer, size_t) {
    read_request(peer);
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(total) + "\r\n\r\n");
    const std::string piece(1u << 20, 'd');
    while (sent < total && peer.send(piece)) sent += piece.size();
  });
  RouterUnderTest router;
  router.add("app.example", backend.port());
  RawSocket client = router.connect();
  client.send(lifetime_request);
  client.receive_until("\r\n\r\n");
  const size_t before = resident_kb();
  // Reads a little now and then; the backend has to stop.
  size_t got = 0;
  size_t sent_before = 0;
  int steady = 0;
  EXPECT_TRUE(eventually([&] {
    got += client.receive(512).size();
    steady = sent == sent_before ? steady + 1 : 0;
    sent_before = sent;
    return steady > 50;
  }));
  EXPECT_LT(sent, total / 2);
  EXPECT_LT(resident_kb(), before + growth_kb_max);
  while (got < total) {
    const std::string piece = client.receive();
    if (piece.empty()) break;
    got += piece.size();
  }
  EXPECT_EQ(got, total);
  EXPECT_LT(resident_kb(), before + growth_kb_max);
}

TEST(Lifetime, a_slow_backend_slows_an_upload) {
  constexpr size_t total = 200u << 20;
  std::atomic<bool> may_read{false};
  FakeBackend backend([&](RawSocket& peer, size_t) {
    peer.receive_until("\r\n\r\n");
    eventually([&] { return may_read.load(); });
    size_t got = 0;
    while (got < total) {
      const std::string piece = peer.receive();
      if (piece.empty()) break;
      got += piece.size();
    }
    peer.send(ok_reply(std::to_string(got)));
  });
  RouterUnderTest router;
  router.add("app.example", backend.port());
  RawSocket client = router.connect();
  std::atomic<size_t> sent{0};
  const size_t before = resident_kb();
  std::thread sends([&] {
    client.send("PUT / HTTP/1.1\r\nHost: app.example\r\nContent-Length: " + std::to_string(total) +
                "\r\n\r\n");
    const std::string piece(1u << 20, 'u');
    while (sent < total && client.send(piece)) sent += piece.size();
  });
  size_t sent_before = 1;
  EXPECT_TRUE(eventually([&] {
    // tidy: the poll's own step; steady is what did not move for that long
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    const bool is_steady = sent == sent_before;
    sent_before = sent;
    return is_steady;
  }));
  EXPECT_LT(sent, total / 2);
  EXPECT_LT(resident_kb(), before + growth_kb_max);
  may_read = true;
  EXPECT_EQ(read_reply(client).body, std::to_string(total));
  sends.join();
  EXPECT_LT(resident_kb(), before + growth_kb_max);
}

}  // namespace
