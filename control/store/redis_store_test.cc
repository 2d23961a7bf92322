#include "control/store/redis_store.h"

#include <chrono>

#include <gtest/gtest.h>

#include "control/store/kept_under_test.h"
#include "control/store/store_contract.h"
#include "log/logger.h"
#include "net/loop.h"
#include "net/timer.h"
#include "test/support/redis_farm.h"

namespace causeway::store {
namespace {

using namespace std::chrono_literals;

redis::Options options_for(uint16_t port) {
  redis::Options options;
  options.port = port;
  options.reconnect_wait_max = 100ms;
  options.command_timeout = 20s;
  return options;
}

// A store on a loop; callbacks wait for turn().
class RedisUnderTest final : public StoreUnderTest {
 public:
  explicit RedisUnderTest(uint16_t port)
      : RedisUnderTest(RedisStore::Options{.redis = options_for(port)}) {}
  explicit RedisUnderTest(const RedisStore::Options& options, size_t shards = 1) {
    store_ = std::make_unique<RedisStore>(loop_, logger_, options);
    store_->shards(shards);
    store_->on_link([this](bool usable) { usable_ = usable; });
    tick_.every(5ms, [] {});
  }
  Store& store() override { return *store_; }
  const RedisStore& redis_store() const { return *store_; }
  void turn() override { loop_.run_once(); }
  [[nodiscard]] bool wait_until(const std::function<bool()>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (!holds() && std::chrono::steady_clock::now() < deadline) turn();
    return holds();
  }
  bool is_usable() const { return usable_; }
  template <class T, class Call>
  Result<T> answer_of(Call call) {
    std::optional<Result<T>> answer;
    call([&answer](Result<T> result) { answer.emplace(std::move(result)); });
    EXPECT_TRUE(wait_until([&] { return answer.has_value(); }));
    return std::move(*answer);
  }

 private:
  net::Loop loop_;
  log::Sink sink_{{.level = log::Level::error, .path = {}}};
  log::Logger logger_{sink_, "test"};
  net::Timer tick_{loop_};
  std::unique_ptr<RedisStore> store_;
  bool usable_ = false;
};

// Rows are kept and read again all the time.
class KeptFromRedis final : public StoreUnderTest {
 public:
  KeptFromRedis(std::unique_ptr<RedisUnderTest> redis, size_t shards)
      : redis_(std::move(redis)), kept_(redis_->store()) {
    kept_.store().begin(shards);
    EXPECT_TRUE(redis_->wait_until([this] {
      kept_.turn();
      return kept_.store().is_complete();
    }));
  }
  ~KeptFromRedis() override { EXPECT_EQ(kept_.store().counts().corrected, 0u); }
  Store& store() override { return kept_.store(); }
  void turn() override {
    if (!kept_.turn()) redis_->turn();
  }

 private:
  std::unique_ptr<RedisUnderTest> redis_;
  KeptUnderTest kept_;
};

// The server of the contract's tests is emptied before each of them.
test::RedisServer& shared_server() {
  static test::RedisServer server;
  return server;
}

RowChange first_write(const std::string& guid) {
  return {.key = {Table::scheduling, guid}, .after = "v1", .domain = "d"};
}

TEST(RedisStore, fails_at_once_while_redis_is_away_and_recovers) {
  test::RedisServer server({.persist = true});
  RedisUnderTest under_test(server.port());
  ASSERT_TRUE(under_test.wait_until([&] { return under_test.is_usable(); }));
  const auto commit = [&](const std::string& guid) {
    return under_test.answer_of<void>(
        [&](auto on) { under_test.store().commit({first_write(guid)}, on); });
  };
  ASSERT_TRUE(commit("p"));

  server.kill(SIGKILL);
  ASSERT_TRUE(under_test.wait_until([&] { return !under_test.is_usable(); }));
  const auto refused = commit("q");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, Fault::unavailable);

