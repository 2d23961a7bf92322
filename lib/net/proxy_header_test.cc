#include "net/proxy_header.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace causeway::net {
namespace {

using Step = ProxyHeaderReader::Step;

const std::string kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

Address address(std::string_view ip, uint16_t port) { return Address::parse(ip, port).value(); }

// A version 2 header of that command, family and body.
std::string binary(uint8_t command, uint8_t family, const std::string& body) {
  std::string text = kSignature;
  text.push_back(static_cast<char>(command));
  text.push_back(static_cast<char>(family));
  text.push_back(static_cast<char>(body.size() >> 8));
  text.push_back(static_cast<char>(body.size()));
  return text + body;
}

std::string body_v4() {
  return std::string("\xcb\x00\x71\x07\x0a\x00\x00\x01\x30\x39\x01\xbb", 12);
}

struct Read {
  Step step = Step::more;
  size_t taken = 0;  // in all
  ProxyHeader header;
  std::string begun;
  std::string reason;
};

// Feeds `text` in pieces of that size, as long as the reader asks for more.
Read read(const std::string& text, size_t piece) {
  ProxyHeaderReader reader;
  Read read;
  while (read.step == Step::more && read.taken < text.size()) {
    const auto fed = reader.feed(std::string_view(text).substr(read.taken, piece));
    read.step = fed.step;
    read.taken += fed.taken;
    if (fed.step == Step::more && fed.taken == 0) break;
  }
  read.header = reader.header();
  read.begun = std::string(reader.begun());
  read.reason = std::string(reader.reason());
  return read;
}

// The same in pieces of every size up to the whole.
void expect_done(const std::string& header, const char* client, uint16_t client_port,
                 const char* server, uint16_t server_port) {
  const std::string text = header + "GET / HTTP/1.1\r\n";
  for (size_t piece = 1; piece <= text.size(); ++piece) {
    const Read got = read(text, piece);
    ASSERT_EQ(got.step, Step::done) << piece << ": " << got.reason;
    EXPECT_EQ(got.taken, header.size());
    ASSERT_TRUE(got.header.has_addresses);
    EXPECT_EQ(got.header.client, address(client, client_port)) << got.header.client.to_string();
    EXPECT_EQ(got.header.server, address(server, server_port)) << got.header.server.to_string();
  }
}

void expect_nobody_told(const std::string& header) {
  const std::string text = header + "\x16\x03\x01";
  for (size_t piece = 1; piece <= text.size(); ++piece) {
    const Read got = read(text, piece);
    ASSERT_EQ(got.step, Step::done) << piece << ": " << got.reason;
    EXPECT_EQ(got.taken, header.size());
    EXPECT_FALSE(got.header.has_addresses);
  }
}

void expect_bad(const std::string& text) {
  for (size_t piece = 1; piece <= text.size(); ++piece) {
    const Read got = read(text, piece);
    EXPECT_EQ(got.step, Step::bad) << piece << ": " << text;
    EXPECT_FALSE(got.reason.empty());
    EXPECT_FALSE(got.header.has_addresses);
  }
}

TEST(ProxyHeaderTest, a_line_tells_both_ends) {
  expect_done("PROXY TCP4 203.0.113.7 10.0.0.1 12345 443\r\n", "203.0.113.7", 12345, "10.0.0.1",
              443);
  expect_done("PROXY TCP6 2001:db8::7 ::1 0 65535\r\n", "2001:db8::7", 0, "::1", 65535);
  expect_done(
      "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
      65535);
}

TEST(ProxyHeaderTest, four_bytes_in_sixteen_are_told_as_four) {
  expect_done("PROXY TCP6 ::ffff:203.0.113.7 ::ffff:10.0.0.1 5 6\r\n", "203.0.113.7", 5, "10.0.0.1",
              6);
}

TEST(ProxyHeaderTest, an_unknown_client_is_nobody) {
  expect_nobody_told("PROXY UNKNOWN\r\n");
  expect_nobody_told("PROXY UNKNOWN ::1 ::1 5 6\r\n");
  expect_nobody_told("PROXY UNKNOWN what ever\r\n");
  expect_nobody_told("PROXY UNKNOWN " + std::string(kProxyLineBytesMax - 16, 'x') + "\r\n");
}

TEST(ProxyHeaderTest, lines_that_break_the_rules_are_bad) {
  for (const char* text : {
           "PROXY \r\n",
           "PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n",
           "PROXY UNKNOWNS\r\n",
           "PROXY tcp4 1.2.3.4 1.2.3.4 1 2\r\n",
           "PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
           "PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n",
           "PROXY TCP4 1.2.3.4 1.2.3.4 1  2\r\n",
           "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n",
           "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n",
           "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
           "PROXY TCP4 1.2.3.4 1.2.3.4\r\n",
           "PROXY TCP4 1.2.3.4\r\n",
           "PROXY TCP4\r\n",
           "PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n",
           "PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n",
           "PROXY TCP4 1.2.3.4 1.2.3.4 1 -2\r\n",
           "PROXY TCP4 1.2.3.4 1.2.3.4 1 +2\r\n",
           "PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n",
           "PROXY TCP4 1.2.3.4 host 1 2\r\n",
           "PROXY TCP4 ::1 1.2.3.4 1 2\r\n",
           "PROXY TCP4 ::1 ::1 1 2\r\n",
           "PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n",
           "PROXY TCP6 ::1%eth0 ::1 1 2\r\n",
           "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n",
           "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\r\n",
       }) {
    expect_bad(text);
  }
  expect_bad(std::string("PROXY TCP4 1.2.3.4\0 1.2.3.4 1 2\r\n", 33));
  // No end within what the longest line has.
  expect_bad("PROXY UNKNOWN " + std::string(kProxyLineBytesMax, 'x'));
  expect_bad("PROXY UNKNOWN " + std::string(kProxyLineBytesMax - 15, 'x') + "\r\n");
}

TEST(ProxyHeaderTest, a_binary_header_tells_both_ends) {
  expect_done(binary(0x21, 0x11, body_v4()), "203.0.113.7", 12345, "10.0.0.1", 443);
  std::string v6(32, '\0');
  v6[0] = 0x20;
  v6[1] = 0x01;
  v6[15] = 0x07;
  v6[31] = 0x01;
  expect_done(binary(0x21, 0x21, v6 + std::string("\x00\x50\x1f\x90", 4)), "2001::7", 80, "::1",
              8080);
}

TEST(ProxyHeaderTest, what_follows_the_addresses_is_skipped_at_any_length) {
  for (const size_t more : {1u, 7u, 500u}) {
    expect_done(binary(0x21, 0x11, body_v4() + std::string(more, '\x04')), "203.0.113.7", 12345,
                "10.0.0.1", 443);
  }
  const std::string longest =
      binary(0x21, 0x11, body_v4() + std::string(65'535 - body_v4().size(), 'x'));
  for (const size_t piece : {1u, 100u, 70'000u}) {
    const Read got = read(longest + "rest", piece);
    EXPECT_EQ(got.step, Step::done);
    EXPECT_EQ(got.taken, longest.size());
    EXPECT_EQ(got.header.client, address("203.0.113.7", 12345));
  }
}

TEST(ProxyHeaderTest, a_proxy_that_speaks_for_itself_tells_nobody) {
  expect_nobody_told(binary(0x20, 0x00, ""));
  expect_nobody_told(binary(0x20, 0x11, body_v4()));  // health checks of haproxy do so
  expect_nobody_told(binary(0x20, 0x11, "xyz"));
  expect_nobody_told(binary(0x21, 0x00, ""));
  expect_nobody_told(binary(0x21, 0x00, std::string(40, 'x')));
  expect_nobody_told(binary(0x21, 0x31, std::string(216, '\0')));
  expect_nobody_told(binary(0x21, 0x12, body_v4()));  // datagrams do not come over a connection
}

TEST(ProxyHeaderTest, binary_headers_that_break_the_rules_are_bad) {
  expect_bad(binary(0x11, 0x11, body_v4()));
  expect_bad(binary(0x31, 0x11, body_v4()));
  expect_bad(binary(0x22, 0x11, body_v4()));
  expect_bad(binary(0x2f, 0x11, body_v4()));
  expect_bad(binary(0x21, 0x41, body_v4()));
  expect_bad(binary(0x21, 0x13, body_v4()));
  expect_bad(binary(0x21, 0x11, body_v4().substr(1)));
  expect_bad(binary(0x21, 0x21, body_v4()));
  expect_bad(binary(0x21, 0x31, std::string(215, '\0')));
}

TEST(ProxyHeaderTest, other_beginnings_are_the_clients_own) {
  for (const std::string text :
       {"GET / HTTP/1.1\r\n", "PROPFIND / HTTP/1.1\r\n", "PROXY/ HTTP/1.1\r\n",
        "PRI * HTTP/2.0\r\n", "P", "\r\n\r\nGET / HTTP/1.1\r\n", "\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01", "\n"}) {
    for (size_t piece = 1; piece <= text.size(); ++piece) {
      const Read got = read(text, piece);
      if (got.step == Step::more) {
        EXPECT_EQ(got.begun, text);  // "P": nobody knows yet
        continue;
      }
      ASSERT_EQ(got.step, Step::absent) << piece << ": " << text;
      EXPECT_EQ(got.begun, text.substr(0, got.taken)) << "what was taken can be told again";
    }
  }
}

TEST(ProxyHeaderTest, what_is_written_is_read) {
  const std::vector<std::pair<Address, Address>> pairs{
      {address("203.0.113.7", 1), address("10.0.0.1", 65535)},
      {address("2001:db8::7", 0), address("::1", 80)},
      {address("2001:db8::7", 1), address("10.0.0.1", 80)},
      {address("203.0.113.7", 1), address("2001:db8::7", 80)},
      {address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535),
       address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535)}};
  for (const ProxyVersion version : {ProxyVersion::v1, ProxyVersion::v2}) {
    for (const auto& [client, server] : pairs) {
      std::string text;
      append_proxy_header(text, version, client, server);
      const Read got = read(text, text.size());
      ASSERT_EQ(got.step, Step::done) << text;
      EXPECT_EQ(got.taken, text.size());
      EXPECT_EQ(got.header.client, client);
      EXPECT_EQ(got.header.server, server);
    }
  }
}

}  // namespace
}  // namespace causeway::net
