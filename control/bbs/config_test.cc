#include "control/bbs/config.h"

#include <cstdlib>

#include <gtest/gtest.h>

namespace causeway::bbs {
namespace {

using namespace std::chrono_literals;

TEST(BbsConfig, the_example_is_good_and_says_the_defaults) {
  const auto config =
      read_config(std::string(std::getenv("CAUSEWAY_SOURCE_DIR")) + "/conf/bbs.json");
  ASSERT_TRUE(config) << config.error().detail;
  const Config defaults;
  EXPECT_EQ(config->listen_address, defaults.listen_address);
  EXPECT_EQ(config->health_address, defaults.health_address);
  EXPECT_EQ(config->converge_repeat_interval, defaults.converge_repeat_interval);
  EXPECT_EQ(config->expire_pending_task_duration, defaults.expire_pending_task_duration);
  EXPECT_EQ(config->expire_completed_task_duration, defaults.expire_completed_task_duration);
  EXPECT_EQ(config->kick_task_duration, defaults.kick_task_duration);
  EXPECT_EQ(config->max_task_retries, defaults.max_task_retries);
  EXPECT_TRUE(config->unused_keys.empty());
  EXPECT_TRUE(config->unknown_keys.empty());
}

TEST(BbsConfig, keys_without_effect_and_unknown_ones_are_told_apart) {
  const auto config = parse_config(
      R"({"auctioneer_address":"http://a:9016/","database_driver":"mysql","update_workers":1000,"colour":"blue"})",
      "bbs.json");
  ASSERT_TRUE(config) << config.error().detail;
  EXPECT_EQ(config->auctioneer_address, "http://a:9016");
  EXPECT_EQ(config->unused_keys, (std::vector<std::string>{"database_driver", "update_workers"}));
  EXPECT_EQ(config->unknown_keys, std::vector<std::string>{"colour"});
}

TEST(BbsConfig, every_mistake_is_named_at_once) {
  const auto config = parse_config(R"({
    "listen_address": "nowhere",
    "converge_repeat_interval": "soon",
    "log_level": "loud",
    "max_task_retries": -1,
    "redis": {"port": 70000}
  })",
                                   "bbs.json");
  ASSERT_FALSE(config);
  for (const char* key : {"listen_address", "converge_repeat_interval", "log_level",
                          "max_task_retries", "redis.port", "auctioneer_address"})
    EXPECT_NE(config.error().detail.find(key), std::string::npos) << key << " in\n"
                                                                  << config.error().detail;
}

TEST(BbsConfig, the_store_can_be_a_secured_cluster_with_keys_and_a_lock) {
  const auto config = parse_config(R"({
    "auctioneer_address": "http://a", "locks_locket_enabled": true, "lock_ttl": "15s",
    "active_key_label": "new", "encryption_keys": {"old": "one", "new": "two"},
    "redis": {"topology": "cluster", "nodes": ["r1:6379", "10.0.0.2:6380"], "user": "bbs",
              "password": "secret", "wait_replicas": 1, "appendfsync": "always"}
  })",
                                   "bbs.json");
  ASSERT_TRUE(config) << config.error().detail;
  const StoreConfig& store = config->store;
  EXPECT_TRUE(store.stands_by);
  EXPECT_EQ(store.lock_ttl, 15s);
  EXPECT_EQ(store.keys->active_label(), "new");
  EXPECT_TRUE(store.keys->knows("old"));
  EXPECT_EQ(store.redis.topology, redis::Topology::cluster);
  EXPECT_EQ(store.place(), "cluster r1:6379 10.0.0.2:6380");
  EXPECT_EQ(store.shards, 16u);
  EXPECT_EQ(store.wait_replicas, 1u);
  EXPECT_TRUE(config->unknown_keys.empty());
  EXPECT_TRUE(config->unused_keys.empty());
}

TEST(BbsConfig, mistakes_about_the_store_are_named) {
  const struct {
    const char* keys;
    const char* problem;
  } rows[] = {
      {R"("encryption_keys":{"a":"b"})", "active_key_label: missing"},
      {R"("active_key_label":"a")", "encryption_keys: the active key \"a\" is not among"},
      {R"("active_key_label":"a","encryption_keys":{"a":""})", "the passphrase of \"a\" is empty"},
      {R"("lock_ttl":"4s")", "lock_retry_interval: not from 10ms to below lock_ttl"},
      {R"("redis":{"topology":"ring"})", "redis.topology"},
      {R"("redis":{"topology":"sentinel"})", "redis.nodes: names no server"},
      {R"("redis":{"nodes":["a:1"]})", "redis.nodes: for topology sentinel or cluster only"},
      {R"("redis":{"topology":"cluster","nodes":["a"]})", "redis.nodes: not host:port"},
      {R"("redis":{"topology":"cluster","nodes":["a:1"],"database":1})", "redis.database"},
      {R"("redis":{"user":"u"})", "redis.password: missing"},
      {R"("redis":{"ca_file":"/nowhere"})", "redis.ca_file: without effect"},
      {R"("redis":{"tls":true,"ca_file":"/nowhere"})", "redis.ca_file: /nowhere: No such file"},
      {R"("redis":{"tls":true,"ca_file":"/etc/hostname"})", "redis.ca_file"},
      {R"("redis":{"appendfsync":"often"})", "redis.appendfsync"},
      {R"("redis":{"wait_timeout":"1m"})", "redis.wait_timeout"},
  };
  for (const auto& [keys, problem] : rows) {
    const auto config =
        parse_config(R"({"auctioneer_address":"http://a",)" + std::string(keys) + "}", "bbs.json");
    ASSERT_FALSE(config) << keys;
    EXPECT_NE(config.error().detail.find(problem), std::string::npos) << config.error().detail;
  }
}

TEST(BbsConfig, tls_that_is_asked_for_and_cannot_be_is_refused) {
  const struct {
    const char* keys;
    const char* problem;
  } rows[] = {
      {R"("auctioneer_address":"http://a","require_ssl":true)", "require_ssl: needs ca_file"},
      {R"("auctioneer_address":"http://a","cert_file":"/x")", "ca_file: missing"},
      {R"("auctioneer_address":"http://a","ca_file":"/x")", "ca_file: needs cert_file"},
      {R"("auctioneer_address":"http://a","rep_require_tls":true)",
       "rep_require_tls: needs rep_ca"},
      {R"("auctioneer_address":"http://a","auctioneer_require_tls":true)",
       "auctioneer_address: auctioneer_require_tls asks for https"},
      {R"("auctioneer_address":"https://a")",
       "auctioneer_address: https needs auctioneer_ca_cert, auctioneer_client_cert"},
      {R"("auctioneer_address":"http://a","ca_file":"/x","cert_file":"/x","key_file":"/x")",
       "cert_file: /x: No such file"},
  };
  for (const auto& [keys, problem] : rows) {
    const auto config = parse_config("{" + std::string(keys) + "}", "bbs.json");
    ASSERT_FALSE(config) << keys;
    EXPECT_NE(config.error().detail.find(problem), std::string::npos) << config.error().detail;
  }
  EXPECT_TRUE(parse_config(
      R"({"auctioneer_address":"http://a","require_ssl":false,"cert_file":"/x"})", "bbs.json"));
}

TEST(BbsConfig, text_that_is_no_json_is_refused) {
  const auto config = parse_config("{\"listen_address\": ", "bbs.json");
  ASSERT_FALSE(config);
  EXPECT_NE(config.error().detail.find("bbs.json"), std::string::npos) << config.error().detail;
}

}  // namespace
}  // namespace causeway::bbs
