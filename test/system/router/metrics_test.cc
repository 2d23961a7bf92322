// Every metric of the real binary: its name, its labels, and what makes it move.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "test/system/router/routed.h"

namespace causeway::test {
namespace {

constexpr const char* metrics_config = R"(
backends: {max_attempts: 3, max_conns: 1}
workers: 1
per_app_prometheus_http_metrics_reporting: true
)";

class Metrics : public testing::Test {
 protected:
  explicit Metrics(const std::string& more = metrics_config)
      : routed_(more), hello_(FakeBackend::answers("hello")) {
    routed_.add("app.example", hello_.port(),
                R"(,"app":"app-1","tags":{"component":"web","source_id":"source-1"})");
  }
  double metric(const std::string& line) { return routed_.router().metric(line); }
  double metric(const std::string& line, double awaited) {
    return routed_.router().metric(line, awaited);
  }
  // It comes to that value, and not beyond.
  testing::AssertionResult comes_to(const std::string& line, double value) {
    double last = -1;
    if (eventually([&] { return (last = metric(line)) == value; }))
      return testing::AssertionSuccess();
    return testing::AssertionFailure() << line << " is " << last;
  }
  Routed routed_;
  FakeBackend hello_;
};

TEST_F(Metrics, are_all_there_from_the_start) {
  for (const char* name : {"registry_message{component=\"web\",action=\"endpoint-added\"}",
                           "routes_pruned",
                           "total_routes",
                           "ms_since_last_registry_update",
                           "route_registration_latency_count",
                           "route_lookup_time_count",
                           "gorouter_time_count",
                           "rejected_requests",
                           "bad_gateways",
                           "empty_content_length_header",
                           "backend_invalid_id",
                           "backend_invalid_tls_cert",
                           "backend_tls_handshake_failed",
                           "backend_exhausted_conns",
                           "websocket_upgrades",
                           "websocket_failures",
                           "responses{status_group=\"2xx\"}",
                           "responses{status_group=\"3xx\"}",
                           "responses{status_group=\"4xx\"}",
                           "responses{status_group=\"5xx\"}",
                           "responses{status_group=\"xxx\"}",
                           "responses_route_services{status_group=\"2xx\"}",
                           "responses_route_services{status_group=\"xxx\"}",
                           "file_descriptors",
                           "buffered_messages",
                           "total_dropped_messages",
                           "promhttp_metric_handler_errors_total{cause=\"encoding\"}",
                           "promhttp_metric_handler_errors_total{cause=\"gathering\"}",
                           "process_cpu_seconds_total",
                           "process_resident_memory_bytes",
                           "process_open_fds",
                           "process_max_fds",
                           "process_start_time_seconds"}) {
    EXPECT_GE(metric(name), 0) << name;
  }
  EXPECT_EQ(metric("registry_message{component=\"web\",action=\"endpoint-added\"}", 1), 1);
  EXPECT_EQ(metric("total_routes", 1), 1);
}

TEST_F(Metrics, of_requests) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(routed_.get("app.example").status(), 200);
  EXPECT_TRUE(comes_to("total_requests{component=\"web\"}", 3));
  EXPECT_TRUE(comes_to("responses{status_group=\"2xx\"}", 3));
  EXPECT_TRUE(comes_to("latency_count{component=\"web\"}", 3));
  EXPECT_TRUE(comes_to("latency_seconds_count{component=\"web\"}", 3));
  EXPECT_TRUE(comes_to("gorouter_time_count", 3));
  EXPECT_TRUE(comes_to("gorouter_time_seconds_count", 3));
  EXPECT_TRUE(comes_to("route_lookup_time_count", 3));
  EXPECT_TRUE(comes_to("route_lookup_time_seconds_bucket{le=\"+Inf\"}", 3));
  EXPECT_TRUE(comes_to("http_latency_seconds_count{source_id=\"source-1\"}", 3));

  // Refused by the router itself: no responses, no requests of a component.
  EXPECT_EQ(routed_.get("nowhere.example").status(), 404);
  EXPECT_EQ(routed_.get("app.example", "/", "X-CF-App-Instance: x\r\n").status(), 400);
  EXPECT_TRUE(comes_to("rejected_requests", 2));
  EXPECT_TRUE(comes_to("http_latency_seconds_count{source_id=\"gorouter\"}", 2));
  EXPECT_EQ(metric("responses{status_group=\"4xx\"}"), 0);
  EXPECT_EQ(metric("total_requests{component=\"web\"}", 3), 3);
  EXPECT_EQ(metric("gorouter_time_count", 3), 3);
}

