#include "tools/causeway/app.h"

#include <gtest/gtest.h>

#include "cf/models/models.h"

namespace causeway::cli {
namespace {

App shop() {
  App app;
  app.name = "shop";
  app.command = "serve";
  app.ports = {8080};
  app.routes = {"shop.localhost", "www.shop.localhost/cart"};
  return app;
}

TEST(App, becomes_a_desired_lrp_with_routes_health_check_and_tags) {
  const Result<models::DesiredLRP> lrp = desired_lrp(shop());
  ASSERT_TRUE(lrp) << to_string(lrp.error());
  EXPECT_EQ(lrp->process_guid(), "shop");
  EXPECT_EQ(lrp->routes().routes().at("cf-router"),
            R"([{"hostnames":["shop.localhost","www.shop.localhost/cart"],"port":8080}])");
  EXPECT_EQ(lrp->check_definition().checks(0).tcp_check().port(), 8080u);
  EXPECT_EQ(lrp->metric_tags().at("source_id").static_(), "shop");
  EXPECT_EQ(lrp->action().run_action().args(1), "serve");
  const auto routes = http_routes(lrp->routes());
  ASSERT_EQ(routes.size(), 2u);
  EXPECT_EQ(routes[1].first, "www.shop.localhost/cart");
}

TEST(App, refuses_what_cloud_foundry_would_refuse) {
  App app = shop();
  app.name = "my shop";
  EXPECT_NE(to_string(desired_lrp(app).error()).find("may hold only letters"), std::string::npos);
  app = shop();
  app.ports.clear();
  EXPECT_NE(to_string(desired_lrp(app).error()).find("--port"), std::string::npos);
  app = shop();
  app.routes = {"http://shop"};
  EXPECT_NE(to_string(desired_lrp(app).error()).find("hostname[/path]"), std::string::npos);
  app = shop();
  app.env = {"NOVALUE"};
  EXPECT_NE(to_string(desired_lrp(app).error()).find("NAME=VALUE"), std::string::npos);
}

TEST(App, sizes_take_units) {
  EXPECT_EQ(*parse_megabytes("64"), 64);
  EXPECT_EQ(*parse_megabytes("64M"), 64);
  EXPECT_EQ(*parse_megabytes("2g"), 2048);
  for (const char* bad : {"", "M", "-1", "0", "1T", "99999999999G"})
    EXPECT_FALSE(parse_megabytes(bad)) << bad;
}

TEST(App, tasks_carry_command_and_environment) {
  OneOff one_off;
  one_off.command = "echo hi";
  one_off.env = {"A=b=c"};
  const Result<models::TaskDefinition> definition = task_definition("job", one_off);
  ASSERT_TRUE(definition);
  EXPECT_EQ(definition->action().run_action().env(0).value(), "b=c");
}

TEST(App, broken_routes_read_as_none) {
  models::ProtoRoutes routes;
  EXPECT_TRUE(http_routes(routes).empty());
  (*routes.mutable_routes())["cf-router"] = "[{";
  EXPECT_TRUE(http_routes(routes).empty());
  (*routes.mutable_routes())["cf-router"] = R"({"hostnames":3})";
  EXPECT_TRUE(http_routes(routes).empty());
}

TEST(DesiredLrp, tcp_ports_lead_to_container_ports) {
  App app;
  app.name = "echo";
  app.ports = {8080, 9000};
  app.tcp_ports = {"1024", "1025:9000"};
  const auto lrp = desired_lrp(app);
  ASSERT_TRUE(lrp) << lrp.error().detail;
  EXPECT_EQ(lrp->routes().routes().at("tcp-router"),
            R"([{"router_group_guid":"default-tcp","external_port":1024,"container_port":8080},)"
            R"({"router_group_guid":"default-tcp","external_port":1025,"container_port":9000}])");
  EXPECT_EQ(tcp_routes(lrp->routes()), (std::vector<TcpPort>{{1024, 8080}, {1025, 9000}}));
  for (const char* bad : {"", "0", "70000", "a", "1024:", "1024:9001", ":8080", "1:2:3"}) {
    app.tcp_ports = {bad};
    EXPECT_FALSE(desired_lrp(app)) << bad;
  }
  app.ports.clear();
  app.tcp_ports = {"1024"};
  EXPECT_FALSE(desired_lrp(app));
}

}  // namespace
}  // namespace causeway::cli
