// The state as a whole, on real servers: its schema, its keys, how long its commands take, and
// confirmation by replicas.
#include <chrono>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "control/store/redis_store.h"
#include "control/store/resealer.h"
#include "control/store/state_opening.h"
#include "log/logger.h"
#include "net/loop.h"
#include "net/timer.h"
#include "test/support/redis_farm.h"

namespace causeway::store {
namespace {

using namespace std::chrono_literals;
using test::redis_cli;

class RedisState : public testing::Test {
 protected:
  RedisState() {
    tick_.every(5ms, [] {});
  }
  [[nodiscard]] bool until(const std::function<bool()>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (!holds() && std::chrono::steady_clock::now() < deadline) loop_.run_once();
    return holds();
  }
  redis::Options redis_options() const {
    redis::Options options;
    options.port = server_.port();
    options.command_timeout = 20s;
    return options;
  }
  void open(const KeyRing* keys = nullptr, uint32_t wait_replicas = 0,
            std::chrono::milliseconds wait_timeout = 500ms) {
    client_ = std::make_unique<redis::Client>(loop_, logger_, redis_options());
    store_ = std::make_unique<RedisStore>(loop_, logger_,
                                          RedisStore::Options{.redis = redis_options(),
                                                              .keys = keys,
                                                              .wait_replicas = wait_replicas,
                                                              .wait_timeout = wait_timeout});
    bool is_usable = false;
    store_->on_link([&](bool usable) { is_usable = usable; });
    ASSERT_TRUE(until([&] { return is_usable && client_->is_connected(); }));
    store_->on_link({});
  }
  template <class T, class Call>
  Result<T> answer_of(Call call) {
    std::optional<Result<T>> answer;
    call([&answer](Result<T> result) { answer.emplace(std::move(result)); });
    EXPECT_TRUE(until([&] { return answer.has_value(); }));
    return std::move(*answer);
  }
  Result<StateFacts> prepare(const KeyRing* keys, size_t shards = 1) {
    opening_ = std::make_unique<StateOpening>(
        *client_, logger_, StateOpening::Options{.keys = keys, .shards = shards});
    return answer_of<StateFacts>([&](auto on) { opening_->prepare("", on); });
  }
  Result<void> put(const std::string& guid, std::optional<std::string> before,
                   const std::string& after) {
    const RowChange row{.key = {Table::scheduling, guid},
                        .before = std::move(before),
                        .after = after,
                        .domain = "d"};
    return answer_of<void>([&](auto on) { store_->commit({row}, on); });
  }
  ProcessRows whole(const std::string& guid) {
    return answer_of<ProcessRows>(
               [&](auto on) { store_->read_process(guid, {.run = true, .all_slots = true}, on); })
        .value();
  }
  std::string cli(const std::string& words) { return redis_cli(server_.port(), words); }

  test::RedisNode server_{{"--appendonly", "yes"}};
  net::Loop loop_;
  net::Timer tick_{loop_};
  log::Sink sink_{{.level = log::Level::error, .path = {}}};
  log::Logger logger_{sink_, "test"};
  std::unique_ptr<redis::Client> client_;
  std::unique_ptr<StateOpening> opening_;
  std::unique_ptr<RedisStore> store_;
};

TEST_F(RedisState, an_empty_one_is_begun_and_keeps_its_shards) {
  open();
  const auto begun = prepare(nullptr, 4);
  ASSERT_TRUE(begun) << begun.error().detail;
  EXPECT_EQ(begun->schema, kSchemaVersion);
  EXPECT_EQ(begun->shards, 4u);
  const auto again = prepare(nullptr, 7);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->shards, 4u);
  EXPECT_EQ(again->labels(), std::vector<std::string>{""});
}

TEST_F(RedisState, another_number_of_shards_than_the_one_insisted_on_is_refused) {
  open();
  ASSERT_TRUE(prepare(nullptr, 4));
  const auto inspect = [&](size_t shards) {
    opening_ = std::make_unique<StateOpening>(
        *client_, logger_, StateOpening::Options{.shards = shards, .insists_on_shards = true});
    return answer_of<StateFacts>([&](auto on) { opening_->inspect(on); });
  };
  EXPECT_TRUE(inspect(4));
  const auto refused = inspect(7);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, Fault::invalid);
  EXPECT_NE(refused.error().detail.find("redis.shards is 7"), std::string::npos);
  EXPECT_NE(refused.error().detail.find("begun with 4"), std::string::npos);
}