  server.start();
  ASSERT_TRUE(under_test.wait_until([&] { return under_test.is_usable(); }));
  EXPECT_TRUE(commit("q"));
  const auto again = commit("p");
  ASSERT_FALSE(again) << "the row was there before the kill";
  EXPECT_EQ(again.error().fault, Fault::conflict);
}

TEST(RedisStore, a_commit_whose_answer_is_lost_is_there_wholly_or_not_at_all) {
  test::RedisServer server({.persist = true});
  RedisUnderTest under_test(server.port());
  ASSERT_TRUE(under_test.wait_until([&] { return under_test.is_usable(); }));
  int answers = 0, succeeded = 0;
  constexpr int kCommits = 400;
  for (int i = 0; i < kCommits; ++i) {
    const std::string guid = "p" + std::to_string(i);
    under_test.store().commit({first_write(guid),
                               {.key = {Table::run, guid}, .after = "large"},
                               {.key = {Table::actual, guid, "0"}, .after = "a", .domain = "d"}},
                              [&](const Result<void>& result) {
                                ++answers;
                                succeeded += result ? 1 : 0;
                                if (answers == kCommits / 4) server.kill(SIGKILL);
                              });
  }
  ASSERT_TRUE(under_test.wait_until([&] { return answers == kCommits; }));
  EXPECT_GE(succeeded, kCommits / 4);
  server.start();
  ASSERT_TRUE(under_test.wait_until([&] { return under_test.is_usable(); }));
  int whole = 0;
  for (int i = 0; i < kCommits; ++i) {
    const auto rows = under_test.answer_of<ProcessRows>([&](auto on) {
      under_test.store().read_process("p" + std::to_string(i), {.run = true, .all_slots = true},
                                      on);
    });
    ASSERT_TRUE(rows);
    EXPECT_EQ(rows->scheduling.has_value(), rows->run.has_value());
    EXPECT_EQ(rows->scheduling.has_value(), rows->actual.size() == 1);
    whole += rows->scheduling ? 1 : 0;
  }
  EXPECT_GE(whole, succeeded);
}

TEST(RedisStore, rows_that_somebody_left_empty_are_none_and_counted) {
  test::RedisServer server;
  RedisUnderTest under_test(server.port());
  ASSERT_TRUE(under_test.wait_until([&] { return under_test.is_usable(); }));
  const auto commit = [&](const Change& change) {
    return under_test.answer_of<void>([&](auto on) { under_test.store().commit(change, on); });
  };
  ASSERT_TRUE(commit({first_write("p"),
                      {.key = {Table::actual, "p", "0"}, .after = "a", .domain = "d"},
                      {.key = {Table::actual, "p", "1"}, .after = "b", .domain = "d"}}));
  const KeySpace space;
  test::redis_cli(server.port(), "HSET '" + space.actual("p") + "' 0 ''");
  test::redis_cli(server.port(), "SET '" + space.scheduling("p") + "' ''");
  const auto rows = under_test.answer_of<ProcessRows>([&](auto on) {
    under_test.store().read_process("p", {.scheduling = true, .all_slots = true}, on);
  });
  ASSERT_TRUE(rows);
  EXPECT_FALSE(rows->scheduling);
  ASSERT_EQ(rows->actual.size(), 1u);
  EXPECT_EQ(rows->actual[0].slot, "1");
  EXPECT_EQ(under_test.redis_store().unreadable_rows(), 2u);
  KeptUnderTest kept(under_test.store());
  kept.store().begin(1);
  ASSERT_TRUE(under_test.wait_until([&] {
    kept.turn();
    return kept.store().is_complete();
  }));
  EXPECT_EQ(kept.store().table().rows(), 1u);
  EXPECT_TRUE(commit({first_write("p")})) << "it can be written anew";
}

TEST(RedisStore, index_entries_without_a_row_are_swept_out_while_paging) {
  test::RedisServer server;
  RedisUnderTest under_test(server.port());
  ASSERT_TRUE(under_test.wait_until([&] { return under_test.is_usable(); }));
  net::Loop loop;
  log::Sink sink{{.level = log::Level::error, .path = {}}};
  redis::Client client(loop, log::Logger(sink, "test"), options_for(server.port()));
  int entries = -1;
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  while (!client.is_connected() && std::chrono::steady_clock::now() < deadline) loop.run_once();
  client.command({"ZADD", "bbs:{0}:processes", "0", "d/ghost"}, [&](const auto&) { entries = 1; });
  while (entries < 0) loop.run_once();
  ProcessQuery query{.parts = {.scheduling = true, .all_slots = true}};
  ASSERT_TRUE(under_test.answer_of<ProcessPage>(
      [&](auto on) { under_test.store().page_processes(query, on); }));
  EXPECT_TRUE(under_test.wait_until([&] {
    entries = -1;
    client.command({"ZCARD", "bbs:{0}:processes"}, [&](const Result<redis::Value>& reply) {
      entries = static_cast<int>(reply->integer);
    });
    while (entries < 0) loop.run_once();
    return entries == 0;
  }));
}

}  // namespace

std::vector<std::string> ways_to_keep_the_contract() {
  return {"Plain", "SealedInFiveShards", "InACluster", "KeptInFiveShards"};
}

std::unique_ptr<StoreUnderTest> make_store_under_test(const std::string& way) {
  RedisStore::Options options{.redis = options_for(0)};
  std::vector<uint16_t> servers;
  size_t shards = 1;
  if (way == "InACluster") {
    static test::RedisCluster cluster;
    options.redis.topology = redis::Topology::cluster;
    for (size_t i = 0; i < cluster.size(); ++i) {
      servers.push_back(cluster.node(i).port());
      options.redis.nodes.push_back({"127.0.0.1", servers.back()});
    }
    shards = 16;
  } else {
    options.redis.port = shared_server().port();
    servers.push_back(options.redis.port);
  }
  static const auto keys = std::move(KeyRing::make({{"k", "secret"}}, "k").value());
  if (way == "SealedInFiveShards") options.keys = keys.get();
  if (way.ends_with("InFiveShards")) shards = 5;
  for (const uint16_t port : servers) EXPECT_EQ(test::redis_cli(port, "FLUSHALL"), "OK\n");
  auto under_test = std::make_unique<RedisUnderTest>(options, shards);
  EXPECT_TRUE(under_test->wait_until([&] { return under_test->is_usable(); }));
  if (way == "KeptInFiveShards")
    return std::make_unique<KeptFromRedis>(std::move(under_test), shards);
  return under_test;
}

}  // namespace causeway::store
