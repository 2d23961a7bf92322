// Backends that go away at every byte of an exchange: what the client gets each time, and that
// nothing is left behind.
#include <atomic>
#include <string>

#include <gtest/gtest.h>

#include "test/support/fake_backend.h"
#include "test/support/router_under_test.h"

using namespace causeway;
using namespace causeway::test;

namespace {

enum class Going : uint8_t { reset, end };

constexpr const char* reset_request = "GET /r HTTP/1.1\r\nHost: app.example\r\n\r\n";
constexpr const char* reset_request_1_0 = "GET /r HTTP/1.0\r\nHost: app.example\r\n\r\n";

// Everything has ended that belongs to an exchange, in what the worker counts and in what it shows.
void expect_nothing_left(RouterUnderTest& router) {
  EXPECT_TRUE(eventually([&] {
    const auto counts = router.counts();
    return counts.client_connections == 0 && counts.exchanges == 0 && counts.tunnels == 0 &&
           counts.backend_connections == 0;
  }));
  for (const char* gauge :
       {"client_connections", "backend_connections", "backend_connections_idle", "tunnels"})
    EXPECT_EQ(router.metric(gauge), 0) << gauge;
}

// A backend that answers the first `bytes` of `reply` and goes.
class BackendThatGoes {
 public:
  BackendThatGoes(std::string reply, Going going)
      : reply_(std::move(reply)), going_(going), backend_([this](RawSocket& peer, size_t) {
          peer.receive_until("\r\n\r\n");
          if (!peer.is_open() || peer.was_reset()) return;
          peer.send(std::string_view(reply_).substr(0, bytes));
          going_ == Going::reset ? peer.reset() : peer.close();
        }) {}
  size_t size() const { return reply_.size(); }
  size_t head_size() const { return reply_.find("\r\n\r\n") + 4; }
  uint16_t port() const { return backend_.port(); }
  std::atomic<size_t> bytes{0};

