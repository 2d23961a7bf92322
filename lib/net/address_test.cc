#include "net/address.h"

#include <gtest/gtest.h>

namespace causeway::net {

TEST(AddressTest, parses_and_prints_both_families) {
  const Address v4 = Address::parse("10.0.0.1", 80).value();
  EXPECT_EQ(v4.to_string(), "10.0.0.1:80");
  EXPECT_FALSE(v4.is_v6());
  const Address v6 = Address::parse("::1", 443).value();
  EXPECT_EQ(v6.to_string(), "[::1]:443");
  EXPECT_EQ(v6.ip(), "::1");
  EXPECT_TRUE(v6.is_v6());
  EXPECT_EQ(v6.with_port(1).port(), 1);
  EXPECT_EQ(Address::any(5).to_string(), "0.0.0.0:5");
  EXPECT_EQ(Address().to_string(), "0.0.0.0:0");
}

TEST(AddressTest, compares_by_value) {
  EXPECT_EQ(Address::loopback(8080), Address::parse("127.0.0.1", 8080).value());
  EXPECT_FALSE(Address::loopback(8080) == Address::loopback(8081));
  EXPECT_FALSE(Address::loopback(8080) == Address::parse("::1", 8080).value());
  const Address copy = Address::from(Address::parse("fe80::1", 7).value().socket_address());
  EXPECT_EQ(copy, Address::parse("fe80::1", 7).value());
}

TEST(AddressTest, refuses_a_zero_byte) {
  EXPECT_FALSE(Address::parse(std::string_view("10.0.0.1\0", 9), 1));
  EXPECT_FALSE(Address::parse(std::string_view("::1\0x", 5), 1));
}

TEST(AddressTest, refuses_what_is_not_numeric) {
  for (const char* text :
       {"", "localhost", "10.0.0", "10.0.0.1.1", "256.0.0.1", ":::", "1::2::3", "10.0.0.1 "}) {
    const auto parsed = Address::parse(text, 1);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().fault, Fault::invalid);
  }
  EXPECT_FALSE(Address::parse(std::string(300, '1'), 1));
}

TEST(HostPortTest, splits_names_and_bracketed_addresses) {
  EXPECT_EQ(parse_host_port("api.example.com:443").value().host, "api.example.com");
  EXPECT_EQ(parse_host_port("api.example.com:443").value().port, 443);
  EXPECT_EQ(parse_host_port("[::1]:65535").value().host, "::1");
  EXPECT_EQ(parse_host_port("h:0", PortZero::allowed).value().port, 0);
}

TEST(HostPortTest, refuses_what_has_no_host_or_port) {
  for (const char* text : {"", "host", "host:", ":80", "host:0", "host:65536", "host:-1", "host:8x",
                           "host: 80", "::1:80", "[::1]", "[]:80", "[::1:80", "host:+1"}) {
    const auto parsed = parse_host_port(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().fault, Fault::invalid);
  }
}

}  // namespace causeway::net
