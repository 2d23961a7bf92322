#include "control/auctioneer/settings.h"

#include <cstdlib>

#include <gtest/gtest.h>

namespace causeway::auctioneer {
namespace {

using namespace std::chrono_literals;

TEST(AuctioneerSettings, defaults_are_diegos) {
  auto settings = parse_settings(R"({"bbs_address":"http://bbs.internal:8889"})", "a.json");
  ASSERT_TRUE(settings) << settings.error().detail;
  EXPECT_EQ(settings->bbs_url, "http://bbs.internal:8889");
  EXPECT_EQ(settings->listen_address.to_string(), "0.0.0.0:9016");
  EXPECT_EQ(settings->cell_state_timeout, 1s);
  EXPECT_EQ(settings->communication_timeout, 10s);
  EXPECT_EQ(settings->auction_runner_workers, 1000u);
  EXPECT_EQ(settings->rules.starting_container_weight, 0.25);
  EXPECT_EQ(settings->rules.starting_containers_max, 0);
  EXPECT_EQ(settings->locket_url, "");
  EXPECT_TRUE(settings->unknown_keys.empty());
}

TEST(AuctioneerSettings, all_keys_are_read) {
  auto settings = parse_settings(R"({
    "bbs_address": "http://127.0.0.1:1", "listen_address": "127.0.0.1:2", "health_address": "127.0.0.1:3",
    "cell_state_timeout": "2s", "communication_timeout": "3s", "auction_runner_workers": 4,
    "starting_container_weight": 0.5, "starting_container_count_maximum": 6, "bin_pack_first_fit_weight": 0.75,
    "log_level": "debug", "time_format": "unix-epoch", "uuid": "u", "locks_locket_enabled": true,
    "locket_address": "127.0.0.1:8891", "lock_ttl": "7s", "lock_retry_interval": "1s",
    "bbs_ca_cert_file": "/x", "loggregator": {"loggregator_use_v2_api": true}, "mistyped": 1})",
                                 "a.json");
  ASSERT_TRUE(settings) << settings.error().detail;
  EXPECT_EQ(settings->health_address.port(), 3);
  EXPECT_EQ(settings->cell_state_timeout, 2s);
  EXPECT_EQ(settings->auction_runner_workers, 4u);
  EXPECT_EQ(settings->rules.starting_container_weight, 0.5);
  EXPECT_EQ(settings->rules.starting_containers_max, 6);
  EXPECT_EQ(settings->rules.bin_pack_first_fit_weight, 0.75);
  EXPECT_EQ(settings->log_level, log::Level::debug);
  EXPECT_EQ(settings->time_format, log::TimeFormat::unix_epoch);
  EXPECT_EQ(settings->locket_url, "http://127.0.0.1:8891");
  EXPECT_EQ(settings->lock_ttl, 7s);
  EXPECT_EQ(settings->unknown_keys, std::vector<std::string>{"mistyped"});
}

// All that Diego's program knows.
TEST(AuctioneerSettings, diegos_own_file_is_accepted_without_a_warning) {
  auto settings = parse_settings(R"({
    "auction_runner_workers": 10, "bbs_address": "http://bbs:8889", "bbs_client_session_cache_size": 1,
    "bbs_max_idle_conns_per_host": 1, "bin_pack_first_fit_weight": 0, "cell_state_timeout": "10s",
    "communication_timeout": "15s", "consul_cluster": "x", "debug_address": "127.0.0.1:17001",
    "dropsonde_port": 3457, "enable_consul_service_registration": false, "listen_address": "0.0.0.0:9016",
    "lock_retry_interval": "5s", "lock_ttl": "15s", "locket_address": "127.0.0.1:8891",
    "locket_client_keepalive_time": 10, "locket_client_keepalive_timeout": 22, "locks_locket_enabled": true,
    "log_level": "info", "time_format": "rfc3339", "max_data_string_length": 640,
    "loggregator": {"loggregator_use_v2_api": true, "loggregator_api_port": 3458},
    "rep_client_session_cache_size": 1, "rep_require_tls": false, "report_interval": "1m",
    "skip_consul_lock": true, "starting_container_count_maximum": 0, "starting_container_weight": 0.25,
    "uuid": "u", "bbs_ca_cert_file": "", "bbs_client_cert_file": "", "bbs_client_key_file": "",
    "ca_cert_file": "", "server_cert_file": "", "server_key_file": "", "rep_ca_cert": "",
    "rep_client_cert": "", "rep_client_key": "", "locket_ca_cert_file": "",
    "locket_client_cert_file": "", "locket_client_key_file": ""})",
                                 "a.json");
  ASSERT_TRUE(settings) << settings.error().detail;
  EXPECT_EQ(settings->unknown_keys, std::vector<std::string>{});
}

TEST(AuctioneerSettings, every_mistake_is_named) {
  auto settings = parse_settings(
      R"({"bbs_address": "https://bbs:8889", "listen_address": "nowhere", "rep_require_tls": true,
    "server_cert_file": "/x", "auction_runner_workers": 0, "log_level": "loud", "locks_locket_enabled": true})",
      "a.json");
  ASSERT_FALSE(settings);
  const std::string& text = settings.error().detail;
  for (const char* key :
       {"bbs_address", "listen_address", "rep_require_tls", "auction_runner_workers", "log_level",
        "locket_address", "https needs bbs_ca_cert_file", "needs rep_ca_cert",
        "ca_cert_file: missing", "server_key_file: missing"}) {
    EXPECT_NE(text.find(key), std::string::npos) << key << " in\n" << text;
  }
  EXPECT_FALSE(parse_settings("{}", "a.json"));
  EXPECT_FALSE(parse_settings("{", "a.json"));
  EXPECT_FALSE(read_settings("/nowhere/auctioneer.json"));
}

TEST(AuctioneerSettings, the_example_is_valid) {
  const char* root = std::getenv("CAUSEWAY_SOURCE_DIR");
  ASSERT_NE(root, nullptr);
  auto settings = read_settings(std::string(root) + "/conf/auctioneer.json");
  ASSERT_TRUE(settings) << settings.error().detail;
  EXPECT_TRUE(settings->unknown_keys.empty());
}

}  // namespace
}  // namespace causeway::auctioneer
