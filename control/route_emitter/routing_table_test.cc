#include "control/route_emitter/routing_table.h"

#include <gmock/gmock.h>

#include "cf/wire/registry_message.h"

namespace causeway::route_emitter {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr int kOrdinary = 0, kEvacuating = 1, kSuspect = 2;

Desired app(std::vector<std::string> hostnames, uint32_t version = 1, std::string guid = "p") {
  Desired desired{.process_guid = guid, .domain = "cf-apps", .log_guid = "log-" + guid};
  desired.tag = {"epoch-" + guid, version};
  for (std::string& hostname : hostnames) {
    desired.routes.push_back({.hostname = std::move(hostname), .port = 8080});
  }
  return desired;
}

// An instance whose host port is 61000 + number.
Instance running(int number, uint32_t version = 1, int presence = kOrdinary,
                 std::string guid = "p") {
  const std::string name = "i" + std::to_string(number);
  Instance instance{.process_guid = std::move(guid), .key = {name, presence}, .cell_id = "cell"};
  instance.index = number;
  instance.tag = {"epoch-" + name, version};
  instance.is_routable = true;
  instance.host = "10.0.0.1";
  instance.ports = {{8080, static_cast<uint16_t>(61000 + number), 0}};
  instance.since_ns = number;
  return instance;
}

Instance stopped(int number, uint32_t version) {
  Instance instance = running(number, version);
  instance.is_routable = false;
  return instance;
}

std::string line(char sign, const RouteMessage& message) {
  const auto parsed = cf::parse_registry_message(message.payload);
  if (!parsed) return to_string(parsed.error());
  const uint16_t port = parsed->tls_port != 0 ? parsed->tls_port : parsed->port;
  EXPECT_EQ(message.route.host, parsed->host);
  EXPECT_EQ(message.route.port, port);
  return sign + parsed->uris.at(0) + " " + std::to_string(port) + " " + parsed->private_instance_id;
}

class RoutingTableTest : public testing::Test {
 protected:
  // What the table says of late: "+a.com 61001 i1" or "-...", registrations first.
  std::vector<std::string> said() {
    const Changes changes = table.take_changes();
    std::vector<std::string> lines;
    for (const RouteMessage& message : changes.registrations) lines.push_back(line('+', message));
    for (const RouteMessage& message : changes.unregistrations) lines.push_back(line('-', message));
    for (const Collision& collision : changes.collisions) {
      lines.push_back("! " + collision.address + " " + collision.instance_guid + " " +
                      collision.other_instance_guid);
    }
    return lines;
  }
  std::vector<std::string> all(size_t at_once = 100) {
    std::vector<std::string> lines;
    std::optional<RouteKey> last;
    do {
      last = table.visit({}, last, at_once, [&lines](const RouteMessage& message) {
        lines.push_back(line('+', message));
      });
    } while (last);
    return lines;
  }
  void sync(std::vector<Desired> desired, std::vector<Instance> instances,
            std::set<std::string, std::less<>> fresh = {"cf-apps"}) {
    table.replace({std::move(desired), std::move(instances), std::move(fresh)});
  }

