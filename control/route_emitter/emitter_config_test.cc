#include "control/route_emitter/emitter_config.h"

#include <gmock/gmock.h>

namespace causeway::route_emitter {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kLeast =
    R"("bbs_address":"http://127.0.0.1:8889","nats_addresses":"127.0.0.1:4222")";

Result<LoadedConfig> parse(std::string_view more = "") {
  return parse_config("{" + std::string(kLeast) + std::string(more) + "}", "emitter.json");
}

TEST(EmitterConfig, defaults_are_diegos) {
  auto loaded = parse();
  ASSERT_TRUE(loaded);
  const EmitterConfig& config = loaded->config;
  EXPECT_EQ(config.bbs_url, "http://127.0.0.1:8889");
  EXPECT_EQ(config.health_address.to_string(), "127.0.0.1:17011");
  EXPECT_EQ(config.sync_interval, std::chrono::seconds(60));
  EXPECT_EQ(config.unregistration_send_count, 20u);
  EXPECT_EQ(config.locket_url, "");
  EXPECT_THAT(loaded->unknown_keys, IsEmpty());
}

TEST(EmitterConfig, the_file_of_a_diego_cell_is_accepted) {
  auto loaded = parse(R"(,"cell_id":"cell-a","consul_enabled":false,"dropsonde_port":3457,
    "oauth":{"uaa_url":"x","port":1},"loggregator":{"loggregator_api_port":3458},
    "register_direct_instance_routes":true,"enable_tcp_emitter":true,"enable_internal_emitter":false,
    "locks_locket_enabled":true,"locket_address":"127.0.0.1:8891","sync_interval":"1m0s",
    "healthcheck_address":":17012","log_level":"debug","misspelt":1)");
  ASSERT_TRUE(loaded) << to_string(loaded.error());
  EXPECT_EQ(loaded->config.cell_id, "cell-a");
  EXPECT_EQ(loaded->config.reach, Reach::direct);
  EXPECT_EQ(loaded->config.locket_url, "");  // emitters of one cell take no lock
  EXPECT_EQ(loaded->config.health_address.to_string(), "0.0.0.0:17012");
  EXPECT_EQ(loaded->config.log_level, log::Level::debug);
  EXPECT_THAT(loaded->unknown_keys, ElementsAre("misspelt"));
  EXPECT_TRUE(loaded->config.serves.tcp);
  EXPECT_FALSE(loaded->config.serves.internal);
}

TEST(EmitterConfig, several_nats_servers_share_the_user) {
  auto loaded = parse_config(
      R"({"bbs_address":"http://b:1","nats_addresses":"10.0.0.1:4222, nats://10.0.0.2:4223/",
          "nats_username":"u","nats_password":"s"})",
      "emitter.json");
  ASSERT_TRUE(loaded);
  const auto& servers = loaded->config.nats.servers;
  ASSERT_EQ(servers.size(), 2u);
  EXPECT_EQ(servers[0].host, "10.0.0.1");
  EXPECT_EQ(servers[1].host, "10.0.0.2");
  EXPECT_EQ(servers[1].port, 4223);
  EXPECT_EQ(servers[1].user, "u");
  EXPECT_EQ(servers[1].password, "s");
}

TEST(EmitterConfig, a_global_emitter_takes_the_lock) {
  auto loaded =
      parse(R"(,"locks_locket_enabled":true,"locket_address":"127.0.0.1:8891","uuid":"u")");
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->config.locket_url, "http://127.0.0.1:8891");
  EXPECT_EQ(loaded->config.uuid, "u");
}

TEST(EmitterConfig, mistakes_are_named) {
  struct Row {
    std::string bbs, nats, more, says;
  };
  const std::string bbs = "http://b:1", nats = "n:4222";
  for (const Row& row :
       {Row{bbs, nats, R"("nats_tls_enabled":true)", "nats_ca_cert_file: is required"},
        Row{bbs, nats, R"("nats_tls_enabled":true,"nats_ca_cert_file":"/nowhere.pem")",
            "nats_ca_cert_file: cannot be read"},
        Row{"https://b:1", nats, "", "bbs_address: https needs bbs_ca_cert_file"},
        Row{bbs, nats, R"("bbs_client_cert_file":"/x")", "bbs_client_key_file: missing"},
        Row{bbs, "nowhere", "", "nats_addresses: not host:port"},
        Row{bbs, " , ", "", "nats_addresses: names no server"},
        Row{bbs, nats, R"("healthcheck_address":"here")", "healthcheck_address: not ip:port"},
        Row{bbs, nats, R"("locks_locket_enabled":true)", "locket_address"},
        Row{bbs, nats, R"("sync_interval":"0s")", "sync_interval: must be at least 1ms"},
        Row{bbs, nats, R"("jitter_factor":1.5)", "jitter_factor"},
        Row{bbs, nats, R"("log_level":"loud")", "log_level"}}) {
    auto loaded = parse_config("{\"bbs_address\":\"" + row.bbs + "\",\"nats_addresses\":\"" +
                                   row.nats + "\"" + (row.more.empty() ? "" : ",") + row.more + "}",
                               "emitter.json");
    ASSERT_FALSE(loaded) << row.says;
    EXPECT_THAT(loaded.error().detail, HasSubstr(row.says));
  }
  auto empty = parse_config("{}", "emitter.json");
  ASSERT_FALSE(empty);
  EXPECT_THAT(empty.error().detail, HasSubstr("bbs_address"));
  EXPECT_THAT(empty.error().detail, HasSubstr("nats_addresses"));
}

TEST(EmitterConfig, the_file_in_conf_holds_the_defaults) {
  auto loaded = read_config("conf/route-emitter.json");
  ASSERT_TRUE(loaded) << to_string(loaded.error());
  EXPECT_THAT(loaded->unknown_keys, IsEmpty());
  EXPECT_EQ(loaded->config.sync_interval, EmitterConfig().sync_interval);
  EXPECT_EQ(loaded->config.lock_ttl, EmitterConfig().lock_ttl);
  EXPECT_EQ(loaded->config.health_address, EmitterConfig().health_address);
}

}  // namespace
}  // namespace causeway::route_emitter
