#include "cell/network/allocator.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace causeway::network {
namespace {

TEST(Subnet, parses_networks_and_nothing_else) {
  const Result<Subnet> subnet = parse_subnet("10.240.4.0/22");
  ASSERT_TRUE(subnet);
  EXPECT_EQ(format_address(subnet->base), "10.240.4.0");
  EXPECT_EQ(subnet->size(), 1024u);
  for (const char* bad : {"", "10.0.0.0", "10.0.0.0/8", "10.0.0.0/31", "10.0.0.1/24",
                          "10.0.0.0/24x", "x/24", "::/24"}) {
    EXPECT_FALSE(parse_subnet(bad)) << bad;
  }
}

TEST(Subnet, a_cell_finds_its_own_again_and_others_elsewhere) {
  EXPECT_EQ(subnet_for("cell-1 /a").base, subnet_for("cell-1 /a").base);
  EXPECT_NE(subnet_for("cell-1 /a").base, subnet_for("cell-1 /b").base);
  EXPECT_EQ(mark_for("cell-1").size(), 8u);
  const uint32_t base = subnet_for("x").base;
  EXPECT_GE(base, 10u << 24 | 224u << 16);
  EXPECT_EQ(base % 1024, 0u);
}

TEST(AddressPool, gives_each_address_once_and_returned_ones_last) {
  AddressPool pool(*parse_subnet("10.0.0.0/29"));
  EXPECT_EQ(format_address(pool.gateway()), "10.0.0.1");
  const uint32_t first = *pool.take();
  EXPECT_EQ(format_address(first), "10.0.0.2");
  pool.give_back(first);
  EXPECT_EQ(format_address(*pool.take()), "10.0.0.3");
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(pool.take());
  EXPECT_EQ(pool.take().error().fault, Fault::limit);  // .0 .1 and .7 are never given
}

TEST(AddressPool, claims_what_is_in_use) {
  AddressPool pool(*parse_subnet("10.0.0.0/29"));
  ASSERT_TRUE(pool.claim(pool.gateway() + 1));
  EXPECT_EQ(pool.claim(pool.gateway() + 1).error().fault, Fault::exists);
  EXPECT_EQ(pool.claim(1).error().fault, Fault::invalid);
  EXPECT_EQ(format_address(*pool.take()), "10.0.0.3");
}

TEST(HostPorts, are_held_against_everybody_else) {
  // A port that is free now: whoever takes it first keeps it.
  const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  ASSERT_EQ(::bind(probe, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  socklen_t length = sizeof address;
  ASSERT_EQ(::getsockname(probe, reinterpret_cast<sockaddr*>(&address), &length), 0);
  const uint16_t port = ntohs(address.sin_port);
  HostPorts ports(port, port);
  EXPECT_EQ(ports.take().error().fault, Fault::limit);
  ::close(probe);
  ASSERT_EQ(*ports.take(), port);
  HostPorts other_cell(port, port);
  EXPECT_FALSE(other_cell.take());
  EXPECT_EQ(other_cell.claim(port).error().fault, Fault::exists);
  ports.give_back(port);
  EXPECT_TRUE(other_cell.claim(port));
}

}  // namespace
}  // namespace causeway::network