 private:
  const std::string reply_;
  const Going going_;
  FakeBackend backend_;
};

// `whole_at`: from how many bytes on the reply is whole, however the backend goes.
void go_at_every_byte(const std::string& reply, Going going, size_t whole_at, const char* request) {
  BackendThatGoes backend(reply, going);
  RouterUnderTest router;
  router.add("app.example", backend.port());
  for (size_t bytes = 0; bytes <= backend.size(); ++bytes) {
    SCOPED_TRACE("after " + std::to_string(bytes) + " bytes of " + reply);
    backend.bytes = bytes;
    RawSocket client = router.connect();
    client.send(request);
    const RawMessage got = read_reply(client);
    EXPECT_FALSE(client.timed_out());
    if (bytes < backend.head_size()) {
      EXPECT_EQ(got.status(), 502);
      EXPECT_TRUE(got.is_whole);
    } else {
      EXPECT_EQ(got.status(), 200);
      EXPECT_EQ(got.is_whole && !client.was_reset(), bytes >= whole_at);
    }
  }
  expect_nothing_left(router);
}

const std::string with_length = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789";
const std::string with_chunks =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n2;x=y\r\nfg\r\n0\r\nX-Sum: "
    "1\r\n\r\n";
const std::string with_interim =
    "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
const std::string without_length = "HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\nuntil the end";

TEST(BackendReset, in_a_reply_with_a_length) {
  for (const Going going : {Going::reset, Going::end})
    go_at_every_byte(with_length, going, with_length.size(), reset_request);
}

TEST(BackendReset, in_chunks_and_trailers) {
  for (const Going going : {Going::reset, Going::end})
    go_at_every_byte(with_chunks, going, with_chunks.size(), reset_request);
}

// Only the end says that such a body is whole, so a reset says that it is not.
TEST(BackendReset, in_a_reply_without_length) {
  const size_t head = without_length.find("\r\n\r\n") + 4;
  for (const char* request : {reset_request, reset_request_1_0}) {
    go_at_every_byte(without_length, Going::reset, std::string::npos, request);
    go_at_every_byte(without_length, Going::end, head, request);
  }
}

TEST(BackendReset, between_interim_and_final_reply) {
  const size_t interim = with_interim.find("\r\n\r\n") + 4;
  for (const Going going : {Going::reset, Going::end}) {
    BackendThatGoes backend(with_interim, going);
    RouterUnderTest router;
    router.add("app.example", backend.port());
    for (size_t bytes = 0; bytes <= backend.size(); ++bytes) {
      SCOPED_TRACE(bytes);
      backend.bytes = bytes;
      RawSocket client = router.connect();
      client.send("GET /r HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\n\r\n");
      const std::string got = client.receive_all();
      EXPECT_FALSE(client.timed_out());
      EXPECT_EQ(got.find("HTTP/1.1 103 ") == 0, bytes >= interim);
      EXPECT_EQ(got.find("HTTP/1.1 204 ") != std::string::npos, bytes == backend.size());
      EXPECT_EQ(got.find("HTTP/1.1 502 ") != std::string::npos, bytes != backend.size());
    }
    expect_nothing_left(router);
  }
}

TEST(BackendReset, after_a_switch_of_protocols) {
  const std::string head =
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
  const std::string frames =
      "\x81\x05hello\x82\x03"
      "abc";
  for (const Going going : {Going::reset, Going::end}) {
    BackendThatGoes backend(head + frames, going);
    RouterUnderTest router;
    router.add("app.example", backend.port());
    for (size_t bytes = 0; bytes <= backend.size(); ++bytes) {
      SCOPED_TRACE(bytes);
      backend.bytes = bytes;
      RawSocket client = router.connect();
      client.send(
          "GET /ws HTTP/1.1\r\nHost: app.example\r\nConnection: Upgrade, close\r\nUpgrade: "
          "websocket\r\n\r\n");
      const std::string got_head = client.receive_until("\r\n\r\n");
      if (bytes < head.size()) {
        EXPECT_TRUE(got_head.starts_with("HTTP/1.1 502 ")) << got_head;
      } else {
        EXPECT_TRUE(got_head.starts_with("HTTP/1.1 101 ")) << got_head;
        EXPECT_EQ(client.receive_all(), frames.substr(0, bytes - head.size()));
        EXPECT_FALSE(client.timed_out());
      }
    }
    expect_nothing_left(router);
  }
}

// While the request is still being sent: after every byte of it that the backend has read.
TEST(BackendReset, in_the_middle_of_a_request) {
  const std::string request =
      "POST /r HTTP/1.1\r\nHost: app.example\r\nTransfer-Encoding: chunked\r\nConnection: "
      "close\r\n\r\n5\r\nabcde\r\n0\r\nX-T: 1\r\n\r\n";
  std::atomic<size_t> bytes{0};
  std::atomic<bool> got_all{false};
  FakeBackend backend([&](RawSocket& peer, size_t) {
    std::string got;
    while (got.size() < bytes && !got.ends_with("0\r\nX-T: 1\r\n\r\n"))
      got += peer.receive_exactly(1);
    got_all = got.size() < bytes;
    peer.reset();
  });
  RouterUnderTest router;
  router.add("app.example", backend.port());
  for (; !got_all && bytes < 2000; ++bytes) {
    SCOPED_TRACE(bytes.load());
    RawSocket client = router.connect();
    client.send(request);
    const RawMessage got = read_reply(client);
    EXPECT_EQ(got.status(), 502);
    EXPECT_FALSE(client.timed_out());
  }
  EXPECT_GT(bytes, 200u);
  expect_nothing_left(router);
}

TEST(BackendReset, while_dialling) {
  const ClosedPort closed;
  FakeBackend backend([](RawSocket& peer, size_t) { peer.reset(); });
  RouterUnderTest router;
  router.add("closed.example", closed.port());
  router.add("resets.example", backend.port());
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(router.get("closed.example").status(), 502);
    EXPECT_EQ(router.get("resets.example").status(), 502);
  }
  expect_nothing_left(router);
}

}  // namespace
