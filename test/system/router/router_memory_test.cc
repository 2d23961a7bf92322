// The router's binary under large bodies and slow readers: its memory does not grow with them.

#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "test/support/fake_backend.h"
#include "test/system/router/router_binary.h"

namespace causeway::test {
namespace {

constexpr size_t kGiB = size_t{1} << 30;
constexpr size_t kGrowthKibMax = 20 * 1024;

class RouterMemoryTest : public testing::Test {
 protected:
  void start(uint16_t backend_port) {
    router_ = std::make_unique<RouterBinary>(nats_.port());
    ASSERT_TRUE(router_->wait_until_serving()) << router_->process().output();
    NatsPeer peer(nats_.port());
    peer.publish("router.register", registration("app.d", backend_port));
    ASSERT_TRUE(eventually([&] { return router_->status_of("app.d", "/small") == 200; }));
    before_kib_ = router_->process().resident_kib();
  }
  size_t growth_kib() const {
    const size_t peak = router_->process().resident_peak_kib();
    return peak > before_kib_ ? peak - before_kib_ : 0;
  }

  NatsServer nats_;
  std::unique_ptr<RouterBinary> router_;
  size_t before_kib_ = 0;
};

// Reads and drops; answers how many bytes came before the end.
size_t swallow(RawSocket& socket, size_t bytes) {
  size_t got = 0;
  while (got < bytes) {
    const std::string piece = socket.receive(std::min<size_t>(bytes - got, 256 * 1024));
    if (piece.empty()) break;
    got += piece.size();
  }
  return got;
}

// So that a slow reader is felt soon.
void shrink_buffers(const RawSocket& socket) {
  const int bytes = 16 * 1024;
  ::setsockopt(socket.descriptor(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  ::setsockopt(socket.descriptor(), SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

size_t pour(RawSocket& socket, size_t bytes, std::atomic<size_t>* progress = nullptr) {
  const std::string piece(256 * 1024, 'x');
  size_t sent = 0;
  while (sent < bytes && socket.send(std::string_view(piece).substr(0, bytes - sent))) {
    sent += std::min(piece.size(), bytes - sent);
    if (progress != nullptr) *progress = sent;
  }
  return sent;
}

TEST_F(RouterMemoryTest, a_gigabyte_each_way_passes_in_constant_memory) {
  std::atomic<size_t> uploaded{0};
  FakeBackend backend([&](RawSocket& peer, size_t) {
    while (true) {
      const std::string head = peer.receive_until("\r\n\r\n");
      if (head.empty()) return;
      if (head.starts_with("POST")) {
        uploaded = swallow(peer, kGiB);
        peer.send(ok_reply("taken"));
      } else if (head.find("/large") != std::string::npos) {
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kGiB) + "\r\n\r\n");
        pour(peer, kGiB);
      } else {
        peer.send(ok_reply("small"));
      }
    }
  });
  start(backend.port());

  RawSocket up = RawSocket::connect(router_->port());
  up.send("POST /upload HTTP/1.1\r\nHost: app.d\r\nContent-Length: " + std::to_string(kGiB) +
          "\r\n\r\n");
  EXPECT_EQ(pour(up, kGiB), kGiB);
  EXPECT_EQ(read_reply(up).status(), 200);
  EXPECT_EQ(uploaded, kGiB);

  RawSocket down = RawSocket::connect(router_->port());
  down.send("GET /large HTTP/1.1\r\nHost: app.d\r\n\r\n");
  EXPECT_TRUE(down.receive_until("\r\n\r\n").starts_with("HTTP/1.1 200"));
  EXPECT_EQ(swallow(down, kGiB), kGiB);
  EXPECT_LT(growth_kib(), kGrowthKibMax);
}

TEST_F(RouterMemoryTest, a_reader_of_a_kilobyte_per_second_holds_up_only_itself) {
  std::atomic<size_t> poured{0};
  FakeBackend backend([&](RawSocket& peer, size_t) {
    shrink_buffers(peer);
    const std::string head = peer.receive_until("\r\n\r\n");
    if (head.find("/large") != std::string::npos) {
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kGiB) + "\r\n\r\n");
      pour(peer, kGiB, &poured);
    } else if (!head.empty()) {
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
  });
  start(backend.port());
  RawSocket slow = RawSocket::connect(router_->port());
  shrink_buffers(slow);
  slow.send("GET /large HTTP/1.1\r\nHost: app.d\r\n\r\n");
  EXPECT_TRUE(slow.receive_until("\r\n\r\n").starts_with("HTTP/1.1 200"));
  for (int second = 0; second < 5; ++second) {
    EXPECT_EQ(slow.receive_exactly(1024).size(), 1024u);
    const auto next = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    while (std::chrono::steady_clock::now() < next) {
      EXPECT_EQ(router_->status_of("app.d", "/small"), 200);  // others are served meanwhile
    }
  }
  EXPECT_LT(growth_kib(), kGrowthKibMax);
  EXPECT_LT(poured, size_t{32} << 20);  // what fits the buffers of kernel and router
  EXPECT_GT(poured, 0u);
}

}  // namespace
}  // namespace causeway::test
