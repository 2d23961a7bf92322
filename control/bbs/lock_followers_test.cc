// Two programs of a kind that take their lock from the real bbs: who leads, and what the other one
// can do.
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "control/bbs/test_caller.h"
#include "control/bbs/test_member.h"
#include "test/support/server_process.h"

namespace causeway::bbs {
namespace {

using namespace std::chrono_literals;

// An auctioneer or a route-emitter that wants Locket's lock of its kind.
class Follower final : public causeway::test::ServerProcess {
 public:
  Follower(std::string program, std::string configuration)
      : program_(std::move(program)), configuration_(std::move(configuration)) {
    start_somewhere();
  }
  bool leads() const { return log().find("acquired-lock") != std::string::npos; }

 private:
  std::vector<std::string> command(uint16_t port) const override {
    const std::string path = folder() + "/config.json";
    std::string text = configuration_;
    text.replace(text.find("HEALTH"), 6, "127.0.0.1:" + std::to_string(port));
    std::ofstream(path) << text;
    return {std::string(std::getenv("CAUSEWAY_BIN_DIR")) + "/" + program_, "-config", path};
  }
  const std::string program_, configuration_;
};

// Killed, stopped and woken up, stopped cleanly: one follows the other.
class FollowersOfALock : public testing::TestWithParam<const char*>, public BbsCaller {
 protected:
  std::string configuration(const Member& bbs) {
    const std::string lock = R"("locks_locket_enabled":true,"locket_address":")" + bbs.url() +
                             R"(","lock_ttl":"4s","lock_retry_interval":"500ms","bbs_address":")" +
                             bbs.url() + "\",";
    if (std::string(GetParam()) == "auctioneer") {
      return "{" + lock + R"("health_address":"HEALTH","listen_address":"127.0.0.1:)" +
             std::to_string(causeway::test::free_port()) + "\"}";
    }
    return "{" + lock + R"("healthcheck_address":"HEALTH","nats_addresses":"127.0.0.1:)" +
           std::to_string(nats_.port()) + "\"}";
  }
  causeway::test::RedisServer redis_;
  causeway::test::NatsServer nats_;
};

TEST_P(FollowersOfALock, one_leads_and_another_takes_over_however_it_ends) {
  Member bbs({.redis = redis_on(redis_.port()), .stands_by = false});
  ASSERT_TRUE(until([&] { return bbs.serves(); }));
  Follower first(GetParam(), configuration(bbs));
  ASSERT_TRUE(until([&] { return first.leads(); })) << first.log();
  Follower second(GetParam(), configuration(bbs));
  first.kill(SIGKILL);
  auto begun = std::chrono::steady_clock::now();
  ASSERT_TRUE(until([&] { return second.leads(); })) << second.log();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 40s);

  Follower third(GetParam(), configuration(bbs));
  EXPECT_FALSE(third.leads());
  second.kill(SIGSTOP);
  ASSERT_TRUE(until([&] { return third.leads(); })) << third.log();
  EXPECT_TRUE(gives_up_when_woken(second)) << second.log();

  Follower fourth(GetParam(), configuration(bbs));
  EXPECT_FALSE(fourth.leads());
  third.kill(SIGTERM);
  ASSERT_TRUE(until([&] { return fourth.leads(); })) << fourth.log();
}

INSTANTIATE_TEST_SUITE_P(Programs, FollowersOfALock, testing::Values("auctioneer", "route-emitter"),
                         [](const auto& program) {
                           return std::string(program.param).substr(0, 5);
                         });

}  // namespace
}  // namespace causeway::bbs
