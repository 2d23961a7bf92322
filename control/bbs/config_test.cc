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

// All keys of Diego's bbs.json: those that mean something here are read, of the others the log says
// that they have no effect.
TEST(BbsConfig, the_originals_whole_file_is_taken) {
  const auto config = parse_config(R"({
    "access_log_path": "/var/log/access.log", "active_key_label": "k1",
    "advanced_metrics": {"enabled": true, "route_config": {"request_count_routes": ["Ping"]}},
    "advertise_url": "https://bbs.service.cf.internal:8889",
    "auctioneer_address": "http://127.0.0.1:9016", "auctioneer_ca_cert": "",
    "auctioneer_client_cert": "", "auctioneer_client_key": "", "auctioneer_require_tls": false,
    "ca_file": "/c/ca.crt", "cell_registrations_locket_enabled": true, "cert_file": "/c/s.crt",
    "communication_timeout": "11s", "consul_cluster": "", "converge_repeat_interval": "31s",
    "convergence_workers": 21, "database_connection_string": "u:p@tcp(h:3306)/d",
    "database_driver": "mysql", "db_health_check": {"enabled": true}, "debug_address":
    "127.0.0.1:17017", "desired_lrp_creation_timeout": "1m", "detect_consul_cell_registrations":
    false, "enable_consul_service_registration": false, "encryption_keys": {"k1": "secret"},
    "expire_completed_task_duration": "3m", "expire_pending_task_duration": "31m",
    "health_address": "127.0.0.1:8890", "key_file": "/c/s.key", "kick_task_duration": "32s",
    "listen_address": "0.0.0.0:8889", "lock_retry_interval": "4s", "lock_ttl": "16s",
    "locket_address": "127.0.0.1:8891", "locket_ca_cert_file": "/c/ca", "locket_client_cert_file":
    "/c/l.crt", "locket_client_key_file": "/c/l.key", "locket_client_keepalive_time": 10,
    "locket_client_keepalive_timeout": 22, "locks_locket_enabled": true, "log_level": "debug",
    "loggregator": {"loggregator_use_v2_api": true, "loggregator_api_port": 3458},
    "max_data_string_length": 640, "max_idle_database_connections": 200,
    "max_open_database_connections": 200, "max_task_retries": 4, "redact_patterns": [],
    "redact_secrets": true, "rep_ca_cert": "", "rep_client_cert": "", "rep_client_key": "",
    "rep_client_session_cache_size": 10, "rep_require_tls": false, "report_interval": "1m",
    "require_ssl": false, "session_name": "bbs", "skip_consul_lock": true, "sql_ca_cert_file": "",
    "sql_enable_identity_verification": true, "task_callback_workers": 999, "time_format":
    "unix-epoch", "update_workers": 1000, "uuid": "bosh-boulder"
  })",
                                   "bbs.json");
  ASSERT_TRUE(config) << config.error().detail;
  EXPECT_EQ(config->unknown_keys, std::vector<std::string>());
  EXPECT_EQ(config->access_log_path, "/var/log/access.log");
  EXPECT_TRUE(config->advanced_metrics);
  EXPECT_EQ(config->communication_timeout, 11s);
  EXPECT_EQ(config->converge_repeat_interval, 31s);
  EXPECT_EQ(config->convergence_workers, 21u);
  EXPECT_EQ(config->debug_address, "127.0.0.1:17017");
  EXPECT_EQ(config->expire_completed_task_duration, 3min);
  EXPECT_EQ(config->expire_pending_task_duration, 31min);
  EXPECT_EQ(config->kick_task_duration, 32s);
  EXPECT_EQ(config->max_task_retries, 4);
  EXPECT_EQ(config->task_callback_workers, 999u);
  EXPECT_EQ(config->time_format, "unix-epoch");
  EXPECT_TRUE(config->tls.is_empty());
  EXPECT_TRUE(config->store.stands_by);
  EXPECT_EQ(config->store.lock_ttl, 16s);
  EXPECT_EQ(config->store.lock_retry_interval, 4s);
  EXPECT_EQ(config->store.uuid, "bosh-boulder");
  EXPECT_EQ(config->store.keys->active_label(), "k1");
  EXPECT_EQ(config->unused_keys.size(), 29u);
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
      {R"("keep_rows_in_memory":"some")", "keep_rows_in_memory"},
      {R"("kept_rows_reread_interval":"999ms")", "kept_rows_reread_interval: less than 1s"},
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
