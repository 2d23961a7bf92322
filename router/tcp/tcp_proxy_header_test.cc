// PROXY protocol headers of those who connect to routed ports.
#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "net/proxy_header.h"
#include "test/support/fake_backend.h"
#include "test/support/tcp_under_test.h"

namespace causeway::router {
namespace {

using test::FakeBackend;
using test::RawSocket;

constexpr const char* kLine = "PROXY TCP4 203.0.113.7 198.51.100.1 1234 443\r\n";

std::string binary_header() {
  std::string header;
  net::append_proxy_header(header, net::ProxyVersion::v2,
                           net::Address::parse("203.0.113.7", 1234).value(),
                           net::Address::parse("198.51.100.1", 443).value());
  return header;
}

class TcpProxyHeaderTest : public testing::Test {
 protected:
  // `trusted`: "" for everybody.
  static TcpSettings settings(const std::string& trusted = {}) {
    TcpSettings settings;
    settings.proxy_protocol.is_accepted = true;
    settings.proxy_protocol.header_timeout = std::chrono::seconds(30);
    if (!trusted.empty())
      settings.proxy_protocol.trusted.push_back(net::AddressRange::parse(trusted).value());
    return settings;
  }
  // What the instance hears of a client that says `text`, in pieces of so many bytes, and its end.
  std::string heard_of(const TcpSettings& settings, const std::string& text, size_t piece_bytes) {
    TcpUnderTest tcp(settings);
    const uint16_t port = free_port();
    tcp.add(port, backend_.port());
    RawSocket client = RawSocket::connect(port);
    for (size_t at = 0; at < text.size(); at += piece_bytes)
      EXPECT_TRUE(client.send(text.substr(at, piece_bytes)));
    client.half_close();
    std::string heard = client.receive_all();
    EXPECT_TRUE(tcp.sees("tcp_connections_open", 0));
    refused_ = tcp.count("tcp_proxy_headers_refused");
    was_reset_ = client.was_reset();
    return heard;
  }

  FakeBackend backend_{[](RawSocket& peer, size_t) {
    const std::string all = peer.receive_all();
    peer.send("[" + all + "]");
  }};
  size_t refused_ = 0;
  bool was_reset_ = false;
};

TEST_F(TcpProxyHeaderTest, is_taken_away_and_the_rest_goes_on) {
  for (const std::string& header : {std::string(kLine), binary_header()}) {
    for (const size_t piece : {size_t{1}, size_t{7}, size_t{10'000}})
      EXPECT_EQ(heard_of(settings(), header + "hello", piece), "[hello]");
    EXPECT_EQ(heard_of(settings(), header, 1000), "[]");
    const std::string bulk(3 << 20, 'b');
    EXPECT_EQ(heard_of(settings(), header + bulk, 1 << 16), "[" + bulk + "]");
  }
  EXPECT_EQ(refused_, 0u);
}

TEST_F(TcpProxyHeaderTest, says_who_the_client_is_to_instances_that_are_told) {
  TcpSettings both = settings();
  both.sent_proxy_header = net::ProxyVersion::v1;
  EXPECT_EQ(heard_of(both, binary_header() + "hello", 1000), "[" + std::string(kLine) + "hello]");
}

TEST_F(TcpProxyHeaderTest, may_be_left_out) {
  for (const char* text : {"hello", "PING", "PROXIMITY", "\r\n\r\nhello", ""})
    EXPECT_EQ(heard_of(settings(), text, 1000), "[" + std::string(text) + "]") << text;
}

TEST_F(TcpProxyHeaderTest, of_others_is_the_clients_own_word) {
  EXPECT_EQ(heard_of(settings("10.0.0.0/8"), kLine, 1000), "[" + std::string(kLine) + "]");
  EXPECT_EQ(heard_of(settings("127.0.0.0/8"), kLine, 1000), "[]");
  EXPECT_EQ(heard_of({}, kLine, 1000), "[" + std::string(kLine) + "]");
}

TEST_F(TcpProxyHeaderTest, that_is_none_resets_the_connection) {
  const std::string endless =
      binary_header().replace(14, 2, "\xff\xff", 2) + std::string(5000, 'x');
  for (const std::string& text : {std::string("PROXY TCP4 nonsense\r\nhello"), endless,
                                  std::string("PROXY TCP4 203.0.113.7 198.51")}) {
    EXPECT_EQ(heard_of(settings(), text, 10'000), "") << text.substr(0, 40);
    EXPECT_TRUE(was_reset_);
    EXPECT_EQ(refused_, 1u);
  }
}

TEST_F(TcpProxyHeaderTest, has_to_come_in_time_once_it_has_begun) {
  TcpSettings hasty = settings();
  hasty.proxy_protocol.header_timeout = std::chrono::milliseconds(100);
  TcpUnderTest tcp(hasty);
  const uint16_t port = free_port();
  tcp.add(port, backend_.port());
  RawSocket client = RawSocket::connect(port);
  client.send("PROXY TCP4 ");
  EXPECT_EQ(client.receive_all(), "");
  EXPECT_TRUE(client.was_reset());
  EXPECT_TRUE(tcp.sees("tcp_proxy_headers_refused", 1));
}

TEST_F(TcpProxyHeaderTest, is_not_waited_for_without_end_where_instances_speak_first) {
  FakeBackend polite([](RawSocket& peer, size_t) {
    peer.send("220 ready");
    peer.receive_all();
  });
  TcpSettings hasty = settings();
  hasty.proxy_protocol.header_timeout = std::chrono::milliseconds(100);
  TcpUnderTest tcp(hasty);
  const uint16_t port = free_port();
  tcp.add(port, polite.port());
  RawSocket client = RawSocket::connect(port);
  EXPECT_EQ(client.receive_exactly(9), "220 ready");
}

TEST_F(TcpProxyHeaderTest, a_client_that_goes_before_its_header_leaves_nothing) {
  TcpUnderTest tcp(settings());
  const uint16_t port = free_port();
  tcp.add(port, backend_.port());
  RawSocket client = RawSocket::connect(port);
  client.send("PROXY ");
  EXPECT_TRUE(tcp.sees("tcp_connections_open", 1));
  client.reset();
  EXPECT_TRUE(tcp.sees("tcp_connections_open", 0));
  EXPECT_EQ(backend_.connections(), 0u);
}

}  // namespace
}  // namespace causeway::router
