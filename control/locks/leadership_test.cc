// Two that want to lead, on a real redis-server.
#include "control/locks/leadership.h"

#include <chrono>
#include <memory>
#include <optional>

#include <gtest/gtest.h>

#include "control/store/redis_store.h"
#include "net/loop.h"
#include "test/support/server_process.h"

namespace causeway::locks {
namespace {

using namespace std::chrono_literals;
using store::KeySpace;

// A process that wants to lead, without the process.
struct Contender {
  Contender(net::Loop& loop, const log::Logger& logger, const redis::Options& redis,
            Leadership::Options options)
      : client(loop, logger, redis), store(loop, logger, {.redis = redis}) {
    options.lock_key = KeySpace::leader();
    for (size_t shard = 0; shard < 2; ++shard)
      options.fence_keys.push_back(KeySpace(2).fence(shard));
    store.shards(2);
    leadership = std::make_unique<Leadership>(
        loop, client, logger, std::move(options),
        Leadership::Events{.on_held =
                               [this](const std::string& given) {
                                 token = given;
                                 store.fence(given, [this] { is_fenced = true; });
                               },
                           .on_lost = [this](const Error& error) { lost = error; }});
  }
  redis::Client client;
  store::RedisStore store;
  std::unique_ptr<Leadership> leadership;
  std::string token;
  bool is_fenced = false;
  std::optional<Error> lost;
};

class LeadershipTest : public testing::Test {
 protected:
  LeadershipTest() {
    tick_.every(5ms, [] {});
  }
  [[nodiscard]] bool until(const std::function<bool()>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (!holds() && std::chrono::steady_clock::now() < deadline) loop_.run_once();
    return holds();
  }
  std::unique_ptr<Contender> contender(const std::string& owner, Duration ttl = 30s,
                                       Leadership::Mode mode = Leadership::Mode::standing_by) {
    redis::Options redis;
    redis.port = server_.port();
    redis.reconnect_wait_max = 100ms;
    Leadership::Options options;
    options.mode = mode;
    options.owner = owner;
    options.ttl = ttl;
    options.retry_interval = retry_interval_;
    options.clock = clock_;
    return std::make_unique<Contender>(loop_, logger_, redis, std::move(options));
  }
  Result<void> write(Contender& contender, const std::string& guid) {
    std::optional<Result<void>> answer;
    const store::RowChange row{
        .key = {store::Table::scheduling, guid}, .after = "v", .blind = true, .domain = "d"};
    contender.store.commit({row}, [&](Result<void> done) { answer = std::move(done); });
    EXPECT_TRUE(until([&] { return answer.has_value(); }));
    return *answer;
  }
  std::string value_of(Contender& contender, const std::string& key) {
    std::optional<std::string> value;
    contender.client.command({"GET", key}, [&](const Result<redis::Value>& reply) {
      value = reply ? reply->text : "error";
    });
    EXPECT_TRUE(until([&] { return value.has_value(); }));
    return *value;
  }

  test::RedisServer server_;
  Duration retry_interval_ = 100ms;
  const BootClock* clock_ = nullptr;  // the machine's
  net::Loop loop_;
  net::Timer tick_{loop_};
  log::Sink sink_{{.level = log::Level::error, .path = {}}};
  log::Logger logger_{sink_, "test"};
};

TEST_F(LeadershipTest, one_leads_and_the_other_follows_at_once_when_it_gives_up) {
  auto first = contender("a");
  ASSERT_TRUE(until([&] { return first->leadership->is_held(); }));
  EXPECT_EQ(first->token, "1 a");
  auto second = contender("b");
  ASSERT_TRUE(until([&] { return value_of(*second, KeySpace::leader()) == "a"; }));
  EXPECT_FALSE(second->leadership->is_held());
  EXPECT_TRUE(write(*first, "p"));
  const auto begun = std::chrono::steady_clock::now();
  bool released = false;
  first->leadership->release([&] { released = true; });
  ASSERT_TRUE(until([&] { return released && second->leadership->is_held(); }));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 20s) << "it has waited for the ttl";
  EXPECT_EQ(second->token, "2 b");
  EXPECT_EQ(value_of(*second, KeySpace(2).fence(0)), "2 b");
  EXPECT_EQ(value_of(*second, KeySpace(2).fence(1)), "2 b");
}

TEST_F(LeadershipTest, a_leader_that_dies_is_followed_when_its_time_is_over) {
  auto first = contender("a", 6s);
  ASSERT_TRUE(until([&] { return first->leadership->is_held(); }));
  auto second = contender("b", 6s);
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_TRUE(until([&] { return std::chrono::steady_clock::now() > begun + 7s; }));
  EXPECT_TRUE(first->leadership->is_held()) << "it renews what it holds";
  first.reset();  // as by kill -9: nothing is released
  ASSERT_TRUE(until([&] { return second->leadership->is_held(); }));
}

TEST_F(LeadershipTest, who_slept_while_another_took_over_can_write_nothing_in_any_shard) {
  auto first = contender("a", 30s, Leadership::Mode::alone);
  ASSERT_TRUE(until([&] { return first->leadership->is_held(); }));
  ASSERT_TRUE(write(*first, "p"));
  auto second = contender("b", 30s, Leadership::Mode::alone);
  ASSERT_TRUE(until([&] {
    // As when its time has run out while it slept; a renewal may come in between.
    first->client.command({"DEL", KeySpace::leader()}, [](const auto&) {});
    return second->leadership->is_held();
  }));
  // Whatever the first one believes of itself.
  for (int i = 0; i < 8; ++i) {  // of both shards
    const auto refused = write(*first, "q" + std::to_string(i));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().fault, Fault::refused) << to_string(refused.error());
  }
  EXPECT_TRUE(first->is_fenced);
  ASSERT_TRUE(until([&] { return first->lost.has_value(); }));
  EXPECT_EQ(first->lost->fault, Fault::refused);
  EXPECT_TRUE(write(*second, "q1"));
  EXPECT_EQ(value_of(*second, KeySpace(2).scheduling("q0")), "");
  EXPECT_EQ(value_of(*second, KeySpace(2).scheduling("q1")), "v");
}