TEST_F(RedisState, a_newer_schema_is_refused) {
  open();
  cli("HSET 'bbs:{0}:meta' schema 3 shards 1");
  const auto refused = prepare(nullptr);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, Fault::unsupported);
  EXPECT_NE(refused.error().detail.find("schema version 3"), std::string::npos);
}

TEST_F(RedisState, the_first_schema_is_migrated_even_when_it_was_interrupted) {
  open();
  // As the version before has left it; a part of it was moved when the program died.
  for (int i = 0; i < 1200; ++i) {
    const std::string guid = "p" + std::to_string(i);
    const std::string braced = i % 3 == 0 ? "{0}:s:" + guid : "s:{" + guid + "}";
    client_->command({"SET", "bbs:" + braced, "small"}, [](const auto&) {});
    client_->command({"SET", "bbs:r:{" + guid + "}", "large"}, [](const auto&) {});
    client_->command({"HSET", "bbs:a:{" + guid + "}", "0", "instance"}, [](const auto&) {});
    client_->command({"ZADD", "bbs:processes", "0", "d/" + guid}, [](const auto&) {});
    client_->command({"SADD", "bbs:cell:c1", guid + "/0"}, [](const auto&) {});
  }
  cli("SET 'bbs:t:{t1}' task");
  cli("ZADD bbs:tasks 0 d/t1");
  cli("SADD bbs:celltasks:c1 t1");
  cli("HSET bbs:domains cf 1");
  cli("HSET bbs:presences c1 here");
  const auto facts = prepare(nullptr);
  ASSERT_TRUE(facts) << facts.error().detail;
  EXPECT_EQ(facts->schema, kSchemaVersion);
  EXPECT_EQ(facts->shards, 1u);
  EXPECT_EQ(opening_->keys_migrated(), 1200u * 3 - 400 + 2 + 5);
  EXPECT_EQ(cli("EVAL \"return #redis.call('KEYS', 'bbs:[^{]*')\" 0"), "0\n");
  const auto rows = whole("p999");
  EXPECT_EQ(rows.scheduling, "small");
  EXPECT_EQ(rows.run, "large");
  EXPECT_EQ(rows.actual.size(), 1u);
  EXPECT_EQ(answer_of<std::vector<CellRow>>([&](auto on) { store_->read_cell("c1", on); })->size(),
            1200u);
  EXPECT_EQ(answer_of<std::vector<NamedRow>>([&](auto on) { store_->read_cell_tasks("c1", on); })
                ->at(0)
                .bytes,
            "task");
  EXPECT_TRUE(put("p999", "small", "changed"));
  // Nothing is left to be done.
  ASSERT_TRUE(prepare(nullptr));
  EXPECT_EQ(opening_->keys_migrated(), 0u);
}

TEST_F(RedisState, a_migration_that_was_interrupted_goes_on_though_the_indexes_were_moved_first) {
  open();
  for (int i = 0; i < 3000; ++i)
    client_->command({"SET", "bbs:s:{p" + std::to_string(i) + "}", "small"}, [](const auto&) {});
  cli("HSET bbs:domains cf 1");
  {
    StateOpening interrupted(*client_, logger_, {.keys = nullptr, .shards = 1});
    interrupted.prepare("", [](const auto&) {});
    ASSERT_TRUE(until([&] { return interrupted.keys_migrated() > 0; }));
    ASSERT_LT(interrupted.keys_migrated(), 3000u);
    client_.reset();  // with the program
  }
  cli("RENAME bbs:domains 'bbs:{0}:domains'");  // unless it was moved before
  open();
  const auto facts = prepare(nullptr, 16);
  ASSERT_TRUE(facts) << facts.error().detail;
  EXPECT_EQ(facts->shards, 1u);
  EXPECT_EQ(cli("EVAL \"return #redis.call('KEYS', 'bbs:[^{]*')\" 0"), "0\n");
}

