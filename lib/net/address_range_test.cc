#include "net/address_range.h"

#include <gtest/gtest.h>

namespace causeway::net {
namespace {

Address ip(std::string_view text) { return Address::parse(text, 1234).value(); }

TEST(AddressRangeTest, holds_what_shares_its_prefix) {
  const AddressRange range = AddressRange::parse("10.20.0.0/14").value();
  EXPECT_TRUE(range.contains(ip("10.20.0.0")));
  EXPECT_TRUE(range.contains(ip("10.23.255.255")));
  EXPECT_FALSE(range.contains(ip("10.24.0.0")));
  EXPECT_FALSE(range.contains(ip("11.20.0.1")));
  EXPECT_FALSE(range.contains(ip("::1")));
  EXPECT_TRUE(range.contains(ip("::ffff:10.21.1.1")));
  EXPECT_EQ(range.to_string(), "10.20.0.0/14");
}

TEST(AddressRangeTest, a_single_address_and_everything_are_ranges) {
  EXPECT_TRUE(AddressRange::parse("192.0.2.7").value().contains(ip("192.0.2.7")));
  EXPECT_FALSE(AddressRange::parse("192.0.2.7").value().contains(ip("192.0.2.6")));
  EXPECT_TRUE(AddressRange::parse("0.0.0.0/0").value().contains(ip("203.0.113.9")));
  const AddressRange all_v6 = AddressRange::parse("::/0").value();
  EXPECT_TRUE(all_v6.contains(ip("2001:db8::1")));
  EXPECT_FALSE(all_v6.contains(ip("10.0.0.1")));
  const AddressRange v6 = AddressRange::parse("2001:db8:80::/41").value();
  EXPECT_TRUE(v6.contains(ip("2001:db8:ff::1")));
  EXPECT_FALSE(v6.contains(ip("2001:db8:7f::1")));
}

TEST(AddressRangeTest, refuses_what_is_no_range_and_says_why) {
  for (const char* text :
       {"", "/8", "ten", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0.0/ 8",
        "::/129", "10.0.0.0/8/8", "10.0.0.1/8", "::1/64", "10.0.0.0/256"}) {
    const auto range = AddressRange::parse(text);
    ASSERT_FALSE(range) << text;
    EXPECT_EQ(range.error().fault, Fault::invalid);
    EXPECT_NE(range.error().detail.find(text), std::string::npos);
  }
}

}  // namespace
}  // namespace causeway::net
