// What kill -9 of redis-server under load loses of what it has acknowledged, setting by setting:
// doc/durability.md says what is tested here.
#include <chrono>
#include <cstdlib>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "control/store/redis_store.h"
#include "log/logger.h"
#include "net/loop.h"
#include "net/timer.h"
#include "test/support/redis_farm.h"

namespace causeway::store {
namespace {

using namespace std::chrono_literals;
using test::redis_cli;

constexpr int kWriters = 50;
constexpr int kKillAfter = 1500;  // acknowledged writes

struct Setting {
  const char* name;
  std::vector<std::string> settings;
  bool has_replica = false;
  bool loses_nothing = true;
  bool is_saved = true;         // once, before; of those that lose
  Duration loses_at_most = {};  // the newest
};

// Rows written without end, and which of them were acknowledged when.
class UnderLoad : public testing::Test {
 protected:
  UnderLoad() {
    tick_.every(5ms, [] {});
  }
  [[nodiscard]] bool until(const std::function<bool()>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (!holds() && std::chrono::steady_clock::now() < deadline) loop_.run_once();
    return holds();
  }
  // Writes one row after the other until the store fails.
  void write_on(RedisStore& store) {
    const std::string guid = "p" + std::to_string(started_++);
    const RowChange row{.key = {Table::scheduling, guid}, .after = "v", .domain = "d"};
    store.commit({row}, [this, guid, &store](const Result<void>& done) {
      if (!done) {
        ++failed_;
        return;
      }
      acknowledged_.insert(guid);
      acknowledged_at_[guid] = std::chrono::steady_clock::now();
      write_on(store);
    });
  }
  // Of the rows acknowledged before that moment (the others are forgotten), how many a server has.
  size_t found_on(uint16_t port, std::chrono::steady_clock::time_point before) {
    redis::Options options;
    options.port = port;
    options.reconnect_wait_max = 100ms;
    redis::Client client(loop_, logger_, options);
    EXPECT_TRUE(until([&] { return client.is_connected(); }));
    std::erase_if(acknowledged_,
                  [&](const auto& guid) { return acknowledged_at_.at(guid) > before; });
    size_t found = 0, missing = acknowledged_.size();
    for (const auto& guid : acknowledged_) {
      client.command({"EXISTS", KeySpace(1).scheduling(guid)},
                     [&](const Result<redis::Value>& reply) {
                       if (reply) found += static_cast<size_t>(reply->integer);
                       --missing;
                     });
    }
    EXPECT_TRUE(until([&] { return missing == 0; }));
    return found;
  }

  net::Loop loop_;
  net::Timer tick_{loop_};
  log::Sink sink_{{.level = log::Level::error, .path = folder_.path() + "/log"}};
  log::Logger logger_{sink_, "test"};
  std::set<std::string> acknowledged_;
  std::map<std::string, std::chrono::steady_clock::time_point> acknowledged_at_;
  int started_ = 0;
  int failed_ = 0;

