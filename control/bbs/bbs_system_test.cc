// The real bbs on a real redis-server: what happens when either dies.
#include <chrono>
#include <fstream>
#include <functional>
#include <optional>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "cf/models/models.h"
#include "control/bbs/test_caller.h"
#include "rpc/client.h"
#include "test/support/server_process.h"

namespace causeway::bbs {
namespace {

using namespace std::chrono_literals;

// The bbs binary on one redis-server.
class BbsProcess final : public causeway::test::ServerProcess {
 public:
  explicit BbsProcess(uint16_t redis_port) : redis_port_(redis_port) {
    health_port_ = causeway::test::free_port();
    start_somewhere();
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port()); }
  std::string health_url() const { return "http://127.0.0.1:" + std::to_string(health_port_); }

 private:
  std::vector<std::string> command(uint16_t port) const override {
    const std::string path = folder() + "/bbs.json";
    std::ofstream(path) << R"({"listen_address":"127.0.0.1:)" << port
                        << R"(","health_address":"127.0.0.1:)" << health_port_
                        << R"(","auctioneer_address":"http://127.0.0.1:1","require_ssl":false,)"
                        << R"("redis":{"port":)" << redis_port_ << R"(},"log_level":"error"})";
    return {bbs_program(), "-config", path};
  }
  const uint16_t redis_port_;
  uint16_t health_port_ = 0;
};

class BbsSystem : public testing::Test, public BbsCaller {
 protected:
  template <class Response, class Request>
  std::optional<Response> ask(const std::string& path, const Request& request) {
    return post<Response>(bbs_.url() + path, request);
  }
  // Whether it was done; nothing: no answer came.
  std::optional<models::DesiredLRPLifecycleResponse> desire(const std::string& guid,
                                                            int32_t instances) {
    return ask<models::DesiredLRPLifecycleResponse>("/v1/desired_lrp/desire.r2",
                                                    desire_request(guid, instances));
  }
  // Sends many desires at once, and strikes when a third is answered. Returns the guids of those
  // that succeeded; nothing: not all were answered.
  std::optional<std::set<std::string>> desire_many(const std::function<void()>& strike) {
    constexpr int kDesires = 300;
    std::set<std::string> acknowledged;
    int answers = 0;
    for (int i = 0; i < kDesires; ++i) {
      const std::string guid = "p" + std::to_string(i);
      client_.send({.url = bbs_.url() + "/v1/desired_lrp/desire.r2",
                    .body = cf::encode(desire_request(guid, 3)),
                    .timeout = 20s},
                   [&, guid](const Result<rpc::Reply>& reply) {
                     models::DesiredLRPLifecycleResponse response;
                     if (reply && cf::decode(reply->body, response) && !response.has_error())
                       acknowledged.insert(guid);
                     if (++answers == kDesires / 3) strike();
                   });
    }
    if (!until([&] { return answers == kDesires; })) return std::nullopt;
    return acknowledged;
  }
  // Every desired LRP with exactly its instances.
  void expect_whole(const std::set<std::string>& acknowledged) {
    const auto lrps =
        ask<models::DesiredLRPsResponse>("/v1/desired_lrps/list.r3", models::DesiredLRPsRequest());
    ASSERT_TRUE(lrps && !lrps->has_error());
    std::set<std::string> found;
    for (const auto& lrp : lrps->desired_lrps()) {
      EXPECT_TRUE(found.insert(lrp.process_guid()).second) << "twice";
      EXPECT_EQ(lrp.action().run_action().path(), "/bin/app");
    }
    for (const auto& guid : acknowledged) EXPECT_TRUE(found.contains(guid)) << guid << " was lost";
    const auto rows =
        ask<models::ActualLRPsResponse>("/v1/actual_lrps/list", models::ActualLRPsRequest());
    ASSERT_TRUE(rows && !rows->has_error());
    std::set<std::pair<std::string, int32_t>> instances;
    for (const auto& row : rows->actual_lrps())
      EXPECT_TRUE(
          instances.insert({row.actual_lrp_key().process_guid(), row.actual_lrp_key().index()})
              .second);
    EXPECT_EQ(instances.size(), 3 * found.size());
  }
  int cells() {
    const auto response = ask<models::CellsResponse>("/v1/cells/list.r1", models::PingResponse());
    return response && !response->has_error() ? response->cells_size() : -1;
  }
  // The cells of the first answer that is none of an error.
  int cells_when_usable() {
    int count = -1;
    EXPECT_TRUE(until([&] { return count >= 0 || (count = cells()) >= 0; }));
    return count;
  }
  [[nodiscard]] bool usable() { return cells_when_usable() >= 0; }

  causeway::test::RedisServer redis_{{.persist = true}};
  BbsProcess bbs_{redis_.port()};
};

TEST_F(BbsSystem, a_killed_bbs_loses_nothing_it_acknowledged_and_leaves_nothing_half_done) {
  ASSERT_TRUE(usable());
  const auto acknowledged = desire_many([&] { bbs_.kill(SIGKILL); });
  ASSERT_TRUE(acknowledged);
  EXPECT_GE(acknowledged->size(), 100u);
  bbs_.start();
  ASSERT_TRUE(usable());
  expect_whole(*acknowledged);
}

TEST_F(BbsSystem, a_killed_redis_is_survived_and_nothing_acknowledged_is_lost) {
  ASSERT_TRUE(usable());
  const pid_t pid = bbs_.pid();
  const auto acknowledged = desire_many([&] { redis_.kill(SIGKILL); });
  ASSERT_TRUE(acknowledged);
  const auto refused = desire("q", 1);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->error().type(), models::Error::UnknownError);
  EXPECT_TRUE(refused->error().message().starts_with("storage is unavailable"));
  redis_.start();
  ASSERT_TRUE(usable());
  expect_whole(*acknowledged);
  EXPECT_EQ(bbs_.pid(), pid);
  const auto good = desire("q", 1);
  EXPECT_TRUE(good && !good->has_error());
}

TEST_F(BbsSystem, presences_survive_both_and_go_when_nobody_refreshes_them) {
  ASSERT_TRUE(usable());
  ASSERT_EQ(present(bbs_.url(), "c1", "http://127.0.0.1:1", 3), 200);
  redis_.kill(SIGKILL);
  const auto gone_for = std::chrono::steady_clock::now() + 4s;
  EXPECT_TRUE(until([&] { return std::chrono::steady_clock::now() > gone_for; }));
  redis_.start();
  EXPECT_EQ(cells_when_usable(), 1) << "longer away than it lives, yet it has its time anew";
  bbs_.restart();
  EXPECT_EQ(cells_when_usable(), 1);
  EXPECT_TRUE(until([&] { return cells() == 0; }));
}

TEST_F(BbsSystem, a_stopped_bbs_ends_cleanly_and_starts_again) {
  ASSERT_TRUE(usable());
  const auto created = desire("p", 3);
  ASSERT_TRUE(created && !created->has_error());
  const auto begun = std::chrono::steady_clock::now();
  bbs_.kill(SIGTERM);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 30s);
  bbs_.start();
  ASSERT_TRUE(usable());
  expect_whole({"p"});
}

TEST_F(BbsSystem, health_and_metrics_answer) {
  for (const char* path : {"/health", "/anything", "/metrics"}) {
    const auto reply = fetch(bbs_.health_url() + path);
    ASSERT_TRUE(reply) << path;
    EXPECT_EQ(reply->status, 200) << path;
    if (std::string(path) == "/metrics") {
      EXPECT_NE(reply->body.find("BBSMasterElected 1"), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace causeway::bbs
