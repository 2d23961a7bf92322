#include "cell/rep/config.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>

#include "test/support/server_process.h"
#include "tls/key_pair.h"

namespace causeway::rep {
namespace {

// Reads `text` as a rep.json; the path is gone afterwards.
Result<Config> read(const std::string& text, std::vector<std::string>* warnings = nullptr) {
  std::string path = "/tmp/causeway-rep-config.XXXXXX.json";
  ::close(::mkstemps(path.data(), 5));
  std::ofstream(path) << text;
  std::vector<std::string> unread;
  Result<Config> config = read_config(path, unread);
  ::unlink(path.c_str());
  if (warnings != nullptr) *warnings = unread;
  return config;
}

const std::string kMinimal = R"("cell_id":"c","bbs_address":"http://b:1","state_dir":"/s")";

TEST(RepConfig, a_minimal_one_gets_defaults) {
  const Result<Config> config = read("{" + kMinimal + "}");
  ASSERT_TRUE(config) << to_string(config.error());
  EXPECT_EQ(config->locket_address, "http://b:1");
  EXPECT_EQ(config->polling_interval, std::chrono::seconds(30));
  EXPECT_EQ(config->max_containers, 250u);
}

TEST(RepConfig, every_mistake_is_named_at_once) {
  const Result<Config> config = read(
      R"({"bbs_address":"https://b","polling_interval":"0s","memory_mb":"lots","preloaded_root_fs":["x"],
      "listen_addr":"nowhere","network":{"host_port_first":70000}})");
  ASSERT_FALSE(config);
  for (const char* part :
       {"cell_id", "state_dir", "bbs_address: https needs bbs_ca_cert_file", "polling_interval",
        "memory_mb", "preloaded_root_fs", "listen_addr", "network.host_port_first"}) {
    EXPECT_NE(config.error().detail.find(part), std::string::npos) << part << "\n"
                                                                   << config.error().detail;
  }
}

TEST(RepConfig, diegos_own_keys_of_checks_are_read) {
  const Result<Config> config = read("{" + kMinimal + R"(,"healthy_monitoring_interval":"5s",
      "unhealthy_monitoring_interval":"500ms","garden_healthcheck_interval":"12s",
      "garden_healthcheck_timeout":"14s","garden_healthcheck_process_path":"/bin/sh",
      "garden_healthcheck_process_args":["-c","ls"],"garden_healthcheck_process_env":["A=b"],
      "garden_healthcheck_process_user":"vcap","garden_healthcheck_process_dir":"/tmp"})");
  ASSERT_TRUE(config) << to_string(config.error());
  EXPECT_EQ(config->healthy_monitoring_interval, std::chrono::seconds(5));
  EXPECT_EQ(config->unhealthy_monitoring_interval, std::chrono::milliseconds(500));
  EXPECT_EQ(config->runtime_check_interval, std::chrono::seconds(12));
  EXPECT_EQ(config->runtime_check_timeout, std::chrono::seconds(14));
  EXPECT_EQ(config->runtime_check_path, "/bin/sh");
  EXPECT_EQ(config->runtime_check_args, (std::vector<std::string>{"-c", "ls"}));
  EXPECT_EQ(config->runtime_check_env, std::vector<std::string>{"A=b"});
  EXPECT_EQ(config->runtime_check_user, "vcap");
  EXPECT_EQ(config->runtime_check_dir, "/tmp");
  const Result<Config> older =
      read("{" + kMinimal + R"(,"healthy_monitoring_interval_in_seconds":7})");
  ASSERT_TRUE(older);
  EXPECT_EQ(older->healthy_monitoring_interval, std::chrono::seconds(7));
  for (const char* key : {"healthy_monitoring_interval", "garden_healthcheck_interval",
                          "garden_healthcheck_timeout"}) {
    const Result<Config> wrong = read("{" + kMinimal + ",\"" + key + "\":\"1ms\"}");
    ASSERT_FALSE(wrong) << key;
    EXPECT_NE(wrong.error().detail.find(key), std::string::npos) << wrong.error().detail;
  }
}

TEST(RepConfig, the_operators_address_speaks_tls_when_asked_to) {
  const causeway::test::TempFolder folder;
  const tls::KeyPair pair = tls::make_self_signed({"localhost"});
  std::ofstream(folder.path() + "/cert") << pair.certificate_pem;
  std::ofstream(folder.path() + "/key") << pair.key_pem;
  const std::string files = R"(,"ca_cert_file":")" + folder.path() +
                            R"(/cert","server_cert_file":")" + folder.path() +
                            R"(/cert","server_key_file":")" + folder.path() + R"(/key")";
  const Result<Config> plain = read("{" + kMinimal + files + "}");
  ASSERT_TRUE(plain) << to_string(plain.error());
  EXPECT_FALSE(plain->is_admin_tls);
  const Result<Config> secured = read("{" + kMinimal + files + R"(,"admin_tls":true})");
  ASSERT_TRUE(secured) << to_string(secured.error());
  EXPECT_TRUE(secured->is_admin_tls);
  const Result<Config> bare = read("{" + kMinimal + R"(,"admin_tls":true})");
  ASSERT_FALSE(bare);
  EXPECT_NE(bare.error().detail.find("admin_tls"), std::string::npos);
}

TEST(RepConfig, unknown_keys_are_told) {
  std::vector<std::string> warnings;
  ASSERT_TRUE(read("{" + kMinimal + R"(,"garden_addr":"x"})", &warnings));
  EXPECT_EQ(warnings, std::vector<std::string>{"garden_addr"});
}

TEST(RepConfig, broken_json_names_its_line) {
  const Result<Config> config = read("{\n\"cell_id\": \n}");
  ASSERT_FALSE(config);
  EXPECT_NE(to_string(config.error()).find(":3"), std::string::npos) << to_string(config.error());
}

}  // namespace
}  // namespace causeway::rep
