#pragma once

// For tests: a client on a loop of its own, and Redis in all its shapes.

#include <chrono>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "log/logger.h"
#include "redis/client.h"
#include "redis/slot_map.h"
#include "test/support/certificates.h"
#include "test/support/redis_farm.h"
#include "test/support/waiting_loop.h"
#include "tls/context.h"

namespace causeway::redis {

using namespace std::chrono_literals;
using causeway::test::Authority;
using causeway::test::redis_cli;
using causeway::test::RedisCluster;
using causeway::test::RedisNode;
using causeway::test::RedisSentinel;

class TopologyTest : public testing::Test, public causeway::test::WaitingLoop {
 protected:
  TopologyTest() {
    options_.reconnect_wait_max = 100ms;
    options_.topology_interval = 100ms;
    options_.command_timeout = 20s;
  }
  void open() {
    client_ = std::make_unique<Client>(loop_, logger_, options_);
    client_->on_link([this](bool up) { links_ += up ? "+" : "-"; });
  }
  Result<Value> ask(std::vector<std::string> args) {
    std::optional<Result<Value>> answer;
    client_->command(std::move(args), [&](Result<Value> reply) { answer = std::move(reply); });
    EXPECT_TRUE(until([&] { return answer.has_value(); }));
    return std::move(*answer);
  }
  // Where it was done.
  std::optional<Place> place_of_write(const std::string& key) {
    const Script script("return redis.call('SET', KEYS[1], ARGV[1])");
    std::optional<Place> done;
    client_->write(script, {key}, {"1"}, [&](const Result<Value>& reply, const Place& place) {
      EXPECT_TRUE(reply);
      done = place;
    });
    EXPECT_TRUE(until([&] { return done.has_value(); }));
    return done;
  }
  // "OK", the value, or the error.
  std::string text_of(std::vector<std::string> args) {
    const auto reply = ask(std::move(args));
    return reply ? reply->text : "error: " + reply.error().detail;
  }
  std::function<const tls::ClientContext&()> context(const Authority& authority,
                                                     const Authority::Files* own) {
    tls::ClientContext::Options tls;
    tls.ca_pem = Authority::text_of(authority.certificate());
    if (own != nullptr)
      tls.key_pair =
          tls::KeyPair{Authority::text_of(own->certificate), Authority::text_of(own->key)};
    std::shared_ptr<const tls::ClientContext> made = tls::ClientContext::make(tls).value();
    return [made]() -> const tls::ClientContext& { return *made; };
  }

  log::Sink sink_{{.level = log::Level::error, .path = folder_.path() + "/log"}};
  log::Logger logger_{sink_, "test"};
  Options options_;
  std::unique_ptr<Client> client_;
  std::string links_;

 private:
  // Before the sink, which writes there.
  static inline causeway::test::TempFolder folder_;
};

}  // namespace causeway::redis
