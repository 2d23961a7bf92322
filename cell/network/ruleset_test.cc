#include "cell/network/ruleset.h"

#include <gtest/gtest.h>

namespace causeway::network {
namespace {

const Subnet kSubnet = {10u << 24, 24};

Attachment web() {
  return {.handle = "web",
          .address = kSubnet.base + 5,
          .ports = {{8080, 61001}, {2222, 61002}},
          .egress = {{.protocol = Egress::Protocol::tcp,
                      .first_address = 0x01020304,
                      .last_address = 0x01020304,
                      .first_port = 443,
                      .last_port = 443}}};
}

TEST(Ruleset, forwards_and_egress_are_elements_that_come_and_go) {
  EXPECT_EQ(
      attach_text("12345678", web()),
      "add element ip causeway_12345678 forwards { 61001 : 10.0.0.5 . 8080 }\n"
      "add element ip causeway_12345678 forwards { 61002 : 10.0.0.5 . 2222 }\n"
      "add element ip causeway_12345678 egress_ports { 10.0.0.5 . 1.2.3.4 . tcp . 443-443 }\n");
  EXPECT_TRUE(
      detach_text("12345678", web()).starts_with("delete element ip causeway_12345678 forwards"));
}

TEST(Ruleset, link_names_fit_the_kernel) {
  EXPECT_EQ(link_name("12345678", kSubnet, kSubnet.base + 255), "cw12345678-00ff");
  EXPECT_LE(link_name("12345678", kSubnet, kSubnet.base + 255).size(), 15u);
}

TEST(Ruleset, the_table_replaces_an_earlier_one_in_one_transaction) {
  const Attachment kept = web();
  const std::string text = table_text("12345678", kSubnet, {&kept, 1});
  EXPECT_TRUE(text.starts_with(
      "add table ip causeway_12345678\ndelete table ip causeway_12345678\ntable ip"));
  EXPECT_NE(text.find("ip saddr 10.0.0.0/24"), std::string::npos);
  EXPECT_NE(text.find("61001 : 10.0.0.5 . 8080"), std::string::npos);
}

}  // namespace
}  // namespace causeway::network
