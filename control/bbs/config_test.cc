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

TEST(BbsConfig, what_is_not_built_is_refused) {
  const char* const asked[] = {R"("require_ssl":true)",           R"("cert_file":"/x")",
                               R"("encryption_keys":{"a":"b"})",  R"("active_key_label":"a")",
                               R"("locks_locket_enabled":true)",  R"("rep_require_tls":true)",
                               R"("auctioneer_require_tls":true)"};
  for (const std::string key : asked) {
    const auto config =
        parse_config(R"({"auctioneer_address":"http://a",)" + key + "}", "bbs.json");
    ASSERT_FALSE(config) << key;
    EXPECT_NE(config.error().detail.find("not supported yet"), std::string::npos)
        << config.error().detail;
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