 private:
  static inline test::TempFolder folder_;
};

class Durability : public UnderLoad, public testing::WithParamInterface<Setting> {};

TEST_P(Durability, after_a_kill_under_load_what_was_acknowledged_is_there) {
  const Setting& setting = GetParam();
  test::RedisNode server(setting.settings);
  std::optional<test::RedisNode> replica;
  RedisStore::Options options;
  options.redis.port = server.port();
  options.redis.reconnect_wait_max = 100ms;
  options.redis.command_timeout = 20s;
  options.wait_timeout = 10s;
  if (setting.has_replica) {
    options.wait_replicas = 1;
    replica.emplace(
        std::vector<std::string>{"--replicaof", "127.0.0.1 " + std::to_string(server.port())});
    ASSERT_TRUE(until([&] { return test::has_replica(server.port()); }));
  }
  RedisStore store(loop_, logger_, options);
  bool is_usable = false;
  store.on_link([&](bool usable) { is_usable = usable; });
  ASSERT_TRUE(until([&] { return is_usable; }));
  if (!setting.loses_nothing && setting.is_saved) {  // once, then written on
    write_on(store);
    ASSERT_TRUE(until([&] { return acknowledged_.size() >= 10; }));
    EXPECT_EQ(redis_cli(server.port(), "SAVE"), "OK\n");
  }
  const size_t saved = acknowledged_.size();
  for (int i = 0; i < kWriters; ++i) write_on(store);
  const auto begun = std::chrono::steady_clock::now();
  ASSERT_TRUE(until([&] {
    return acknowledged_.size() >= saved + kKillAfter &&
           std::chrono::steady_clock::now() > begun + 2 * setting.loses_at_most;
  }));
  // With everysec Redis may hold back what it has acknowledged while the disk is busy.
  const auto safe_before = std::chrono::steady_clock::now() - setting.loses_at_most;
  server.kill(SIGKILL);
  ASSERT_TRUE(until([&] { return !is_usable; }));
  ASSERT_TRUE(until([&] { return failed_ >= kWriters; }));
  size_t found = 0;
  if (setting.has_replica) {
    EXPECT_EQ(redis_cli(replica->port(), "REPLICAOF NO ONE"), "OK\n");
    found = found_on(replica->port(), safe_before + 60s);
  } else {
    server.start();
    found = found_on(server.port(),
                     setting.loses_at_most.count() == 0 ? safe_before + 60s : safe_before);
  }
  if (setting.loses_nothing) {
    EXPECT_EQ(found, acknowledged_.size());
  } else {
    EXPECT_GE(found, saved);
    if (!setting.is_saved) {
      EXPECT_EQ(found, 0u);
    }
    EXPECT_LT(found, acknowledged_.size()) << "the setting is better than its description";
  }
}

// Of a failover without wait_replicas: whatever the replica had received is there.
TEST_F(UnderLoad, a_promoted_replica_has_what_it_had_received) {
  test::RedisNode server({"--appendonly", "yes"});
  test::RedisNode replica({"--replicaof", "127.0.0.1 " + std::to_string(server.port())});
  const auto offset = [](test::RedisNode& node, const std::string& name) {
    const std::string said = redis_cli(node.port(), "INFO replication");
    const size_t at = said.find(name + ":");
    return at == std::string::npos ? 0LL
                                   : std::strtoll(said.c_str() + at + name.size() + 1, nullptr, 10);
  };
  ASSERT_TRUE(until([&] { return test::has_replica(server.port()); }));
  RedisStore::Options options;
  options.redis.port = server.port();
  options.redis.reconnect_wait_max = 100ms;
  options.redis.command_timeout = 20s;
  RedisStore store(loop_, logger_, options);
  bool is_usable = false;
  store.on_link([&](bool usable) { is_usable = usable; });
  ASSERT_TRUE(until([&] { return is_usable; }));
  for (int i = 0; i < kWriters; ++i) write_on(store);
  ASSERT_TRUE(until([&] { return acknowledged_.size() >= kKillAfter; }));
  const auto received_before = std::chrono::steady_clock::now();
  const auto written = offset(server, "master_repl_offset");
  ASSERT_TRUE(until([&] { return offset(replica, "slave_repl_offset") >= written; }));
  server.kill(SIGKILL);
  ASSERT_TRUE(until([&] { return !is_usable && failed_ >= kWriters; }));
  EXPECT_EQ(redis_cli(replica.port(), "REPLICAOF NO ONE"), "OK\n");
  const size_t found = found_on(replica.port(), received_before);
  EXPECT_GE(found, static_cast<size_t>(kKillAfter));
  EXPECT_EQ(found, acknowledged_.size());
}

INSTANTIATE_TEST_SUITE_P(
    Settings, Durability,
    testing::Values(
        Setting{.name = "AppendAlways",
                .settings = {"--appendonly", "yes", "--appendfsync", "always"}},
        Setting{.name = "AppendEverySecond",
                .settings = {"--appendonly", "yes", "--appendfsync", "everysec"},
                .loses_at_most = 2s},
        Setting{.name = "AppendNo", .settings = {"--appendonly", "yes", "--appendfsync", "no"}},
        Setting{
            .name = "SnapshotsOnly", .settings = {"--appendonly", "no"}, .loses_nothing = false},
        Setting{.name = "NoPersistence",
                .settings = {"--appendonly", "no"},
                .loses_nothing = false,
                .is_saved = false},
        Setting{
            .name = "WaitForOneReplica", .settings = {"--appendonly", "no"}, .has_replica = true}),
    [](const auto& setting) { return setting.param.name; });

}  // namespace
}  // namespace causeway::store
