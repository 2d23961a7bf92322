#include "router/config/reload.h"

#include <gtest/gtest.h>

namespace causeway::router {
namespace {

using Keys = std::vector<std::string>;

LoadedConfig load_file(const std::string& text) {
  auto loaded = parse_config(text, "router.yml");
  EXPECT_TRUE(loaded) << loaded.error().detail;
  return *std::move(loaded);
}

Keys changed(const std::string& before, const std::string& after) {
  return changed_keys(load_file(before).values, load_file(after).values);
}

TEST(ReloadTest, keys_that_differ_are_found_wherever_they_are) {
  EXPECT_EQ(changed("port: 1\nzone: z\n", "zone: z\nport: 1\n"), Keys{});
  EXPECT_EQ(changed("port: 1\n", "port: 2\nzone: z\n"), (Keys{"port", "zone"}));
  EXPECT_EQ(changed("status: {port: 1, user: u}\n", "status: {port: 1}\n"), Keys{"status.user"});
  EXPECT_EQ(changed("isolation_segments: [a, b]\n", "isolation_segments: [a]\n"),
            Keys{"isolation_segments"});
  EXPECT_EQ(changed("", "backends: {max_attempts: 2}\n"), Keys{"backends.max_attempts"});
}

TEST(ReloadTest, what_a_running_router_follows) {
  for (const char* key : {"logging.level", "endpoint_timeout", "backends.max_conns", "trace_key",
                          "http_rewrite.responses.remove_headers", "balancing_algorithm", "tls_pem",
                          "proxy_protocol.trusted", "domains", "drain_timeout", "status.tls.key"}) {
    EXPECT_TRUE(is_reloadable(key)) << key;
  }
  for (const char* key :
       {"port", "ssl_port", "enable_ssl", "workers", "nats.hosts", "status.port", "upgrade.socket",
        "logging.format.timestamp", "access_log.file", "tcp_router.idle_timeout", "index", "",
        "status.tls.port", "droplet_stale_threshold",
        "prometheus.meters.http_latency_histogram_buckets"}) {
    EXPECT_FALSE(is_reloadable(key)) << key;
  }
}

TEST(ReloadTest, a_running_router_takes_what_it_can_and_keeps_the_rest) {
  const RouterConfig running =
      load_file("port: 1000\nworkers: 2\ndroplet_stale_threshold: 80s\n").config;
  const RouterConfig next =
      load_file(
          "port: 2000\nworkers: 3\ndroplet_stale_threshold: 200s\nlogging: {level: error}\n"
          "endpoint_timeout: 7s\ntrace_key: t\nbalancing_algorithm: least-connection\n"
          "drain_wait: 3s\nenable_proxy: true\n")
          .config;
  const RouterConfig config = reloaded(running, next);
  EXPECT_EQ(config.port, 1000);
  EXPECT_EQ(config.workers, 2u);
  EXPECT_EQ(config.routes.stale_threshold, std::chrono::seconds(80));
  EXPECT_EQ(config.settings.failed_mark_lifetime, std::chrono::seconds(20));
  EXPECT_EQ(config.log_level, log::Level::error);
  EXPECT_EQ(config.settings.endpoint_timeout, std::chrono::seconds(7));
  EXPECT_EQ(config.drain_timeout, std::chrono::seconds(7));
  EXPECT_EQ(config.settings.trace_key, "t");
  EXPECT_EQ(config.routes.balancing, LoadBalancing::least_connection);
  EXPECT_EQ(config.drain_wait, std::chrono::seconds(3));
  EXPECT_TRUE(config.settings.proxy_protocol.is_accepted);
}

}  // namespace
}  // namespace causeway::router