TEST_F(LeadershipTest, a_lock_that_cannot_be_renewed_is_lost_when_its_ttl_ends) {
  auto first = contender("a", 2s);
  ASSERT_TRUE(until([&] { return first->leadership->is_held(); }));
  server_.kill(SIGSTOP);
  ASSERT_TRUE(until([&] { return first->lost.has_value(); }));
  EXPECT_EQ(first->lost->fault, Fault::timeout);
  EXPECT_FALSE(first->leadership->is_held());
  server_.kill(SIGCONT);
}

TEST_F(LeadershipTest, who_was_suspended_with_the_machine_is_not_sure_until_the_lock_is_renewed) {
  ManualBootClock clock;
  clock_ = &clock;
  retry_interval_ = 1s;
  for (const auto mode : {Leadership::Mode::alone, Leadership::Mode::standing_by}) {
    auto leader = contender("a", 60s, mode);
    EXPECT_FALSE(leader->leadership->is_sure());
    ASSERT_TRUE(until([&] { return leader->leadership->is_held(); }));
    EXPECT_TRUE(leader->leadership->is_sure());
    clock.advance(60s);  // and no timer has noticed
    EXPECT_TRUE(leader->leadership->is_held());
    EXPECT_FALSE(leader->leadership->is_sure()) << "another one may lead";
    ASSERT_TRUE(until([&] { return leader->leadership->is_sure(); })) << "none has";
    EXPECT_FALSE(leader->lost);
    bool released = false;
    leader->leadership->release([&] { released = true; });
    EXPECT_FALSE(leader->leadership->is_sure());
    ASSERT_TRUE(until([&] { return released; }));
  }
}

TEST_F(LeadershipTest, an_attempt_under_way_at_the_release_wins_nothing) {
  redis::Options redis;
  redis.port = server_.port();
  redis::Client client(loop_, logger_, redis);
  ASSERT_TRUE(until([&] { return client.is_connected(); }));
  Leadership leadership(
      loop_, client, logger_,
      {.lock_key = KeySpace::leader(), .fence_keys = {KeySpace(1).fence(0)}, .owner = "a"},
      {.on_held = [](const std::string&) { ADD_FAILURE() << "after the release"; },
       .on_lost = [](const Error&) { ADD_FAILURE() << "it never had it"; }});
  bool released = false;
  std::optional<std::string> holder;
  leadership.release([&] {
    released = true;
    client.command({"GET", KeySpace::leader()}, [&](const Result<redis::Value>& reply) {
      holder = reply ? reply->text : "error";
    });
  });
  ASSERT_TRUE(until([&] { return holder.has_value(); }));
  EXPECT_TRUE(released);
  EXPECT_EQ(*holder, "");
}

TEST_F(LeadershipTest, two_that_each_believe_to_be_alone_do_not_depose_each_other) {
  auto first = contender("a", 2s, Leadership::Mode::alone);
  ASSERT_TRUE(until([&] { return first->leadership->is_held(); }));
  auto second = contender("b", 2s, Leadership::Mode::alone);
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_TRUE(until([&] { return std::chrono::steady_clock::now() > begun + 3s; }));
  EXPECT_FALSE(first->lost);
  EXPECT_FALSE(second->leadership->is_held());
  EXPECT_TRUE(write(*first, "p"));
  first.reset();  // as by kill -9
  ASSERT_TRUE(until([&] { return second->leadership->is_held(); }));
  EXPECT_EQ(second->token, "2 b");
}

TEST_F(LeadershipTest, who_is_alone_keeps_the_lead_while_redis_is_away) {
  auto first = contender("a", 1s, Leadership::Mode::alone);
  ASSERT_TRUE(until([&] { return first->leadership->is_held(); }));
  server_.kill(SIGKILL);
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_TRUE(until([&] { return std::chrono::steady_clock::now() > begun + 1500ms; }));
  EXPECT_TRUE(first->leadership->is_held());
  EXPECT_FALSE(first->lost);
}

TEST_F(LeadershipTest, a_fence_with_a_higher_number_is_overcome) {
  {
    auto seed = contender("seed");
    ASSERT_TRUE(until([&] { return seed->leadership->is_held(); }));
    bool done = false;
    // As after a failover that has lost what the first shard knew.
    seed->client.command({"SET", KeySpace(2).fence(1), "3 gone"},
                         [&](const auto&) { done = true; });
    ASSERT_TRUE(until([&] { return done; }));
    done = false;
    seed->leadership->release([&] { done = true; });
    ASSERT_TRUE(until([&] { return done; }));
  }
  auto first = contender("a");
  ASSERT_TRUE(until([&] { return first->leadership->is_held(); }));
  EXPECT_EQ(value_of(*first, KeySpace(2).fence(0)), first->token);
  EXPECT_EQ(value_of(*first, KeySpace(2).fence(1)), first->token);
}

}  // namespace
}  // namespace causeway::locks
