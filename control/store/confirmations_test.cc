// What answers rest on that write nothing: whether replicas have it, and whether Redis still has
// it. On real servers.
#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "control/store/loss_watch.h"
#include "control/store/redis_store.h"
#include "log/logger.h"
#include "net/loop.h"
#include "net/timer.h"
#include "test/support/redis_farm.h"

namespace causeway::store {
namespace {

using namespace std::chrono_literals;
using test::redis_cli;

class AcknowledgedTest : public testing::Test {
 protected:
  AcknowledgedTest() {
    tick_.every(5ms, [] {});
  }
  [[nodiscard]] bool until(const std::function<bool()>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (!holds() && std::chrono::steady_clock::now() < deadline) loop_.run_once();
    return holds();
  }
  // On two shards; the token is laid as a leader does it.
  void open(uint16_t port, RedisStore::Options options) {
    for (size_t shard = 0; shard < 2; ++shard)
      redis_cli(port, "SET '" + space_.fence(shard) + "' '1 test'");
    options.redis.port = port;
    options.redis.reconnect_wait_max = 50ms;
    store_.emplace(loop_, logger_, options);
    store_->shards(2);
    store_->on_link([this](bool usable) {
      is_usable_ = usable;
      links_ += usable ? "+" : "-";
    });
    store_->on_loss([this](const RowKey& key) { missing_ += key.id + " "; });
    store_->fence("1 test", [this] { is_fenced_ = true; });
    ASSERT_TRUE(until([&] { return is_usable_; }));
    links_.clear();
  }
  // "" when it is acknowledged, otherwise why not.
  std::string put(const std::string& guid, const std::string& text = "v") {
    std::optional<std::string> answer;
    store_->commit({{.key = key(guid), .after = text, .blind = true, .domain = "d"}},
                   [&](const Result<void>& done) { answer = done ? "" : done.error().detail; });
    EXPECT_TRUE(until([&] { return answer.has_value(); }));
    return answer.value_or("none");
  }
  static RowKey key(const std::string& guid) { return {Table::scheduling, guid}; }
  std::string confirm(const std::string& guid) {
    std::optional<std::string> answer;
    store_->confirm_row(
        key(guid), [&](const Result<void>& done) { answer = done ? "" : done.error().detail; });
    was_asked_ = !answer;
    EXPECT_TRUE(until([&] { return answer.has_value(); }));
    return answer.value_or("none");
  }

  const KeySpace space_{2};
  net::Loop loop_;
  net::Timer tick_{loop_};
  log::Sink sink_{{.level = log::Level::error, .path = "/dev/null"}};
  log::Logger logger_{sink_, "test"};
  std::optional<RedisStore> store_;
  bool is_usable_ = false, is_fenced_ = false;
  bool was_asked_ = false;  // the last confirm() did not answer by itself
  std::string links_, missing_;
};

class ConfirmedAnswer : public AcknowledgedTest {
 protected:
  ConfirmedAnswer() {
    EXPECT_TRUE(until([&] { return test::has_replica(primary_.port()); }));
    open(primary_.port(), {.redis = {}, .wait_replicas = 1, .wait_timeout = 1s});
    // One that has just come counts when it has answered once.
    EXPECT_TRUE(until([&] { return put("first").empty(); }));
  }
  // A test that failed half way must not leave it stopped.
  ~ConfirmedAnswer() override { replica_.kill(SIGCONT); }

