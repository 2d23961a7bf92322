#include "bench/load/backend/backend.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "bench/load/backend/backend_act.h"
#include "http/websocket.h"
#include "net/loopback_test.h"

namespace causeway::load {
namespace {

using Kind = BackendAct::Kind;

TEST(BackendAct, is_named_by_the_path) {
  EXPECT_EQ(act_of("/"), BackendAct{});
  EXPECT_EQ(act_of("/index.html"), BackendAct{});
  EXPECT_EQ(act_of("/bytes/16k"), (BackendAct{.kind = Kind::bytes, .bytes = 16384}));
  EXPECT_EQ(act_of("/bytes/5?x=/y"), (BackendAct{.kind = Kind::bytes, .bytes = 5}));
  EXPECT_EQ(act_of("/delay/50ms"), (BackendAct{.kind = Kind::delayed, .time = Milliseconds(50)}));
  EXPECT_EQ(act_of("/drip/100/1s"),
            (BackendAct{.kind = Kind::drip, .bytes = 100, .time = std::chrono::seconds(1)}));
  EXPECT_EQ(act_of("/status/404"), (BackendAct{.kind = Kind::status, .status = 404}));
  for (const char* target :
       {"/bytes", "/bytes/x", "/bytes/1/2", "/status/99", "/delay/-1s", "/drip/5", "/hang/3"})
    EXPECT_EQ(act_of(target).kind, Kind::unknown) << target;
}

struct Scene {
  explicit Scene(BackendOptions options = {})
      : backend(Backend::start(options).value()), peer(backend->address()) {}