  RoutingTable table;
};

TEST_F(RoutingTableTest, an_instance_is_registered_for_each_hostname) {
  table.put(app({"a.com", "b.com/path"}));
  EXPECT_THAT(said(), IsEmpty());
  table.put(running(1));
  EXPECT_THAT(said(), ElementsAre("+a.com 61001 i1", "+b.com/path 61001 i1"));
  EXPECT_THAT(said(), IsEmpty());
  EXPECT_EQ(table.announced(), 2u);
}

TEST_F(RoutingTableTest, rows_may_come_in_any_order) {
  table.put(running(1));
  EXPECT_THAT(said(), IsEmpty());
  table.put(app({"a.com"}));
  EXPECT_THAT(said(), ElementsAre("+a.com 61001 i1"));
}

TEST_F(RoutingTableTest, a_message_says_all_that_a_router_wants_to_know) {
  Desired desired = app({"A.com"});
  desired.routes[0].protocol = "http2";
  desired.routes[0].route_service_url = "https://service.com";
  desired.routes[0].isolation_segment = "segment";
  desired.routes[0].options = R"({"loadbalancing":"least-connection","weight":3})";
  desired.metric_tags = {{"name", {MetricTag::Kind::fixed, "shop"}},
                         {"index", {MetricTag::Kind::index, ""}},
                         {"instance", {MetricTag::Kind::instance_guid, ""}}};
  Instance instance = running(4);
  instance.ports[0].tls_port = 61443;
  instance.availability_zone = "z1";
  table.put(std::move(desired));
  table.put(std::move(instance));
  const Changes changes = table.take_changes();
  ASSERT_EQ(changes.registrations.size(), 1u);
  EXPECT_EQ(changes.registrations[0].route, (RouteKey{"a.com", "10.0.0.1", 61443}));
  const std::string& payload = changes.registrations[0].payload;
  auto message = cf::parse_registry_message(payload);
  ASSERT_TRUE(message);
  EXPECT_EQ(*message, (cf::RegistryMessage{
                          .host = "10.0.0.1",
                          .port = 61004,
                          .tls_port = 61443,
                          .uris = {"A.com"},
                          .app = "log-p",
                          .private_instance_id = "i4",
                          .private_instance_index = "4",
                          .server_cert_domain_san = "i4",
                          .protocol = "http2",
                          .route_service_url = "https://service.com",
                          .endpoint_updated_at_ns = 4,
                          .isolation_segment = "segment",
                          .availability_zone = "z1",
                          .tags = {{"name", "shop"},
                                   {"index", "4"},
                                   {"instance", "i4"},
                                   {"component", "route-emitter"}},
                          .loadbalancing = "least-connection",
                      }));
  EXPECT_THAT(payload,
              testing::HasSubstr(R"("options":{"loadbalancing":"least-connection","weight":3})"));
}

TEST_F(RoutingTableTest, only_ports_that_are_reached_are_registered) {
  Desired desired = app({"a.com", "b.com", "c.com"});
  desired.routes[1].port = 9090;
  desired.routes[2].port = 7070;
  Instance instance = running(1);
  instance.ports = {{8080, 61001, 0}, {9090, 0, 61002}, {7070, 0, 0}};
  table.put(desired);
  table.put(instance);
  EXPECT_THAT(said(), ElementsAre("+a.com 61001 i1", "+b.com 61002 i1"));
}

TEST_F(RoutingTableTest, a_changed_app_says_only_what_differs) {
  table.put(app({"a.com", "b.com"}));
  table.put(running(1));
  said();
  table.put(app({"b.com", "c.com"}, 2));
  EXPECT_THAT(said(), ElementsAre("+c.com 61001 i1", "-a.com 61001 i1"));
  table.put(app({"b.com", "c.com"}, 3));  // scaled
  EXPECT_THAT(said(), IsEmpty());
}

TEST_F(RoutingTableTest, stopping_unroutable_and_removed_instances_are_unregistered) {
  table.put(app({"a.com"}));
  for (int number : {1, 2, 3}) table.put(running(number));
  said();
  table.put(stopped(1, 2));
  EXPECT_THAT(said(), ElementsAre("-a.com 61001 i1"));
  table.remove("p", {"i2", kOrdinary}, {"epoch-i2", 1});
  EXPECT_THAT(said(), ElementsAre("-a.com 61002 i2"));
  table.remove("p", {"epoch-p", 1});
  EXPECT_THAT(said(), ElementsAre("-a.com 61003 i3"));
  EXPECT_EQ(table.announced(), 0u);
  table.put(app({"a.com"}, 1, "p"));
  EXPECT_THAT(said(), ElementsAre("+a.com 61003 i3"));
}

TEST_F(RoutingTableTest, older_rows_are_passed_over) {
  table.put(app({"a.com"}, 5));
  table.put(running(1, 5));
  said();
  table.put(app({"old.com"}, 4));
  table.put(stopped(1, 4));
  table.remove("p", {"i1", kOrdinary}, {"epoch-i1", 4});
  table.remove("p", {"epoch-p", 4});
  EXPECT_THAT(said(), IsEmpty());
  Desired reborn = app({"new.com"}, 1);
  reborn.tag.epoch = "another life";
  table.put(reborn);
  EXPECT_THAT(said(), ElementsAre("+new.com 61001 i1", "-a.com 61001 i1"));
}

TEST_F(RoutingTableTest, an_evacuating_instance_keeps_its_route_until_it_is_gone) {
  table.put(app({"a.com"}));
  table.put(running(1));
  said();
  // Ordinary becomes evacuating: in either order, one batch or two.
  table.put(running(1, 2, kEvacuating));
  EXPECT_THAT(said(), IsEmpty());
  table.remove("p", {"i1", kOrdinary}, {"epoch-i1", 1});
  EXPECT_THAT(said(), IsEmpty());
  table.put(running(2));
  EXPECT_THAT(said(), ElementsAre("+a.com 61002 i2"));
  table.remove("p", {"i1", kEvacuating}, {"epoch-i1", 2});
  EXPECT_THAT(said(), ElementsAre("-a.com 61001 i1"));
}

TEST_F(RoutingTableTest, a_suspect_instance_keeps_its_route) {
  table.put(app({"a.com"}));
  table.put(running(1));
  said();
  table.remove("p", {"i1", kOrdinary}, {"epoch-i1", 1});
  table.put(running(1, 2, kSuspect));
  EXPECT_THAT(said(), IsEmpty());
}

TEST_F(RoutingTableTest, an_address_stays_registered_while_anybody_claims_it) {
  table.put(app({"a.com"}));
  table.put(running(1));
  said();
  Instance heir = running(9);
  heir.ports[0].port = 61001;
  table.put(heir);
  EXPECT_THAT(said(), ElementsAre("+a.com 61001 i9", "! 10.0.0.1:61001 i9 i1"));
  table.remove("p", {"i1", kOrdinary}, {"epoch-i1", 1});
  EXPECT_THAT(said(), IsEmpty());
  table.remove("p", {"i9", kOrdinary}, {"epoch-i9", 1});
  EXPECT_THAT(said(), ElementsAre("-a.com 61001 i9"));
}

TEST_F(RoutingTableTest, hostnames_that_differ_in_case_only_are_one_route) {
  table.put(app({"a.com", "A.COM"}));
  table.put(running(1));
  EXPECT_EQ(said().size(), 1u);
  table.put(app({"A.com"}, 2));
  EXPECT_THAT(said(), ElementsAre("+A.com 61001 i1"));
}

TEST_F(RoutingTableTest, a_fetch_says_the_difference) {
  table.put(app({"a.com"}));
  table.put(app({"gone.com"}, 1, "q"));
  table.put(running(1));
  table.put(running(2));
  table.put(running(3, 1, kOrdinary, "q"));
  said();
  sync({app({"a.com", "new.com"}, 2)}, {running(2), running(4)});
  EXPECT_THAT(said(), ElementsAre("+a.com 61004 i4", "+new.com 61002 i2", "+new.com 61004 i4",
                                  "-a.com 61001 i1", "-gone.com 61003 i3"));
  sync({app({"a.com", "new.com"}, 2)}, {running(2), running(4)});
  EXPECT_THAT(said(), IsEmpty());
}

TEST_F(RoutingTableTest, a_fetch_that_is_older_than_the_events_loses_to_them) {
  table.put(app({"a.com"}, 3));
  table.put(running(1, 3));
  said();
  sync({app({"old.com"}, 2)}, {stopped(1, 2)});
  EXPECT_THAT(said(), IsEmpty());
}

TEST_F(RoutingTableTest, events_of_the_time_of_a_fetch_count_after_it) {
  table.put(app({"a.com"}));
  table.put(running(1));
  said();
  // Came while the fetch was under way: told at once, and unknown to the fetch.
  table.put(running(2));
  table.remove("p", {"i1", kOrdinary}, {"epoch-i1", 1});
  EXPECT_THAT(said(), ElementsAre("+a.com 61002 i2", "-a.com 61001 i1"));
  sync({app({"a.com"})}, {running(1)});
  table.put(running(2));
  table.remove("p", {"i1", kOrdinary}, {"epoch-i1", 1});
  EXPECT_THAT(said(), IsEmpty());
}

TEST_F(RoutingTableTest, domains_that_are_not_fresh_lose_no_app_and_no_route) {
  table.put(app({"a.com", "b.com"}));
  table.put(app({"q.com"}, 1, "q"));
  table.put(running(1));
  table.put(running(2, 1, kOrdinary, "q"));
  said();
  sync({app({"b.com", "c.com"}, 2)}, {running(1), running(2, 1, kOrdinary, "q")}, {"other"});
  EXPECT_THAT(said(), ElementsAre("+c.com 61001 i1"));
  // Instances are not the domain's business.
  sync({app({"b.com", "c.com"}, 2)}, {running(1)}, {});
  EXPECT_THAT(said(), ElementsAre("-q.com 61002 i2"));
  sync({app({"b.com", "c.com"}, 2)}, {running(1)});
  EXPECT_THAT(said(), ElementsAre("-a.com 61001 i1"));
  EXPECT_FALSE(table.knows("q"));
}

TEST_F(RoutingTableTest, of_one_cell_apps_without_instances_are_forgotten) {
  table.put(app({"a.com"}));
  table.put(running(1));
  said();
  table.replace({.is_of_one_cell = true});
  EXPECT_THAT(said(), ElementsAre("-a.com 61001 i1"));
  table.replace({.is_of_one_cell = true});
  EXPECT_FALSE(table.knows("p"));
}

TEST_F(RoutingTableTest, all_routes_are_visited_in_pieces_while_the_table_changes) {
  table.put(app({"a.com", "b.com", "c.com"}));
  table.put(running(1));
  EXPECT_THAT(all(), IsEmpty());  // not announced yet
  said();
  for (const size_t at_once : {1u, 2u, 3u, 4u}) {
    EXPECT_THAT(all(at_once), ElementsAre("+a.com 61001 i1", "+b.com 61001 i1", "+c.com 61001 i1"));
  }
  const auto last = table.visit({}, std::nullopt, 1, [](const RouteMessage&) {});
  ASSERT_TRUE(last);
  table.put(app({"c.com"}, 2));  // the last visited one is gone as well
  said();
  std::vector<std::string> rest;
  EXPECT_FALSE(table.visit(
      {}, last, 5, [&rest](const RouteMessage& message) { rest.push_back(line('+', message)); }));
  EXPECT_THAT(rest, ElementsAre("+c.com 61001 i1"));
}

TEST_F(RoutingTableTest, an_instance_without_cell_or_address_has_no_route) {
  table.put(app({"a.com"}));
  Instance unclaimed = running(1);
  unclaimed.key.instance_guid.clear();
  table.put(unclaimed);
  Instance nowhere = running(2);
  nowhere.host.clear();
  table.put(nowhere);
  EXPECT_THAT(said(), IsEmpty());
}

Instance with_container(int number) {
  Instance instance = running(number);
  instance.container_ip = "172.16.0." + std::to_string(number);
  return instance;
}

std::vector<std::string> keys(const std::vector<RouteMessage>& messages) {
  std::vector<std::string> lines;
  for (const RouteMessage& message : messages) {
    lines.push_back(std::string(register_subject(message.route.kind)) + " " + message.route.uri +
                    " " + message.route.host + ":" + std::to_string(message.route.port));
  }
  return lines;
}

TEST_F(RoutingTableTest, each_kind_of_route_has_its_own_messages) {
  Desired desired = app({"a.com"});
  desired.tcp_routes = {{.router_group_guid = "group", .external_port = 1024, .port = 8080},
                        {.router_group_guid = "group", .external_port = 1025, .port = 9999}};
  desired.internal_hostnames = {"A.apps.internal"};
  Instance instance = with_container(4);
  instance.ports[0].tls_port = 61443;
  instance.availability_zone = "z1";
  table.put(desired);
  table.put(instance);
  const Changes changes = table.take_changes();
  EXPECT_THAT(keys(changes.registrations),
              ElementsAre("router.register a.com 10.0.0.1:61443",
                          "router.tcp.register group:1024 10.0.0.1:61004",
                          "service-discovery.register a.apps.internal 172.16.0.4:0"));
  EXPECT_EQ(table.announced(), 3u);
  EXPECT_EQ(table.announced(RouteKind::tcp), 1u);
  EXPECT_EQ(table.announced(RouteKind::internal), 1u);
  EXPECT_EQ(changes.registrations[1].payload,
            R"({"router_group_guid":"group","external_port":1024,"host":"10.0.0.1","port":61004,)"
            R"("tls_port":61443,"app":"log-p","private_instance_id":"i4",)"
            R"("private_instance_index":"4","server_cert_domain_san":"i4",)"
            R"("availability_zone":"z1","endpoint_updated_at_ns":4})");
  EXPECT_EQ(changes.registrations[2].payload,
            R"({"host":"172.16.0.4","uris":["A.apps.internal","4.A.apps.internal"],)"
            R"("app":"log-p","private_instance_id":"i4","private_instance_index":"4",)"
            R"("availability_zone":"z1","endpoint_updated_at_ns":4,)"
            R"("tags":{"component":"route-emitter"}})");
  table.remove("p", instance.key, instance.tag);
  const Changes gone = table.take_changes();
  EXPECT_EQ(gone.unregistrations.size(), 3u);
  EXPECT_EQ(table.announced(), 0u);
}

TEST_F(RoutingTableTest, a_tcp_route_takes_the_plain_port_and_else_the_tls_port) {
  Desired desired = app({});
  desired.tcp_routes = {{.external_port = 1, .port = 8080},
                        {.external_port = 2, .port = 9090, .sni_hostname = "A.com"},
                        {.external_port = 3, .port = 7070}};
  Instance instance = running(1);
  instance.ports = {{8080, 61001, 61002}, {9090, 0, 61004}, {7070, 0, 0}};
  table.put(desired);
  table.put(instance);
  EXPECT_THAT(keys(table.take_changes().registrations),
              ElementsAre("router.tcp.register :1 10.0.0.1:61001",
                          "router.tcp.register :2/a.com 10.0.0.1:61004"));
}

TEST_F(RoutingTableTest, an_instance_without_ports_has_internal_routes) {
  Desired desired = app({});
  desired.internal_hostnames = {"a.internal"};
  Instance instance = with_container(1);
  instance.ports.clear();
  instance.host.clear();
  table.put(desired);
  table.put(instance);
  EXPECT_EQ(table.take_changes().registrations.size(), 1u);
  instance.tag.index = 2;
  instance.container_ip.clear();
  table.put(instance);
  EXPECT_EQ(table.take_changes().unregistrations.size(), 1u);
}

TEST_F(RoutingTableTest, routes_of_any_kind_that_change_are_told_alone) {
  Desired desired = app({"a.com"});
  desired.tcp_routes = {{.external_port = 1, .port = 8080}};
  desired.internal_hostnames = {"a.internal"};
  table.put(desired);
  table.put(with_container(1));
  table.take_changes();
  desired.tag.index = 2;
  desired.tcp_routes[0].external_port = 2;
  desired.internal_hostnames.push_back("b.internal");
  table.put(desired);
  const Changes changes = table.take_changes();
  EXPECT_THAT(keys(changes.registrations),
              ElementsAre("router.tcp.register :2 10.0.0.1:61001",
                          "service-discovery.register b.internal 172.16.0.1:0"));
  EXPECT_THAT(keys(changes.unregistrations), ElementsAre("router.tcp.register :1 10.0.0.1:61001"));
}

TEST_F(RoutingTableTest, in_a_domain_that_is_not_fresh_routes_of_all_kinds_stay) {
  Desired desired = app({"a.com"});
  desired.tcp_routes = {{.external_port = 1, .port = 8080}};
  desired.internal_hostnames = {"a.internal"};
  sync({desired}, {with_container(1)});
  table.take_changes();
  Desired later = app({}, 2);
  sync({later}, {with_container(1)}, {});
  EXPECT_THAT(keys(table.take_changes().unregistrations), IsEmpty());
  sync({later}, {with_container(1)});
  EXPECT_EQ(table.take_changes().unregistrations.size(), 3u);
}

TEST_F(RoutingTableTest, a_visit_keeps_to_its_kinds) {
  Desired desired = app({"a.com", "b.com"});
  desired.tcp_routes = {{.external_port = 1, .port = 8080}};
  desired.internal_hostnames = {"a.internal", "b.internal"};
  table.put(desired);
  table.put(with_container(1));
  table.take_changes();
  const auto visited = [this](RoutingTable::Kinds kinds, size_t at_once) {
    size_t count = 0;
    std::optional<RouteKey> last;
    do {
      last = table.visit(kinds, last, at_once, [&count](const RouteMessage&) { ++count; });
    } while (last);
    return count;
  };
  for (const size_t at_once : {size_t{1}, size_t{2}, size_t{100}}) {
    EXPECT_EQ(visited({RouteKind::http, RouteKind::tcp}, at_once), 3u);
    EXPECT_EQ(visited({RouteKind::tcp, RouteKind::tcp}, at_once), 1u);
    EXPECT_EQ(visited({RouteKind::internal, RouteKind::internal}, at_once), 2u);
  }
}

}  // namespace
}  // namespace causeway::route_emitter
