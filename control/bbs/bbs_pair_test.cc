// Two real bbs on one real redis-server: who leads, and what the other one can do.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "control/bbs/test_caller.h"
#include "control/bbs/test_member.h"
#include "test/support/certificates.h"
#include "test/support/redis_farm.h"

namespace causeway::bbs {
namespace {

using namespace std::chrono_literals;

// Exit code and output of one that cannot work.
std::pair<int, std::string> run_to_its_end(const MemberOptions& options) {
  const causeway::test::TempFolder folder;
  const std::string path = folder.path() + "/bbs.json";
  write_config(path, options, causeway::test::free_port(), causeway::test::free_port());
  // tidy: words of the test's own.
  FILE* pipe = ::popen(("timeout 60 " + bbs_program() + " -config " + path + " 2>&1").c_str(), "r");
  std::string said;
  char buffer[4096];
  while (const size_t count = std::fread(buffer, 1, sizeof buffer, pipe))
    said.append(buffer, count);
  return {WEXITSTATUS(::pclose(pipe)), said};
}

class BbsPair : public testing::Test, public BbsCaller {
 protected:
  // "" when it was done, otherwise why not.
  std::string desire(const Member& member, const std::string& guid, Duration timeout = 20s) {
    auto request = desire_request(guid, 1);
    auto& variable = *request.mutable_desired_lrp()->add_environment_variables();
    variable.set_name("PASSWORD");
    variable.set_value("open-sesame-" + guid);
    const auto response = post<models::DesiredLRPLifecycleResponse>(
        member.url() + "/v1/desired_lrp/desire.r2", request, timeout);
    return response ? response->error().message() : "no answer";
  }
  std::string guids(const Member& member) {
    const auto response = post<models::DesiredLRPsResponse>(
        member.url() + "/v1/desired_lrps/list.r3", models::DesiredLRPsRequest());
    std::string text;
    if (!response) return text;
    for (const auto& lrp : response->desired_lrps()) {
      EXPECT_EQ(lrp.environment_variables(0).value(), "open-sesame-" + lrp.process_guid());
      text += lrp.process_guid() + " ";
    }
    return text;
  }
  bool has_metric(const Member& member, const std::string& line) {
    const auto reply = fetch(member.metrics_url());
    return reply && reply->body.find("\n" + line + "\n") != std::string::npos;
  }
  std::string redis_files() const {
    // Everything that was ever written: the append-only files of the server.
    std::string all;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(redis_.dir())) {
      if (!entry.is_regular_file()) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      all.append(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }
    return all;
  }

  causeway::test::RedisNode redis_{{"--appendonly", "yes", "--appendfsync", "always"}};
};

TEST_F(BbsPair, the_second_one_waits_without_listening_and_follows_a_killed_leader) {
  Member first({.redis = redis_on(redis_.port())});
  ASSERT_TRUE(until([&] { return first.serves(); }));
  Member second({.redis = redis_on(redis_.port())});
  EXPECT_EQ(desire(first, "p"), "");
  EXPECT_TRUE(until([&] { return has_metric(second, "BBSMasterElected 0"); }));
  EXPECT_TRUE(has_metric(first, "BBSMasterElected 1"));
  EXPECT_TRUE(has_metric(first, "LockHeld 1"));
  EXPECT_FALSE(second.serves());
  const auto begun = std::chrono::steady_clock::now();
  first.kill(SIGKILL);
  ASSERT_TRUE(until([&] { return second.serves(); }));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 40s);
  EXPECT_EQ(guids(second), "p ");
  EXPECT_EQ(desire(second, "q"), "");
}

TEST_F(BbsPair, a_clean_stop_hands_over_at_once) {
  Member first({.redis = redis_on(redis_.port()), .lock_ttl = "60s"});
  ASSERT_TRUE(until([&] { return first.serves(); }));
  Member second({.redis = redis_on(redis_.port())});
  EXPECT_FALSE(second.serves());
  const auto begun = std::chrono::steady_clock::now();
  first.kill(SIGTERM);
  ASSERT_TRUE(until([&] { return second.serves(); }));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 30s) << "it has waited for the ttl";
}

