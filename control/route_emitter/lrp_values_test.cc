#include "control/route_emitter/lrp_values.h"

#include <gmock/gmock.h>

#include "cf/models/models.h"

namespace causeway::route_emitter {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

models::ActualLRP lrp(const std::string& state) {
  models::ActualLRP row;
  row.mutable_actual_lrp_key()->set_process_guid("p");
  row.mutable_actual_lrp_key()->set_index(3);
  row.mutable_actual_lrp_instance_key()->set_instance_guid("i");
  row.mutable_actual_lrp_instance_key()->set_cell_id("c");
  row.set_state(state);
  row.set_since(7);
  auto& net = *row.mutable_actual_lrp_net_info();
  net.set_address("10.0.0.1");
  net.set_instance_address("172.16.0.9");
  auto& mapping = *net.add_ports();
  mapping.set_container_port(8080);
  mapping.set_host_port(61001);
  mapping.set_container_tls_proxy_port(61443);
  mapping.set_host_tls_proxy_port(61002);
  return row;
}

TEST(HttpRoutes, are_read_as_an_operator_writes_them) {
  auto routes = parse_http_routes(
      R"([{"hostnames":["a.com","","b.com/x"],"port":8080,"protocol":"http2",
           "route_service_url":"https://s","isolation_segment":"seg","options":{"loadbalancing":"hash"}},
          {"hostnames":null,"port":1},{"hostnames":["c.com"],"port":9090,"route_service_url":null,"options":{}}])");
  ASSERT_TRUE(routes);
  const std::string options = R"({"loadbalancing":"hash"})";
  EXPECT_THAT(*routes, ElementsAre(HttpRoute{"a.com", 8080, "http2", "https://s", "seg", options},
                                   HttpRoute{"b.com/x", 8080, "http2", "https://s", "seg", options},
                                   HttpRoute{.hostname = "c.com", .port = 9090}));
  EXPECT_THAT(parse_http_routes("null").value(), IsEmpty());
  EXPECT_THAT(parse_http_routes("[]").value(), IsEmpty());
}

TEST(HttpRoutes, malformed_ones_are_errors) {
  for (const char* json :
       {"", "{", "{}", "[1]", R"([{"hostnames":["a"]}])", R"([{"hostnames":["a"],"port":0}])",
        R"([{"hostnames":["a"],"port":65536}])", R"([{"hostnames":"a","port":1}])",
        R"([{"hostnames":[1],"port":1}])", R"([{"hostnames":["a"],"port":1,"options":1}])",
        R"([{"hostnames":["a"],"port":1,"protocol":2}])",
        R"([{"hostnames":["a"],"port":1,"route_service_url":2}])",
        R"([{"hostnames":["a"],"port":1,"isolation_segment":{}}])"}) {
    EXPECT_FALSE(parse_http_routes(json)) << json;
  }
}

TEST(TcpRoutes, are_read_as_an_operator_writes_them) {
  auto routes = parse_tcp_routes(
      R"([{"router_group_guid":"g","external_port":1024,"container_port":8080},
          {"external_port":65535,"container_port":1,"backend_sni_hostname":"a.com",
           "terminate_frontend_tls":true,"enable_backend_mtls":true,"later":[]},
          {"router_group_guid":null,"external_port":2,"container_port":2,"enable_backend_mtls":null}])");
  ASSERT_TRUE(routes) << to_string(routes.error());
  EXPECT_THAT(*routes, ElementsAre(TcpRoute{"g", 1024, 8080},
                                   TcpRoute{.external_port = 65535,
                                            .port = 1,
                                            .sni_hostname = "a.com",
                                            .terminate_frontend_tls = true,
                                            .enable_backend_mtls = true},
                                   TcpRoute{.external_port = 2, .port = 2}));
  EXPECT_THAT(parse_tcp_routes("null").value(), IsEmpty());
}

TEST(TcpRoutes, malformed_ones_are_errors_that_name_the_key) {
  const struct {
    const char* json;
    const char* named;
  } cases[] = {
      {"", ""},
      {"{}", "not a list"},
      {"[1]", "not an object"},
      {R"([{"container_port":1}])", "external_port"},
      {R"([{"external_port":0,"container_port":1}])", "external_port"},
      {R"([{"external_port":65536,"container_port":1}])", "external_port"},
      {R"([{"external_port":1}])", "container_port"},
      {R"([{"external_port":1,"container_port":"8080"}])", "container_port"},
      {R"([{"external_port":1,"container_port":1,"router_group_guid":7}])", "router_group_guid"},
      {R"([{"external_port":1,"container_port":1,"terminate_frontend_tls":1}])",
       "terminate_frontend_tls"}};
  for (const auto& bad : cases) {
    const auto routes = parse_tcp_routes(bad.json);
    ASSERT_FALSE(routes) << bad.json;
    EXPECT_THAT(to_string(routes.error()), testing::HasSubstr(bad.named)) << bad.json;
  }
}