TEST_F(Metrics, of_failures) {
  const ClosedPort one;
  const ClosedPort two;
  routed_.add("refused.example", one.port(), R"(,"tags":{"component":"gone"})");
  routed_.add("refused.example", two.port(), R"(,"tags":{"component":"gone"})");
  EXPECT_EQ(routed_.get("refused.example").status(), 502);
  // Attempts are what is counted.
  EXPECT_TRUE(comes_to("total_requests{component=\"gone\"}", 2));
  EXPECT_TRUE(comes_to("bad_gateways", 1));
  EXPECT_TRUE(comes_to("responses{status_group=\"5xx\"}", 1));
  EXPECT_TRUE(comes_to("backend_retries", 1));
  EXPECT_EQ(metric("rejected_requests"), 0);

  FakeBackend busy(FakeBackend::holds());
  routed_.add("busy.example", busy.port());
  RawSocket first = routed_.connect();
  first.send("GET / HTTP/1.1\r\nHost: busy.example\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return busy.connections() == 1; }));
  EXPECT_EQ(routed_.get("busy.example").status(), 503);
  EXPECT_TRUE(comes_to("backend_exhausted_conns", 1));
  EXPECT_EQ(metric("rejected_requests"), 0);
  EXPECT_EQ(metric("bad_gateways", 1), 1);

  const std::string upgrade =
      "GET / HTTP/1.1\r\nHost: app.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
  EXPECT_EQ(routed_.send(upgrade).status(), 200);
  EXPECT_TRUE(comes_to("websocket_failures", 1));
  EXPECT_EQ(metric("websocket_upgrades"), 0);
  FakeBackend upgrader([](RawSocket& peer, size_t) {
    read_request(peer);
    peer.send(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    peer.receive();
  });
  routed_.add("ws.example", upgrader.port());
  RawSocket client = routed_.connect();
  client.send(
      "GET / HTTP/1.1\r\nHost: ws.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  EXPECT_NE(client.receive_until("\r\n\r\n").find("101"), std::string::npos);
  EXPECT_TRUE(comes_to("websocket_upgrades", 1));
  EXPECT_TRUE(comes_to("tunnels", 1));
  EXPECT_TRUE(comes_to("responses{status_group=\"xxx\"}", 1));
}

TEST_F(Metrics, of_registrations) {
  routed_.add("more.example", hello_.port(), R"(,"tags":{"component":"web"})");
  routed_.registrar().publish("router.register", registration("more.example", hello_.port()));
  routed_.registrar().publish("router.register", "{");
  routed_.remove("more.example", hello_.port());
  EXPECT_TRUE(comes_to("registry_message{component=\"web\",action=\"endpoint-added\"}", 2));
  EXPECT_TRUE(comes_to("unregistry_message{component=\"\"}", 1));
  EXPECT_TRUE(comes_to("registry_messages_malformed", 1));
  EXPECT_TRUE(comes_to("total_routes", 1));
}

TEST(MetricsConfig, per_request_ones_can_be_off_and_dropsonde_is_refused_loudly) {
  Routed routed(R"(
per_request_metrics_reporting: false
logging: {metron_address: 'localhost:3457', loggregator_enabled: true}
enable_envelope_v1_metrics: true
)");
  FakeBackend backend(FakeBackend::answers("x"));
  routed.add("app.example", backend.port(), R"(,"tags":{"component":"web"})");
  EXPECT_EQ(routed.get("app.example").status(), 200);
  EXPECT_TRUE(
      eventually([&] { return routed.router().metric("responses{status_group=\"2xx\"}") == 1; }));
  EXPECT_EQ(routed.router().metric("latency_count{component=\"web\"}"), 0);
  EXPECT_EQ(routed.router().metric("gorouter_time_count"), 0);
  EXPECT_EQ(routed.router().metric("route_lookup_time_count"), 0);
  EXPECT_EQ(routed.count_in_log("config-key-not-served", "enable_envelope_v1_metrics", 1), 1u);
  EXPECT_EQ(routed.count_in_log("config-key-not-served", "logging.loggregator_enabled", 1), 1u);
}

TEST(Varz, is_served_when_asked_for) {
  const NatsServer nats;
  const std::string authorization = "Authorization: Basic c3RhdHVzOnNlY3JldA==\r\n";
  {
    RouterBinary router(nats.port());
    ASSERT_TRUE(router.wait_until_serving());
    EXPECT_EQ(router.get(router.status_port(), "s", "/varz", authorization).status(), 404);
  }
  RouterBinary router(nats.port(), "", ", enable_deprecated_varz_healthz_endpoints: true");
  ASSERT_TRUE(router.wait_until_serving());
  EXPECT_EQ(router.get(router.status_port(), "s", "/healthz").body, "ok");
  EXPECT_EQ(router.get(router.status_port(), "s", "/health").body, "ok\n");
  EXPECT_EQ(router.get(router.status_port(), "s", "/varz").status(), 401);
  const RawMessage varz = router.get(router.status_port(), "s", "/varz", authorization);
  EXPECT_EQ(varz.status(), 200);
  EXPECT_EQ(varz.header("Content-Type"), "application/json");
  EXPECT_EQ(varz.body.substr(0, 17), "{\"type\":\"Router\",");
  EXPECT_EQ(router.get(router.status_port(), "s", "/routes", authorization).body, "{}");
}

}  // namespace
}  // namespace causeway::test
