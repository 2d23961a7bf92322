// Clients that vanish while nobody reads from them or writes to them: their backends' connections
// and their requests go with them, long before any timeout.
#include <future>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "test/system/router/tls_routed.h"

namespace causeway::test {
namespace {

// What fills every buffer between a client and its backend many times over.
constexpr size_t too_much = 256u << 20;
constexpr const char* kMore = "workers: 1\nendpoint_timeout: 600s\n";

class TlsVanishingTest : public testing::Test {
 protected:
  // Until its client has gone, the router holds the request.
  static bool has_one_request(TlsRouted& router) {
    return eventually([&] { return router->router().metric("backend_connections") == 1; });
  }
  static void expect_quiet(TlsRouted& router) {
    EXPECT_TRUE(router->is_quiet());
    EXPECT_EQ(router->router().metric("backend_connections"), 0);
  }

  std::promise<void> over_;
  const std::shared_future<void> is_over_{over_.get_future()};
  Authority authority_;
  Authority::Files own_ = authority_.sign("localhost", "DNS:localhost");
  TlsRouted router_{{.certificates = {own_}, .more = kMore}};
  // Reads a head and no more, until the test ends.
  FakeBackend silent_{[this](RawSocket& peer, size_t) {
    peer.receive_until("\r\n\r\n");
    is_over_.wait();
  }};
  FakeBackend talker_{[](RawSocket& peer, size_t) {
    peer.receive_until("\r\n\r\n");
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(too_much) + "\r\n\r\n");
    const std::string piece(64 << 10, 'd');
    for (size_t sent = 0; sent < too_much && peer.send(piece); sent += piece.size()) {
    }
  }};
  void TearDown() override { over_.set_value(); }
};

TEST_F(TlsVanishingTest, in_the_middle_of_an_upload_that_nobody_takes) {
  router_->add("silent.d", silent_.port());
  const auto client = router_.connect();
  client->send("POST / HTTP/1.1\r\nHost: silent.d\r\nContent-Length: " + std::to_string(too_much) +
               "\r\n\r\n");
  EXPECT_LT(client->send_until_full(too_much), too_much);
  EXPECT_TRUE(has_one_request(router_));
  client->vanish();
  expect_quiet(router_);
  EXPECT_NE(router_->access_line("silent.d").find(" 499 "), std::string::npos);
}

TEST_F(TlsVanishingTest, in_the_middle_of_a_download_that_it_does_not_take) {
  router_->add("talker.d", talker_.port());
  const auto client = router_.connect();
  client->send("GET / HTTP/1.1\r\nHost: talker.d\r\n\r\n");
  EXPECT_NE(client->receive(), "");
  EXPECT_TRUE(has_one_request(router_));
  client->vanish();
  expect_quiet(router_);
}

TEST_F(TlsVanishingTest, behind_a_request_that_waits_for_its_turn) {
  router_->add("silent.d", silent_.port());
  const auto client = router_.connect();
  client->send("GET / HTTP/1.1\r\nHost: silent.d\r\n\r\nGET /next HTTP/1.1\r\n");
  EXPECT_TRUE(has_one_request(router_));
  client->vanish();
  expect_quiet(router_);
}

TEST_F(TlsVanishingTest, just_so_in_the_clear) {
  router_->add("silent.d", silent_.port());
  RawSocket client = router_->connect();
  client.send("POST / HTTP/1.1\r\nHost: silent.d\r\nContent-Length: " + std::to_string(too_much) +
              "\r\n\r\n");
  const std::string piece(64 << 10, 'u');
  pollfd watched{.fd = client.descriptor(), .events = POLLOUT, .revents = 0};
  while (::poll(&watched, 1, 300) == 1)
    ::send(client.descriptor(), piece.data(), piece.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  EXPECT_TRUE(has_one_request(router_));
  client.reset();
  expect_quiet(router_);
}

}  // namespace
}  // namespace causeway::test