TEST_F(BbsPair, a_stopped_leader_that_wakes_up_changes_nothing_and_exits) {
  Member first({.redis = redis_on(redis_.port())});
  ASSERT_TRUE(until([&] { return first.serves(); }));
  ASSERT_EQ(desire(first, "p"), "");
  Member second({.redis = redis_on(redis_.port())});
  first.kill(SIGSTOP);
  ASSERT_TRUE(until([&] { return second.serves(); }));
  // It lies in the stopped one's socket until it wakes up.
  EXPECT_NE(desire(first, "from-the-past", 100ms), "");
  EXPECT_TRUE(gives_up_when_woken(first)) << first.log();
  EXPECT_EQ(guids(second), "p ");
}

TEST_F(BbsPair, two_without_the_lock_do_not_depose_each_other_and_one_that_slept_is_fenced_off) {
  Member first({.redis = redis_on(redis_.port()), .stands_by = false});
  ASSERT_TRUE(until([&] { return first.serves(); }));
  ASSERT_EQ(desire(first, "p"), "");
  Member second({.redis = redis_on(redis_.port()), .stands_by = false});
  ASSERT_TRUE(until([&] { return second.log().find("another-bbs-leads") != std::string::npos; }));
  // Longer than its time: it renews, and the other one waits.
  const auto begun = std::chrono::steady_clock::now();
  ASSERT_TRUE(until([&] { return std::chrono::steady_clock::now() > begun + 5s; }));
  EXPECT_FALSE(first.exit_code());
  EXPECT_FALSE(second.exit_code());
  EXPECT_FALSE(second.serves());
  ASSERT_EQ(desire(first, "q"), "");
  first.kill(SIGSTOP);
  ASSERT_TRUE(until([&] { return second.serves(); }));
  // No ttl ends here: its write reaches Redis, and only the token is in its way.
  EXPECT_NE(desire(first, "from-the-past", 100ms), "");
  EXPECT_TRUE(gives_up_when_woken(first)) << first.log();
  EXPECT_EQ(guids(second), "p q ");
}

TEST_F(BbsPair, a_lone_one_that_was_killed_is_back_soon_and_another_number_of_shards_ends_it) {
  const std::string four = R"({"shards":4,"port":)" + std::to_string(redis_.port()) + "}";
  Member bbs({.redis = four, .stands_by = false});
  ASSERT_TRUE(until([&] { return bbs.serves(); }));
  ASSERT_EQ(desire(bbs, "p"), "");
  const auto begun = std::chrono::steady_clock::now();
  bbs.restart();
  ASSERT_TRUE(until([&] { return bbs.serves(); }));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 15s);
  EXPECT_EQ(guids(bbs), "p ");
  const auto [code, said] =
      run_to_its_end({.redis = R"({"shards":2,"port":)" + std::to_string(redis_.port()) + "}"});
  EXPECT_EQ(code, 1) << said;
  EXPECT_NE(said.find("redis.shards is 2, but the state in Redis was begun with 4"),
            std::string::npos)
      << said;
}