TEST_F(RedisState, rows_are_sealed_anew_while_they_are_written) {
  const auto old_keys = std::move(KeyRing::make({{"a", "one"}}, "a").value());
  const auto keys = std::move(KeyRing::make({{"a", "one"}, {"b", "two"}}, "b").value());
  open(old_keys.get());
  ASSERT_TRUE(prepare(old_keys.get(), 3));
  store_->shards(3);
  for (int i = 0; i < 250; ++i) ASSERT_TRUE(put("p" + std::to_string(i), std::nullopt, "v0"));
  ASSERT_TRUE(answer_of<void>([&](auto on) {
    store_->commit({{.key = {Table::task, "t"}, .after = "task", .domain = "d"}}, on);
  }));
  open(keys.get());
  const auto facts = prepare(keys.get());
  ASSERT_TRUE(facts) << facts.error().detail;
  store_->shards(3);
  store_->labels_in_use(facts->labels());
  std::optional<bool> clean;
  Resealer resealer(loop_, *client_, logger_,
                    {.keys = *keys, .space = KeySpace(3), .token = "", .rows_per_second = 2000},
                    [&](bool is_clean) { clean = is_clean; });
  std::string value = "v0";
  int writes = 0;
  while (!clean) {
    const std::string next = "v" + std::to_string(++writes);
    ASSERT_TRUE(put("p7", value, next)) << "a row that is sealed anew is still the same row";
    value = next;
  }
  EXPECT_TRUE(*clean);
  EXPECT_GE(resealer.resealed(), 250u);
  EXPECT_EQ(resealer.unreadable(), 0u);
  ASSERT_TRUE(answer_of<void>([&](auto on) { opening_->forget_other_keys("", on); }));
  store_->labels_in_use({});
  EXPECT_EQ(whole("p7").scheduling, value);
  EXPECT_EQ(whole("p249").scheduling, "v0");
  EXPECT_TRUE(put("p8", "v0", "v1"));
  const auto only_new = std::move(KeyRing::make({{"b", "two"}}, "b").value());
  EXPECT_TRUE(prepare(only_new.get())) << "the old key may go";
}

TEST_F(RedisState, a_commit_counts_only_when_replicas_have_it) {
  open(nullptr, 1);
  const auto alone = put("p", std::nullopt, "v1");
  ASSERT_FALSE(alone);
  EXPECT_EQ(alone.error().fault, Fault::timeout) << "it has been carried out";
  EXPECT_NE(alone.error().detail.find("only 0 replicas"), std::string::npos);
  test::RedisNode replica({"--replicaof", "127.0.0.1 " + std::to_string(server_.port())});
  open(nullptr, 1, 15s);
  ASSERT_TRUE(until([&] { return put("p", whole("p").scheduling, "v2").has_value(); }));
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(put("q" + std::to_string(i), std::nullopt, "v"));
  server_.kill(SIGKILL);
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(redis_cli(replica.port(), "GET 'bbs:{0}:s:q" + std::to_string(i) + "'"), "v\n");
}

TEST_F(RedisState, a_commit_whose_confirmation_is_broken_off_is_told_as_written) {
  test::RedisNode replica({"--replicaof", "127.0.0.1 " + std::to_string(server_.port())});
  open(nullptr, 1, 15s);
  ASSERT_TRUE(until([&] { return put("p", whole("p").scheduling, "v").has_value(); }));
  replica.kill(SIGSTOP);
  const std::pair<const char*, const char*> rows[] = {
      {"CLIENT KILL TYPE normal SKIPME yes", "the link broke"},
      {"REPLICAOF 127.0.0.1 1", "UNBLOCKED"}};  // demoted
  for (const auto& [words, reason] : rows) {
    bool is_usable = false;
    store_->on_link([&](bool usable) { is_usable = usable; });
    std::optional<Result<void>> done;
    const RowChange row{.key = {Table::scheduling, reason}, .after = "v", .domain = "d"};
    store_->commit({row}, [&](Result<void> answer) { done = std::move(answer); });
    ASSERT_TRUE(
        until([&] { return cli("INFO clients").find("blocked_clients:1") != std::string::npos; }));
    cli(words);
    ASSERT_TRUE(until([&] { return done.has_value(); }));
    ASSERT_FALSE(*done);
    EXPECT_EQ(done->error().fault, Fault::timeout) << "it has been carried out";
    EXPECT_NE(done->error().detail.find(reason), std::string::npos) << done->error().detail;
    ASSERT_TRUE(until([&] { return is_usable; }));
    store_->on_link({});
  }
}