TEST(InternalRoutes, are_hostnames) {
  EXPECT_THAT(parse_internal_routes(R"([{"hostname":"a"},{},{"hostname":"b","x":1}])").value(),
              ElementsAre("a", "b"));
  for (const char* json : {"", "{}", R"([{"hostname":1}])", "[[]]"}) {
    EXPECT_FALSE(parse_internal_routes(json)) << json;
  }
}

TEST(LrpValues, an_instance_is_reached_by_host_ports_or_directly) {
  struct Row {
    models::ActualLRPNetInfo::PreferredAddress preferred;
    Reach reach;
    std::string host;
    PortPair pair;
  };
  const PortPair by_host{8080, 61001, 61002}, direct{8080, 8080, 61443};
  for (const Row& row :
       {Row{models::ActualLRPNetInfo::UNKNOWN, Reach::host, "10.0.0.1", by_host},
        Row{models::ActualLRPNetInfo::UNKNOWN, Reach::direct, "172.16.0.9", direct},
        Row{models::ActualLRPNetInfo::INSTANCE, Reach::host, "172.16.0.9", direct},
        Row{models::ActualLRPNetInfo::HOST, Reach::direct, "10.0.0.1", by_host}}) {
    models::ActualLRP actual = lrp("RUNNING");
    actual.mutable_actual_lrp_net_info()->set_preferred_address(row.preferred);
    const Instance instance = instance_of(actual, row.reach);
    EXPECT_EQ(instance.host, row.host);
    EXPECT_THAT(instance.ports, ElementsAre(row.pair));
  }
}

TEST(LrpValues, running_instances_are_routable_unless_they_say_otherwise) {
  for (const char* state : {"UNCLAIMED", "CLAIMED", "CRASHED"}) {
    EXPECT_FALSE(instance_of(lrp(state), Reach::host).is_routable);
  }
  models::ActualLRP actual = lrp("RUNNING");
  EXPECT_TRUE(instance_of(actual, Reach::host).is_routable);
  actual.set_routable(true);
  EXPECT_TRUE(instance_of(actual, Reach::host).is_routable);
  actual.set_routable(false);
  EXPECT_FALSE(instance_of(actual, Reach::host).is_routable);
}

TEST(LrpValues, a_half_of_a_changed_event_is_an_instance) {
  const models::ActualLRP actual = lrp("RUNNING");
  models::ActualLRPInfo state;
  state.set_state("RUNNING");
  state.set_since(7);
  *state.mutable_actual_lrp_net_info() = actual.actual_lrp_net_info();
  EXPECT_EQ(
      instance_of(actual.actual_lrp_key(), actual.actual_lrp_instance_key(), state, Reach::host),
      instance_of(actual, Reach::host));
}

TEST(LrpValues, an_app_with_routes_and_tags) {
  models::DesiredLRP row;
  row.set_process_guid("p");
  row.set_domain("cf-apps");
  row.set_log_guid("log");
  auto& routes = *row.mutable_routes()->mutable_routes();
  routes["cf-router"] = R"([{"hostnames":["a.com"],"port":8080}])";
  routes["tcp-router"] = R"([{"external_port":1,"container_port":8080}])";
  routes["internal-router"] = "[]";
  (*row.mutable_metric_tags())["fixed"].set_static_("x");
  (*row.mutable_metric_tags())["index"].set_dynamic(models::MetricTagValue::INDEX);
  (*row.mutable_metric_tags())["id"].set_dynamic(models::MetricTagValue::INSTANCE_GUID);
  std::vector<Unrouted> unrouted;
  const Desired desired = desired_of(row, {.tcp = false, .internal = false}, unrouted);
  EXPECT_THAT(unrouted, ElementsAre(Unrouted{"tcp-router", ""}));
  EXPECT_THAT(desired.tcp_routes, IsEmpty());
  EXPECT_EQ(desired.log_guid, "log");
  EXPECT_THAT(desired.routes, ElementsAre(HttpRoute{.hostname = "a.com", .port = 8080}));
  EXPECT_EQ(desired.metric_tags.at("fixed"), (MetricTag{MetricTag::Kind::fixed, "x"}));
  EXPECT_EQ(desired.metric_tags.at("index").kind, MetricTag::Kind::index);
  EXPECT_EQ(desired.metric_tags.at("id").kind, MetricTag::Kind::instance_guid);

  routes["cf-router"] = "[{";
  routes["internal-router"] = R"([{"hostname":"a.internal"},{"hostname":""}])";
  unrouted.clear();
  const Desired partly = desired_of(row, {}, unrouted);
  EXPECT_THAT(partly.routes, IsEmpty());
  ASSERT_EQ(unrouted.size(), 1u);
  EXPECT_EQ(unrouted[0].router, "cf-router");
  EXPECT_NE(unrouted[0].problem, "");
  EXPECT_THAT(partly.tcp_routes, ElementsAre(TcpRoute{.external_port = 1, .port = 8080}));
  EXPECT_THAT(partly.internal_hostnames, ElementsAre("a.internal"));
}

}  // namespace
}  // namespace causeway::route_emitter
