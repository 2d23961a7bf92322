#include "bench/churn/churn_plan.h"

#include <gtest/gtest.h>

#include "bench/churn/churn_record.h"
#include "json/json.h"

namespace causeway::churn {
namespace {

ChurnOptions usual() {
  ChurnOptions options;
  options.nats = {"127.0.0.1:4222"};
  options.router = "127.0.0.1:8081";
  options.backends = {"127.0.0.{1..2}:9000"};
  options.endpoints = 2;
  return options;
}

std::string refusal(const ChurnOptions& options) {
  const auto plan = make_churn_plan(options);
  return plan ? "" : plan.error().detail;
}

TEST(ChurnPlan, endpoints_of_a_route_are_different_addresses) {
  const auto plan = make_churn_plan(usual());
  ASSERT_TRUE(plan);
  const auto first = registration_of(*plan, route_host(*plan, 7), 7, 0);
  const auto second = registration_of(*plan, route_host(*plan, 7), 7, 1);
  EXPECT_EQ(first.uris, std::vector<std::string>{"route-7.churn.test"});
  EXPECT_EQ(first.uris, second.uris);
  EXPECT_NE(first.host, second.host);
  EXPECT_NE(first.private_instance_id, second.private_instance_id);
  EXPECT_EQ(first.app, second.app);
  // The router takes it.
  EXPECT_TRUE(cf::parse_registry_message(cf::to_json(first)));
}

TEST(ChurnPlan, mistakes_name_their_option) {
  auto options = usual();
  options.endpoints = 3;
  EXPECT_EQ(refusal(options),
            "--backend: a route with 3 endpoints needs as many addresses, given: 2");
  options = usual();
  options.nats = {"nowhere"};
  EXPECT_EQ(refusal(options), "--nats: expected host:port, not \"nowhere\"");
  options = usual();
  options.router = "8081";
  EXPECT_EQ(refusal(options), "--router: expected host:port, not \"8081\"");
  options = usual();
  options.routes = 0;
  EXPECT_EQ(refusal(options), "--routes: from 1 to 10000000");
  options = usual();
  options.churn_rate = -1;
  EXPECT_EQ(refusal(options), "--replace: from 0 to 100000 routes/s");
  options = usual();
  options.backends = {"127.0.0.{1..x}:9000"};
  EXPECT_NE(refusal(options).find("--backend"), std::string::npos);
}

TEST(ChurnRecord, tells_what_was_never_seen) {
  ChurnRecord record;
  record.label = "l";
  record.router = "127.0.0.1:8081";
  record.unseen = 2;
  record.missing_examples = {"route-1.churn.test: the last answer was status 404"};
  const std::string table = to_table(record);
  EXPECT_NE(table.find("all routable  not seen"), std::string::npos) << table;
  EXPECT_NE(table.find("2 changes never seen"), std::string::npos) << table;
  EXPECT_NE(table.find("route-1.churn.test"), std::string::npos) << table;
  const auto json = json::Document::parse(to_json(record));
  ASSERT_TRUE(json);
  EXPECT_EQ(json->root()["unseen"].unsigned_integer(), 2u);
  EXPECT_EQ(json->root()["registration"]["last_routable_after_s"].number(), -1);
}

}  // namespace
}  // namespace causeway::churn
