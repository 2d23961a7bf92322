#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "router/config/router_config.h"

namespace causeway::router {
namespace {

using testing::HasSubstr;

Result<LoadedConfig> with_tcp(const std::string& lines) {
  return parse_config("port: 8081\ntcp_router:\n" + lines, "router.yml");
}

TEST(TcpConfigTest, tcp_routes_are_off_unless_ports_are_given) {
  const auto plain = parse_config("", "router.yml");
  ASSERT_TRUE(plain);
  EXPECT_FALSE(plain->config.tcp.is_enabled);
  const auto on = with_tcp("  reservable_ports: 1024-1123\n");
  ASSERT_TRUE(on) << on.error().detail;
  EXPECT_TRUE(on->config.tcp.is_enabled);
  const auto off = with_tcp("  enabled: false\n  reservable_ports: 1024-1123\n");
  ASSERT_TRUE(off);
  EXPECT_FALSE(off->config.tcp.is_enabled);
}

TEST(TcpConfigTest, defaults_are_those_of_cloud_foundry) {
  const auto loaded = with_tcp("  reservable_ports: 1024\n");
  ASSERT_TRUE(loaded);
  const TcpSettings& tcp = loaded->config.tcp;
  EXPECT_EQ(tcp.connect_timeout, std::chrono::seconds(5));
  EXPECT_EQ(tcp.idle_timeout, std::chrono::seconds(300));
  EXPECT_EQ(tcp.attempts_max, 3u);
  EXPECT_EQ(tcp.connections_max, 64'000u);
  EXPECT_FALSE(tcp.logs_connections);
  EXPECT_FALSE(tcp.sent_proxy_header);
}

TEST(TcpConfigTest, ports_are_ranges_and_single_ones_without_the_routers_own) {
  const auto loaded = with_tcp("  reservable_ports: 1024-1123, 2000,8080-8082\n");
  ASSERT_TRUE(loaded) << loaded.error().detail;
  const TcpSettings& tcp = loaded->config.tcp;
  for (const uint16_t port : std::initializer_list<uint16_t>{1024, 1123, 2000})
    EXPECT_TRUE(tcp.allows(port)) << port;
  for (const uint16_t port :
       std::initializer_list<uint16_t>{1023, 1124, 1999, 2001, 8080, 8081, 8082}) {
    EXPECT_FALSE(tcp.allows(port)) << port;
  }
}

TEST(TcpConfigTest, everything_is_read) {
  const auto loaded = with_tcp(
      "  reservable_ports: 1024\n  router_groups: [a, b]\n  connect_timeout: 1s\n"
      "  idle_timeout: 0s\n  max_attempts: 2\n  max_connections: 10\n  pipes_max: 0\n"
      "  log_connections: true\n  send_proxy: v2\n  enable_proxy: true\n"
      "  proxy_protocol: {trusted: [10.0.0.0/8], header_timeout: 2s}\n");
  ASSERT_TRUE(loaded) << loaded.error().detail;
  const TcpSettings& tcp = loaded->config.tcp;
  EXPECT_EQ(tcp.router_groups, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(tcp.connect_timeout, std::chrono::seconds(1));
  EXPECT_EQ(tcp.idle_timeout, Duration::zero());
  EXPECT_EQ(tcp.attempts_max, 2u);
  EXPECT_EQ(tcp.connections_max, 10u);
  EXPECT_EQ(tcp.pipes_max, 0u);
  EXPECT_TRUE(tcp.logs_connections);
  EXPECT_EQ(tcp.sent_proxy_header, net::ProxyVersion::v2);
  EXPECT_TRUE(tcp.proxy_protocol.is_accepted);
  ASSERT_EQ(tcp.proxy_protocol.trusted.size(), 1u);
  EXPECT_EQ(tcp.proxy_protocol.header_timeout, std::chrono::seconds(2));
  EXPECT_TRUE(loaded->unknown_keys.empty());
}

TEST(TcpConfigTest, each_mistake_is_named) {
  for (const auto& [lines, named] : std::initializer_list<std::pair<std::string, std::string>>{
           {"  enabled: true\n", "tcp_router.reservable_ports: is required"},
           {"  reservable_ports: 0\n", "tcp_router.reservable_ports"},
           {"  reservable_ports: 10-5\n", "\"10-5\""},
           {"  reservable_ports: 1-70000\n", "\"1-70000\""},
           {"  reservable_ports: a\n", "\"a\""},
           {"  reservable_ports: 1024\n  send_proxy: v3\n", "tcp_router.send_proxy"},
           {"  reservable_ports: 1024\n  proxy_protocol: {trusted: [x]}\n",
            "tcp_router.proxy_protocol.trusted"},
           {"  reservable_ports: 1024\n  max_attempts: 0\n", "tcp_router.max_attempts"},
           {"  reservable_ports: 1024\n  connect_timeout: 0s\n", "tcp_router.connect_timeout"},
           {"  reservable_ports: 1024\n  idle_timeout: long\n", "tcp_router.idle_timeout"}}) {
    const auto loaded = with_tcp(lines);
    ASSERT_FALSE(loaded) << lines;
    EXPECT_THAT(loaded.error().detail, HasSubstr(named)) << lines;
  }
}

}  // namespace
}  // namespace causeway::router
