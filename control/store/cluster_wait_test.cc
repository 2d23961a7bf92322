// What replicas have confirmed while slots of a real cluster move: the replicas of the node that
// has done the write, and no others.
#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "control/store/redis_store.h"
#include "log/logger.h"
#include "net/loop.h"
#include "net/timer.h"
#include "redis/slot_map.h"
#include "test/support/redis_farm.h"

namespace causeway::store {
namespace {

using namespace std::chrono_literals;

class ClusterWait : public testing::Test {
 protected:
  ClusterWait() {
    tick_.every(5ms, [] {});
  }
  [[nodiscard]] bool until(const std::function<bool()>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (!holds() && std::chrono::steady_clock::now() < deadline) loop_.run_once();
    return holds();
  }
  void open() {
    RedisStore::Options options;
    options.wait_replicas = 1;
    options.wait_timeout = 1s;
    options.redis.topology = redis::Topology::cluster;
    options.redis.command_timeout = 20s;
    for (size_t i = 0; i < cluster_.size(); ++i)
      options.redis.nodes.push_back({"127.0.0.1", cluster_.node(i).port()});
    store_.emplace(loop_, logger_, options);
    bool is_usable = false;
    store_->on_link([&](bool usable) { is_usable = usable; });
    ASSERT_TRUE(until([&] { return is_usable; }));
    store_->on_link({});
    store_->fence("1 test", [] { ADD_FAILURE() << "fenced off"; });
  }
  // "" when it is confirmed, otherwise why not.
  std::string put(std::optional<std::string> before, const std::string& after) {
    const RowChange row{.key = {Table::scheduling, "p"},
                        .before = std::move(before),
                        .after = after,
                        .domain = "d"};
    std::optional<std::string> answer;
    store_->commit({row},
                   [&](const Result<void>& done) { answer = done ? "" : done.error().detail; });
    EXPECT_TRUE(until([&] { return answer.has_value(); }));
    return answer.value_or("none");
  }
  // All keys have gone there, and the cluster does not know it yet: ASK.
  void begin_to_move(size_t from, size_t to) {
    const std::string set_slot = "CLUSTER SETSLOT " + std::to_string(slot_);
    EXPECT_EQ(cluster_.cli(to, set_slot + " IMPORTING " + cluster_.id_of(from)), "OK\n");
    EXPECT_EQ(cluster_.cli(from, set_slot + " MIGRATING " + cluster_.id_of(to)), "OK\n");
    EXPECT_EQ(cluster_.cli(from, "MIGRATE 127.0.0.1 " + std::to_string(cluster_.node(to).port()) +
                                     " '' 0 5000 KEYS '" + space_.fence(0) + "' '" +
                                     space_.scheduling("p") + "' '" + space_.processes(0) + "'"),
              "OK\n");
  }
  void end_to_move(size_t from, size_t to) {
    for (const size_t at : {to, from})
      EXPECT_EQ(cluster_.cli(
                    at, "CLUSTER SETSLOT " + std::to_string(slot_) + " NODE " + cluster_.id_of(to)),
                "OK\n");
  }

  const KeySpace space_;
  const uint16_t slot_ = redis::slot_of(space_.fence(0));
  test::RedisCluster cluster_;
  net::Loop loop_;
  net::Timer tick_{loop_};
  log::Sink sink_{{.level = log::Level::error, .path = {}}};
  log::Logger logger_{sink_, "test"};
  std::optional<RedisStore> store_;
};

TEST_F(ClusterWait, follows_the_write_to_the_node_that_a_moving_slot_sent_it_to) {
  const size_t bare = cluster_.owner_of(space_.fence(0));
  const size_t backed = (bare + 1) % 3, last = (bare + 2) % 3;
  const auto replica = cluster_.add_replica(backed);
  cluster_.cli(bare, "SET '" + space_.fence(0) + "' '1 test'");
  open();
  EXPECT_NE(put(std::nullopt, "v0").find("only 0 replicas"), std::string::npos);

  begin_to_move(bare, backed);
  EXPECT_EQ(put("v0", "v1"), "") << "the node asked first has no replica, this one does";
  end_to_move(bare, backed);
  EXPECT_EQ(put("v1", "v2"), "");

  begin_to_move(backed, last);
  EXPECT_NE(put("v2", "v3").find("only 0 replicas"), std::string::npos)
      << "the replica of the node asked first has not seen it";
  end_to_move(backed, last);
  EXPECT_EQ(cluster_.cli(last, "GET '" + space_.scheduling("p") + "'"), "v3\n");
}

}  // namespace
}  // namespace causeway::store