  const std::string late_ = "only 0 replicas have confirmed the write in time";
  test::RedisNode primary_;
  test::RedisNode replica_{{"--replicaof", "127.0.0.1 " + std::to_string(primary_.port())}};
};

TEST_F(ConfirmedAnswer, costs_nothing_but_for_rows_that_were_changed_without_confirmation) {
  ASSERT_EQ(put("p"), "");
  EXPECT_EQ(confirm("p"), "");
  EXPECT_TRUE(was_asked_) << "what another leader has left unconfirmed is not known";
  EXPECT_EQ(confirm("p"), "");
  EXPECT_FALSE(was_asked_);
  replica_.kill(SIGSTOP);
  EXPECT_EQ(confirm("p"), "") << "it has it";
  EXPECT_EQ(put("p", "w"), late_);
  EXPECT_EQ(confirm("p"), late_);
  replica_.kill(SIGCONT);
  ASSERT_TRUE(until([&] { return confirm("p").empty(); }));
  EXPECT_EQ(confirm("p"), "");
  EXPECT_FALSE(was_asked_);
}

TEST_F(ConfirmedAnswer, is_not_taken_from_a_new_link_that_has_written_nothing) {
  ASSERT_EQ(put("p"), "");
  ASSERT_EQ(confirm("p"), "");
  replica_.kill(SIGSTOP);
  ASSERT_EQ(put("p", "w"), late_);
  redis_cli(primary_.port(), "CLIENT KILL TYPE normal");
  ASSERT_TRUE(until([&] { return links_ == "-+"; })) << links_;
  EXPECT_EQ(confirm("p"), late_) << "a WAIT there counts replicas that have not got it";
  EXPECT_EQ(confirm("p"), late_);
  replica_.kill(SIGCONT);
  ASSERT_TRUE(until([&] { return confirm("p").empty(); }));
  EXPECT_EQ(confirm("p"), "");
  EXPECT_FALSE(was_asked_);
  redis_cli(primary_.port(), "SET '" + space_.fence(0) + "' '2 other'");
  redis_cli(primary_.port(), "SET '" + space_.fence(1) + "' '2 other'");
  EXPECT_NE(put("p", "x"), "");
  EXPECT_TRUE(is_fenced_);
}

TEST_F(ConfirmedAnswer, of_a_shard_of_which_a_write_was_lost_with_its_link_needs_a_new_mark) {
  ASSERT_EQ(put("p"), "");
  ASSERT_EQ(confirm("p"), "");
  replica_.kill(SIGSTOP);
  primary_.kill(SIGSTOP);
  std::optional<Result<void>> answer;
  store_->commit({{.key = key("p"), .after = "w", .blind = true, .domain = "d"}},
                 [&](const Result<void>& done) { answer = done; });
  loop_.run_once();  // it leaves
  primary_.kill(SIGKILL);
  primary_.start();
  ASSERT_TRUE(until([&] { return answer.has_value() && is_usable_; }));
  ASSERT_FALSE(*answer);
  EXPECT_EQ(answer->error().fault, Fault::unavailable);
  redis_cli(primary_.port(), "SET '" + space_.fence(space_.shard_of("p")) + "' '1 test'");
  ASSERT_EQ(confirm("p"), late_) << "it may have been carried out";
  replica_.kill(SIGCONT);
  ASSERT_TRUE(until([&] { return confirm("p").empty(); }));
}

TEST_F(ConfirmedAnswer, costs_nothing_more_when_a_write_was_surely_not_carried_out) {
  ASSERT_EQ(put("p"), "");
  ASSERT_EQ(confirm("p"), "");
  primary_.kill(SIGKILL);
  ASSERT_TRUE(until([&] { return !is_usable_; }));
  EXPECT_EQ(put("p", "w"), "no connection to Redis");
  primary_.start();
  ASSERT_TRUE(until([&] { return is_usable_; }));
  EXPECT_EQ(confirm("p"), "");
  EXPECT_FALSE(was_asked_) << "the shard is not in doubt";
}

TEST(LossWatch, does_not_take_an_older_write_of_another_link_for_the_newest) {
  LossWatch watch(1);
  const auto change = [](const std::string& text) {
    return Change{{.key = {Table::scheduling, "p"}, .after = text, .blind = true, .domain = "d"}};
  };
  const uint64_t former = watch.written(0, change("v1"), {"a:1", 1});
  const uint64_t latter = watch.written(0, change("v2"), {"b:1", 1});
  watch.acknowledged(0, change("v1"), former);
  EXPECT_FALSE(watch.begin_look(0)) << "it is not known of v2";
  watch.acknowledged(0, change("v2"), latter);
  watch.acknowledged(0, change("v1"), former);
  ASSERT_TRUE(watch.begin_look(0));
  EXPECT_FALSE(watch.end_look(0, "v2"));
  ASSERT_TRUE(watch.begin_look(0));
  EXPECT_TRUE(watch.end_look(0, "v1")) << "v2 has been lost";
}

class LostWrites : public AcknowledgedTest {};

TEST_F(LostWrites, are_noticed_when_redis_comes_back_with_an_older_snapshot) {
  test::RedisNode server({"--appendonly", "no"});
  open(server.port(), {});
  ASSERT_EQ(put("old"), "");
  EXPECT_EQ(redis_cli(server.port(), "SAVE"), "OK\n");
  ASSERT_EQ(put("new"), "");
  server.kill(SIGKILL);
  server.start();
  ASSERT_TRUE(until([&] { return missing_ == "new "; })) << missing_;
  EXPECT_EQ(links_, "-+-+") << "whoever reads anew has to do it once more";
  EXPECT_EQ(put("old", "w"), "") << "the fence is the same as before";
}

TEST_F(LostWrites, are_noticed_while_the_link_stands) {
  test::RedisNode server;
  open(server.port(), {.redis = {}, .look_interval = 20ms});
  ASSERT_EQ(put("p"), "");
  redis_cli(server.port(), "DEL '" + space_.scheduling("p") + "'");
  ASSERT_TRUE(until([&] { return missing_ == "p "; })) << missing_;
  EXPECT_EQ(links_, "-+");
  links_.clear();
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_TRUE(until([&] { return std::chrono::steady_clock::now() > begun + 200ms; }));
  EXPECT_EQ(links_, "") << "told once";
}

TEST_F(LostWrites, are_none_where_all_is_there_or_another_one_has_written_since) {
  test::RedisNode server({"--appendonly", "yes", "--appendfsync", "always"});
  open(server.port(), {.redis = {}, .look_interval = 20ms});
  for (int i = 0; i < 50; ++i) ASSERT_EQ(put("p" + std::to_string(i % 7), std::to_string(i)), "");
  server.kill(SIGKILL);
  server.start();
  ASSERT_TRUE(until([&] { return links_ == "-+"; })) << links_;
  for (int i = 0; i < 50; ++i) ASSERT_EQ(put("p" + std::to_string(i % 7), std::to_string(i)), "");
  for (size_t shard = 0; shard < 2; ++shard)
    redis_cli(server.port(), "SET '" + space_.fence(shard) + "' '2 other'");
  redis_cli(server.port(), "DEL '" + space_.scheduling("p0") + "'");  // the last one written
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_TRUE(until([&] { return std::chrono::steady_clock::now() > begun + 200ms; }));
  EXPECT_EQ(missing_, "");
  EXPECT_EQ(links_, "-+");
}

}  // namespace
}  // namespace causeway::store