// Each WAIT holds its link up for the whole timeout; as many as answers came in would tear it.
TEST_F(RedisState, a_replica_that_is_stopped_costs_the_link_no_more_than_one_wait_at_a_time) {
  test::RedisNode replica({"--replicaof", "127.0.0.1 " + std::to_string(server_.port())});
  open(nullptr, 1, 1s);
  ASSERT_TRUE(until([&] { return put("p", whole("p").scheduling, "v").has_value(); }));
  replica.kill(SIGSTOP);
  store_->on_link([](bool) { ADD_FAILURE() << "the link was torn"; });
  constexpr int kCommits = 30;  // too large for Redis to read, and answer, more than one at once
  int late = 0, other = 0;
  cli("CONFIG RESETSTAT");
  server_.kill(SIGSTOP);  // all are on their way before the first answer
  for (int i = 0; i < kCommits; ++i) {
    const RowChange row{.key = {Table::scheduling, "q" + std::to_string(i)},
                        .after = std::string(50'000, 'v'),
                        .domain = "d"};
    store_->commit({row}, [&](const Result<void>& done) {
      ++(!done && done.error().fault == Fault::timeout ? late : other);
    });
    loop_.run_once();
  }
  server_.kill(SIGCONT);
  ASSERT_TRUE(until([&] { return late + other == kCommits; }));
  EXPECT_EQ(late, kCommits);
  store_->on_link({});
  const std::string said = cli("INFO commandstats");
  const std::string calls = "cmdstat_wait:calls=";
  const size_t at = said.find(calls);
  ASSERT_NE(at, std::string::npos);
  EXPECT_LE(std::strtol(said.c_str() + at + calls.size(), nullptr, 10), 3)
      << "one covers what came before";
}

// At full scale a row is no larger and a page no longer; there are only more of them.
TEST_F(RedisState, no_command_holds_redis_long) {
  open();
  cli("CONFIG SET appendfsync no");
  constexpr int kProcesses = 12'000;
  int missing = 0;
  const auto commit = [&](Change change) {
    ++missing;
    store_->commit(change, [&](const Result<void>& done) {
      EXPECT_TRUE(done);
      --missing;
    });
    if (missing > 500) {
      EXPECT_TRUE(until([&] { return missing < 100; }));
    }
  };
  for (int i = 0; i < kProcesses; ++i) {  // 60,000 rows of the usual sizes
    const std::string guid = "process-guid-of-the-usual-length-" + std::to_string(i);
    const std::string cell = "cell-" + std::to_string(i % 200);
    Change change{
        {.key = {Table::scheduling, guid}, .after = std::string(450, 's'), .domain = "cf-apps"},
        {.key = {Table::run, guid}, .after = std::string(2000, 'r')}};
    for (int index = 0; index < 3; ++index)
      change.push_back({.key = {Table::actual, guid, std::to_string(index)},
                        .after = std::string(350, 'a'),
                        .domain = "cf-apps",
                        .cell_after = cell});
    commit(std::move(change));
  }
  for (int part = 0; part < 40; ++part) {  // and a process of 10,000 instances
    Change change;
    for (int i = 0; i < 250; ++i)
      change.push_back({.key = {Table::actual, "giant", std::to_string(part * 250 + i)},
                        .after = std::string(350, 'a'),
                        .domain = "cf-apps"});
    commit(std::move(change));
  }
  ASSERT_TRUE(until([&] { return missing == 0; }));
  // The time that counts is Redis' own; a machine that was busy with something else shows a command
  // as slow now and then, but not the same one in every round.
  cli("CONFIG SET slowlog-log-slower-than 5000");
  std::string slow = "(not run)";
  for (int round = 0; round < 20 && slow != "\n"; ++round) {
    cli("SLOWLOG RESET");
    size_t processes = 0, instances = 0;
    ProcessQuery query{.parts = {.scheduling = true, .run = true, .all_slots = true}};
    do {
      const auto page = answer_of<ProcessPage>([&](auto on) { store_->page_processes(query, on); });
      ASSERT_TRUE(page);
      processes += page->processes.size();
      for (const auto& rows : page->processes) instances += rows.actual.size();
      query.after = page->next;
    } while (!query.after.empty());
    const bool has_wide = round > 0;  // by the commit below
    EXPECT_EQ(processes, kProcesses + 1u + (has_wide ? 1 : 0));
    EXPECT_EQ(instances, kProcesses * 3u + 10'000u + (has_wide ? 3 * 128 : 0));
    const auto of_cell =
        answer_of<std::vector<CellRow>>([&](auto on) { store_->read_cell("cell-7", on); });
    EXPECT_EQ(of_cell->size(), kProcesses / 200 * 3u);
    Change large;  // the largest commit there is: 128 indexes
    for (int i = 0; i < 128; ++i)
      for (const char* kind : {"", "e", "s"})
        large.push_back({.key = {Table::actual, "wide", std::to_string(i) + kind},
                         .after = std::string(350, 'b'),
                         .blind = true,
                         .domain = "cf-apps"});
    ASSERT_TRUE(answer_of<void>([&](auto on) { store_->commit(large, on); }));
    slow = cli("SLOWLOG GET 5");
  }
  EXPECT_EQ(slow, "\n");
}

}  // namespace
}  // namespace causeway::store
