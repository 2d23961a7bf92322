#include "router/admin/routes_page.h"

#include <string>

#include <gtest/gtest.h>

#include "router/route/route_book.h"

namespace causeway::router {
namespace {

TEST(RoutesPageTest, an_empty_table_is_an_empty_object) {
  EXPECT_EQ(routes_json(RouteTable(), std::chrono::seconds(120)), "{}");
}

TEST(RoutesPageTest, shows_every_member_that_is_set_in_order_of_routes) {
  const ManualClock clock;
  RouteBook book({}, clock);
  RouteChange change;
  change.uris = {"b.d", "a.d/x"};
  change.endpoint.host = "10.0.0.1";
  change.endpoint.port = 80;
  book.apply(change);
  change.uris = {"b.d"};
  EndpointSpec& spec = change.endpoint;
  spec.host = "10.0.0.2";
  spec.tls = true;
  spec.instance_id = "instance";
  spec.availability_zone = "z1";
  spec.isolation_segment = "segment";
  spec.route_service_url = "https://service";
  spec.server_cert_domain_san = "san";
  spec.stale_threshold = std::chrono::seconds(30);
  spec.balancing = LoadBalancing::least_connection;
  spec.tags = {{"component", "web"}, {"quote", "\""}};
  book.apply(change);
  const std::string plain =
      R"({"address":"10.0.0.1:80","availability_zone":"","protocol":"http1","tls":false,"ttl":120,"tags":{}})";
  EXPECT_EQ(
      routes_json(*book.publish(), std::chrono::seconds(120)),
      R"({"a.d/x":[)" + plain + R"(],"b.d":[)" + plain +
          R"(,{"address":"10.0.0.2:80","availability_zone":"z1","protocol":"http1","tls":true,"ttl":30,)"
          R"("route_service_url":"https://service","tags":{"component":"web","quote":"\""},)"
          R"("isolation_segment":"segment","private_instance_id":"instance",)"
          R"("server_cert_domain_san":"san","load_balancing_algorithm":"least-connection"}]})");
}

TEST(RoutesPageTest, shows_how_a_hash_is_made) {
  const ManualClock clock;
  RouteBook book({}, clock);
  RouteChange change;
  change.uris = {"a.d"};
  EndpointSpec& spec = change.endpoint;
  spec.host = "10.0.0.1";
  spec.port = 80;
  spec.balancing = LoadBalancing::hash;
  spec.hash_header = "X-Tenant";
  spec.hash_balance = 1.25;
  book.apply(change);
  EXPECT_NE(routes_json(*book.publish(), std::chrono::seconds(120))
                .find(R"("load_balancing_algorithm":"hash","hash_header":"X-Tenant",)"
                      R"("hash_balance":1.25)"),
            std::string::npos);
}

}  // namespace
}  // namespace causeway::router