TEST_F(BbsPair, rows_are_sealed_and_sealed_again_under_a_new_key_and_wrong_keys_end_the_start) {
  {
    Member clear({.redis = redis_on(redis_.port()), .stands_by = false});
    ASSERT_TRUE(until([&] { return clear.serves(); }));
    ASSERT_EQ(desire(clear, "p"), "");
    EXPECT_NE(redis_files().find("open-sesame"), std::string::npos) << "the test would see it";
    clear.kill(SIGTERM);
  }
  const std::string one = R"("active_key_label":"one","encryption_keys":{"one":"first secret"},)";
  {
    Member sealing({.redis = redis_on(redis_.port()), .stands_by = false, .more = one});
    ASSERT_TRUE(until([&] { return has_metric(sealing, "RowsResealed 3"); }));
    EXPECT_EQ(guids(sealing), "p ");
    EXPECT_EQ(desire(sealing, "q"), "");
    sealing.kill(SIGTERM);
  }
  {
    Member both({.redis = redis_on(redis_.port()),
                 .stands_by = false,
                 .more = R"("active_key_label":"two","encryption_keys":{"one":"first secret",)"
                         R"("two":"second secret"},)"});
    ASSERT_TRUE(until([&] { return has_metric(both, "RowsResealed 6"); }));
    EXPECT_EQ(guids(both), "p q ");
    // The old key may go as soon as this is noted.
    EXPECT_TRUE(until([&] { return both.log().find("resealer.ended") != std::string::npos; }));
    both.kill(SIGTERM);
  }
  const struct {
    std::string keys;
    const char* reason;
  } rows[] = {{one, "sealed with the key \"two\", which is not among"},
              {R"("active_key_label":"two","encryption_keys":{"two":"guess"},)",
               "the passphrase of the key \"two\""},
              {"", "sealed with the key \"two\", which is not among"}};
  for (const auto& [keys, reason] : rows) {
    const auto [code, said] = run_to_its_end({.redis = redis_on(redis_.port()), .more = keys});
    EXPECT_EQ(code, 1) << said;
    EXPECT_NE(said.find(reason), std::string::npos) << said;
  }
}

TEST_F(BbsPair, nothing_secret_lies_in_redis_in_the_clear) {
  Member sealing({.redis = redis_on(redis_.port()),
                  .stands_by = false,
                  .more = R"("active_key_label":"one","encryption_keys":{"one":"secret"},)"});
  ASSERT_TRUE(until([&] { return sealing.serves(); }));
  for (int i = 0; i < 10; ++i) ASSERT_EQ(desire(sealing, "app-" + std::to_string(i)), "");
  const std::string files = redis_files();
  EXPECT_NE(files.find("app-3"), std::string::npos) << "keys and indexes are not secret";
  for (const char* secret : {"open-sesame", "PASSWORD", "/bin/app", "preloaded", "source_id"})
    EXPECT_EQ(files.find(secret), std::string::npos) << secret;
}

TEST_F(BbsPair, on_a_cluster_one_follows_the_other_as_well) {
  causeway::test::RedisCluster cluster;
  const std::string redis = R"({"topology":"cluster","nodes":[")" + cluster.node(0).address() +
                            R"(",")" + cluster.node(1).address() + R"("]})";
  const std::string keys = R"("active_key_label":"one","encryption_keys":{"one":"secret"},)";
  Member first({.redis = redis, .more = keys});
  ASSERT_TRUE(until([&] { return first.serves(); })) << first.log();
  std::set<std::string> desired;
  for (int i = 0; i < 40; ++i) {
    const std::string guid = "p" + std::to_string(i);
    ASSERT_EQ(desire(first, guid), "");
    desired.insert(guid);
  }
  for (size_t i = 0; i < cluster.size(); ++i)
    EXPECT_NE(causeway::test::redis_cli(cluster.node(i).port(), "DBSIZE"), "0\n");
  Member second({.redis = redis, .more = keys});
  first.kill(SIGSTOP);
  ASSERT_TRUE(until([&] { return second.serves(); })) << second.log();
  first.kill(SIGCONT);
  ASSERT_TRUE(until([&] { return first.exit_code().has_value(); }));
  std::istringstream words(guids(second));
  EXPECT_EQ(desired, std::set<std::string>(std::istream_iterator<std::string>(words), {}));
  EXPECT_EQ(desire(second, "last"), "");
}