  // What comes until the backend closes.
  std::string read_all() {
    std::string all;
    while (true) {
      const std::string bytes = peer.receive();
      if (bytes.empty()) return all;
      all += bytes;
    }
  }
  std::string read_bytes(size_t count) {
    std::string all;
    while (all.size() < count) {
      const std::string bytes = peer.receive(count - all.size());
      if (bytes.empty()) break;
      all += bytes;
    }
    return all;
  }
  std::string ask(const std::string& target) {
    peer.send("GET " + target + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    return read_all();
  }

  std::unique_ptr<Backend> backend;
  net::loopback::RawPeer peer;
};

std::string body_of(const std::string& reply) { return reply.substr(reply.find("\r\n\r\n") + 4); }

TEST(Backend, replies_of_any_size_come_whole) {
  for (const size_t bytes : {0u, 1u, 65536u, 65537u, 3000000u}) {
    const std::string reply = Scene().ask("/bytes/" + std::to_string(bytes));
    EXPECT_TRUE(reply.starts_with("HTTP/1.1 200 OK\r\n"));
    EXPECT_EQ(body_of(reply), std::string(bytes, 'x'));
  }
}

TEST(Backend, chunks_and_trailers) {
  EXPECT_EQ(body_of(Scene().ask("/chunked/5")), "5\r\nxxxxx\r\n0\r\n\r\n");
  EXPECT_EQ(body_of(Scene().ask("/trailers/2")), "2\r\nxx\r\n0\r\nX-Bytes: 2\r\n\r\n");
}

TEST(Backend, drips_and_waits_and_answers_what_was_asked_meanwhile) {
  EXPECT_EQ(body_of(Scene().ask("/drip/10/60ms")), "xxxxxxxxxx");
  Scene scene;
  scene.peer.send(
      "GET /delay/20ms HTTP/1.1\r\nHost: a\r\n\r\nGET /status/204 HTTP/1.1\r\nHost: a\r\n\r\n");
  scene.peer.send("GET /status/404 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const std::string replies = scene.read_all();
  const size_t first = replies.find("200 OK"), second = replies.find("204"),
               third = replies.find("404");
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
  EXPECT_NE(third, std::string::npos);
}

TEST(Backend, ends_bodies_early) {
  const std::string cut = Scene().ask("/cut/10");
  EXPECT_NE(cut.find("Content-Length: 1010\r\n"), std::string::npos);
  EXPECT_EQ(body_of(cut), "xxxxxxxxxx");
  Scene scene;
  scene.ask("/reset/10");
  EXPECT_EQ(scene.peer.last_errno(), ECONNRESET);
}

TEST(Backend, closes_its_half_only) {
  Scene scene;
  scene.peer.send("GET /half HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::string reply = scene.read_all();  // its FIN comes, though keep-alive was promised
  EXPECT_EQ(body_of(reply).size(), 128u);
  EXPECT_EQ(reply.find("Connection: close"), std::string::npos);
  scene.peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");  // is taken, not reset
}

TEST(Backend, echoes_bodies_and_refuses_what_is_no_request) {
  Scene scene;
  scene.peer.send(
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
  EXPECT_EQ(body_of(scene.read_all()), "hello");
  Scene other;
  other.peer.send("nonsense\r\n\r\n");
  other.peer.shutdown();
  EXPECT_TRUE(other.read_all().starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(Scene().ask("/bytes/x").starts_with("HTTP/1.1 400 "));
}

TEST(Backend, knows_http2_by_a_preface_in_pieces) {
  Scene scene;
  scene.peer.send("PRI * HT");
  net::loopback::RawPeer other(scene.backend->address());
  other.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(other.receive().starts_with("HTTP/1.1 200"));  // the first piece has been read
  // The rest, and empty SETTINGS.
  scene.peer.send(std::string("TP/2.0\r\n\r\nSM\r\n\r\n") + std::string("\0\0\0\4\0\0\0\0\0", 9));
  const std::string frame = scene.read_bytes(9);
  ASSERT_EQ(frame.size(), 9u);
  EXPECT_EQ(frame[3], 4) << "SETTINGS";
}

TEST(Backend, random_sizes_stay_in_their_bounds) {
  BackendOptions options;
  options.bytes_min = 10;
  options.bytes_max = 20;
  for (int i = 0; i < 5; ++i) {
    options.seed = static_cast<uint64_t>(i);
    const size_t bytes = body_of(Scene(options).ask("/")).size();
    EXPECT_GE(bytes, 10u);
    EXPECT_LE(bytes, 20u);
  }
}

TEST(Backend, echoes_websocket_frames) {
  Scene scene;
  scene.peer.send(
      "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  std::string head;
  while (!head.ends_with("\r\n\r\n")) {
    const std::string byte = scene.read_bytes(1);
    ASSERT_FALSE(byte.empty());
    head += byte;
  }
  EXPECT_TRUE(head.starts_with("HTTP/1.1 101 "));
  EXPECT_NE(head.find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), std::string::npos);  // RFC 6455 section 1.3
  // "Hello", masked, in two writes (RFC 6455 section 5.7).
  scene.peer.send(std::string("\x81\x85\x37\xfa\x21", 5));
  scene.peer.send(std::string("\x3d\x7f\x9f\x4d\x51\x58", 6));
  EXPECT_EQ(scene.read_bytes(7), std::string("\x81\x05Hello", 7));
  scene.peer.send(std::string("\x88\x82\x00\x00\x00\x00\x03\xe8", 8));
  EXPECT_EQ(scene.read_all(), std::string("\x88\x02\x03\xe8", 4));
}

TEST(Backend, echoes_plain_bytes_on_shared_ports) {
  BackendOptions options;
  options.protocol = BackendOptions::Protocol::tcp_echo;
  options.threads = 2;
  Scene scene(options);
  const std::string bytes(100'000, 'q');
  scene.peer.send(bytes);
  EXPECT_EQ(scene.read_bytes(bytes.size()), bytes);
  EXPECT_EQ(scene.backend->connections(), 1u);
}

TEST(Backend, says_when_its_port_is_taken) {
  const Scene scene;
  BackendOptions options;
  options.listen = scene.backend->address();
  EXPECT_EQ(Backend::start(options).error().fault, Fault::exists);
}

}  // namespace
}  // namespace causeway::load
