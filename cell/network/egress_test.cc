#include <gtest/gtest.h>

#include "cell/network/network.h"
#include "cf/models/models.h"

namespace causeway::network {
namespace {

models::SecurityGroupRule rule(const char* protocol, const char* destination) {
  models::SecurityGroupRule result;
  result.set_protocol(protocol);
  result.add_destinations(destination);
  return result;
}

TEST(Egress, every_form_of_destination) {
  const auto all = egress_of(rule("all", "10.0.0.0/8,192.168.0.1-192.168.0.9,1.1.1.1,::1"));
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 3u);
  EXPECT_EQ(format_address((*all)[0].last_address), "10.255.255.255");
  EXPECT_EQ(format_address((*all)[1].last_address), "192.168.0.9");
  EXPECT_EQ((*all)[2].first_address, (*all)[2].last_address);
}

TEST(Egress, ports_and_ranges) {
  models::SecurityGroupRule tcp = rule("tcp", "0.0.0.0/0");
  tcp.add_ports(80);
  tcp.add_ports(443);
  tcp.mutable_port_range()->set_start(8000);
  tcp.mutable_port_range()->set_end(9000);
  const auto entries = egress_of(tcp);
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 3u);
  EXPECT_EQ((*entries)[2].first_port, 8000);
  EXPECT_EQ((*entries)[2].last_port, 9000);
}

TEST(Egress, what_does_not_parse_is_refused) {
  for (const char* bad : {"x", "10.0.0.0/33", "10.0.0.9-10.0.0.1", "10.0.0.0/", "1.2.3.4-"}) {
    EXPECT_FALSE(egress_of(rule("all", bad))) << bad;
  }
}

}  // namespace
}  // namespace causeway::network