TEST_F(BbsPair, a_primary_that_is_killed_under_a_sentinel_loses_nothing_that_a_replica_confirmed) {
  causeway::test::RedisNode replica({"--replicaof", "127.0.0.1 " + std::to_string(redis_.port())});
  causeway::test::RedisSentinel sentinel(redis_.port());
  ASSERT_TRUE(until([&] {
    return causeway::test::redis_cli(sentinel.port(), "SENTINEL REPLICAS platform")
                   .find(std::to_string(replica.port())) != std::string::npos &&
           causeway::test::has_replica(redis_.port());
  }));
  const std::string redis = R"({"topology":"sentinel","primary_name":"platform","wait_replicas":1,)"
                            R"("nodes":["127.0.0.1:)" +
                            std::to_string(sentinel.port()) + R"("]})";
  Member bbs({.redis = redis, .lock_ttl = "60s"});
  ASSERT_TRUE(until([&] { return bbs.serves(); })) << bbs.log();
  std::set<std::string> acknowledged;
  for (int i = 0; i < 30; ++i) {
    const std::string guid = "p" + std::to_string(i);
    if (desire(bbs, guid).empty()) acknowledged.insert(guid);
  }
  EXPECT_EQ(acknowledged.size(), 30u);
  redis_.kill(SIGKILL);
  EXPECT_NE(desire(bbs, "meanwhile").find("storage is unavailable"), std::string::npos);
  ASSERT_TRUE(until([&] { return !guids(bbs).empty(); })) << bbs.log();
  std::istringstream words(guids(bbs));
  const std::set<std::string> found(std::istream_iterator<std::string>(words), {});
  for (const auto& guid : acknowledged) EXPECT_TRUE(found.contains(guid)) << guid << " was lost";
  EXPECT_FALSE(bbs.exit_code()) << "it still leads: the token has come along";
}

TEST_F(BbsPair, redis_with_tls_and_the_least_rights_and_its_certificates_change_under_it) {
  using causeway::test::Authority;
  const Authority first, second("second");
  const causeway::test::TempFolder folder;
  const auto settings_of = [](const Authority& authority) {
    const auto server = authority.sign("redis", "IP:127.0.0.1");
    // Off, but with all rights: Redis 7.0 reads its append-only file with them.
    std::vector<std::string> settings = {"--appendfsync",
                                         "always",
                                         "--appendonly",
                                         "yes",
                                         "--tls-cert-file",
                                         server.certificate,
                                         "--tls-key-file",
                                         server.key,
                                         "--tls-ca-cert-file",
                                         authority.certificate(),
                                         "--user",
                                         "default",
                                         "off",
                                         "~*",
                                         "&*",
                                         "+@all"};
    const auto user = causeway::test::user_of_bbs();
    settings.insert(settings.end(), user.begin(), user.end());
    return settings;
  };
  const auto lay_out = [&](const Authority& authority) {
    const auto own = authority.sign("bbs", "DNS:bbs.internal");
    const std::pair<std::string, std::string> files[] = {{authority.certificate(), "/ca.pem"},
                                                         {own.certificate, "/cert.pem"},
                                                         {own.key, "/key.pem"}};
    for (const auto& [from, to] : files)
      std::filesystem::copy(from, folder.path() + to,
                            std::filesystem::copy_options::overwrite_existing);
  };
  lay_out(first);
  causeway::test::RedisNode redis({.settings = settings_of(first), .tls = true});
  Member bbs({.redis = R"({"user":"bbs","password":"secret","tls":true,"ca_file":")" +
                       folder.path() + R"(/ca.pem","cert_file":")" + folder.path() +
                       R"(/cert.pem","key_file":")" + folder.path() + R"(/key.pem","port":)" +
                       std::to_string(redis.port()) + "}",
              .stands_by = false});
  ASSERT_TRUE(until([&] { return bbs.serves(); })) << bbs.log();
  EXPECT_EQ(desire(bbs, "p"), "");
  EXPECT_EQ(guids(bbs), "p ");
  redis.kill(SIGKILL);
  lay_out(second);
  redis.settings(settings_of(second));
  redis.start();
  bool is_back = false;
  ASSERT_TRUE(until([&] { return is_back || (is_back = desire(bbs, "q").empty()); })) << bbs.log();
  EXPECT_EQ(guids(bbs), "p q ");
  EXPECT_FALSE(bbs.exit_code());
  EXPECT_EQ(bbs.log().find("NOPERM"), std::string::npos) << bbs.log();
}

}  // namespace
}  // namespace causeway::bbs
