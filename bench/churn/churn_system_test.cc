// A real nats-server and a real router, at a small scale.
#include <fstream>

#include <gtest/gtest.h>

#include "bench/churn/churn_run.h"
#include "bench/load/backend/backend.h"
#include "test/support/server_process.h"

namespace causeway::churn {
namespace {

class Router final : public test::ServerProcess {
 public:
  explicit Router(uint16_t nats_port) : nats_port_(nats_port) { start_somewhere(); }

 private:
  std::vector<std::string> command(uint16_t port) const override {
    const std::string path = folder() + "/router.yml";
    std::ofstream(path) << "port: " << port
                        << "\nstatus: {host: 127.0.0.1, port: " << test::free_port()
                        << ", user: u, pass: p, routes: {port: " << test::free_port()
                        << "}}\nprometheus: {enabled: false}\n"
                        << "nats: {hosts: [{hostname: 127.0.0.1, port: " << nats_port_
                        << "}]}\nworkers: 1\nstart_response_delay_interval: 0s\n";
    return {std::string(std::getenv("CAUSEWAY_BIN_DIR")) + "/router", "-c", path};
  }
  const uint16_t nats_port_;
};

class ChurnSystem : public testing::Test {
 protected:
  ChurnSystem() {
    load::BackendOptions options;
    options.listen = net::Address::loopback(0);
    backend_ = load::Backend::start(options).value();
  }
  ChurnOptions options(const std::string& router) const {
    ChurnOptions options;
    options.nats = {"127.0.0.1:" + std::to_string(nats_.port())};
    options.router = router;
    options.backends = {backend_->address().to_string()};
    options.routes = 200;
    options.refresh = std::chrono::seconds(1);
    options.churn_rate = 20;
    options.quiet = std::chrono::milliseconds(300);
    options.churn_duration = std::chrono::seconds(2);
    options.verify = 50;
    return options;
  }

  test::NatsServer nats_;
  std::unique_ptr<load::Backend> backend_;
};

TEST_F(ChurnSystem, sees_every_route_come_and_go) {
  const Router router(nats_.port());
  ChurnOptions wanted = options("127.0.0.1:" + std::to_string(router.port()));
  wanted.traffic = "50";
  const auto plan = make_churn_plan(wanted);
  ASSERT_TRUE(plan) << plan.error().detail;
  const auto record = run_churn(*plan, {.watched = {{router.pid(), "router"}}});
  ASSERT_TRUE(record) << record.error().detail;
  const std::string table = to_table(*record);
  EXPECT_EQ(record->partial, "") << table;
  EXPECT_EQ(record->registration_messages, 200u);
  EXPECT_GE(record->routable_seconds, 0) << table;
  EXPECT_EQ(record->verified, 50u);
  EXPECT_EQ(record->missing, 0u) << table;
  EXPECT_EQ(record->unseen, 0u) << table;
  EXPECT_GT(record->added, 0u);
  EXPECT_EQ(record->to_routable.count, record->added);
  EXPECT_EQ(record->to_gone.count, record->removed);
  EXPECT_GT(record->refreshed, 0u);
  EXPECT_GE(record->removal_seconds, 0) << table;
  ASSERT_EQ(record->traffic.size(), 3u) << table;
  for (const auto& run : record->traffic) EXPECT_EQ(run.failures, 0u) << run.label << "\n" << table;
  ASSERT_FALSE(record->phases.empty());
  EXPECT_EQ(record->phases.front().processes.front().name, "router");
  EXPECT_GT(record->phases.front().processes.front().rss_bytes, 1e6);
  EXPECT_NE(to_html(*record).find("register to routable"), std::string::npos);
}

TEST_F(ChurnSystem, says_that_a_router_learns_nothing) {
  // A server that answers, but knows no routes: its replies are never 2xx.
  load::BackendOptions deaf;
  deaf.listen = net::Address::loopback(0);
  deaf.protocol = load::BackendOptions::Protocol::tcp_echo;
  const auto server = load::Backend::start(deaf).value();
  ChurnOptions wanted = options(server->address().to_string());
  wanted.timeout = std::chrono::seconds(1);
  const auto plan = make_churn_plan(wanted);
  ASSERT_TRUE(plan);
  const auto record = run_churn(*plan, {});
  ASSERT_FALSE(record);
  EXPECT_NE(record.error().detail.find("does not learn routes"), std::string::npos)
      << record.error().detail;
}

}  // namespace
}  // namespace causeway::churn
