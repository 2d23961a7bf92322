// Route services: a request for a bound route goes to the service, comes back signed and reaches
// the app; everything else has its refusal.
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "test/system/router/routed.h"

namespace causeway::test {
namespace {

constexpr const char* kBase = "route_services_secret: secret\nroute_services_hairpinning: true\n";
constexpr const char* kFailed = "Failed to validate Route Service Signature: ";

// The lines that prove where a request comes from.
std::string signed_lines(const RawMessage& request) {
  std::string lines;
  for (const char* name : {"X-CF-Forwarded-Url", "X-CF-Proxy-Signature", "X-CF-Proxy-Metadata"})
    lines += std::string(name) + ": " + request.header(name) + "\r\n";
  return lines;
}

// An app that answers with the head it got, behind a service that is an app of the same router.
class RouteServiceTest : public testing::Test {
 protected:
  void start(const std::string& more = kBase,
             const std::string& url = "https://service.d/svc?x=1") {
    routed_ = std::make_unique<Routed>("workers: 1\n" + more);
    routed_->add("app.d", app_.port(),
                 ",\"app\":\"app-guid\",\"route_service_url\":\"" + url + "\"");
    routed_->add("other.d", app_.port(), ",\"route_service_url\":\"" + url + "\"");
    routed_->add("free.d", app_.port());
    routed_->add("service.d", service_.port(),
                 R"(,"app":"service-guid","private_instance_id":"service-instance")");
  }
  // What the service got last.
  RawMessage service_request() {
    const std::lock_guard lock(mutex_);
    EXPECT_FALSE(requests_.empty());
    return requests_.empty() ? RawMessage{} : requests_.back();
  }
  size_t service_requests() {
    const std::lock_guard lock(mutex_);
    return requests_.size();
  }
  // A signature that this router made for app.d just now.
  std::string fresh_signature() {
    service_reply_ = ok_reply("kept");
    EXPECT_EQ(routed_->get("app.d").body, "kept");
    return signed_lines(service_request());
  }
  void expect_refused(const RawMessage& reply, int status, const std::string& message,
                      const std::string& router_error = {}) {
    EXPECT_EQ(reply.status(), status);
    EXPECT_NE(reply.body.find(message), std::string::npos) << reply.body;
    EXPECT_EQ(reply.header("X-Cf-Routererror"), router_error);
  }

 private:
  // Keeps the request; passes it on to where it came from unless there is a reply to give.
  void serve(RawSocket& peer) {
    for (;;) {
      const RawMessage request = read_request(peer);
      if (!request.is_whole) return;
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
      }
      const std::string reply = service_reply_;
      if (!peer.send(reply.empty() ? ok_reply(pass_on(request)) : reply)) return;
    }
  }
  std::string pass_on(const RawMessage& request) const {
    const std::string url = request.header("X-CF-Forwarded-Url");
    const size_t host = url.find("://") + 3;
    const size_t path = url.find('/', host);
    return routed_
        ->get(url.substr(host, path - host), url.substr(path),
              signed_lines(request) + "X-Forwarded-Proto: " + request.header("X-Forwarded-Proto") +
                  "\r\nX-Forwarded-For: " + request.header("X-Forwarded-For") + "\r\n")
        .body;
  }

 protected:
  std::string service_reply_;  // "": the request is passed on
  std::unique_ptr<Routed> routed_;

 private:
  std::mutex mutex_;
  std::vector<RawMessage> requests_;

 protected:
  FakeBackend app_{FakeBackend::echoes()};
  FakeBackend service_{[this](RawSocket& peer, size_t) { serve(peer); }};
};

TEST_F(RouteServiceTest, a_request_visits_the_service_on_its_way_to_the_app) {
  start();
  const RawMessage reply = routed_->get("app.d:80", "/a/b;c?d=%20e", "X-Mine: 1\r\n");
  EXPECT_EQ(reply.status(), 200);
  const RawMessage visit = service_request();
  EXPECT_EQ(visit.start_line(), "GET /svc?x=1 HTTP/1.1");
  EXPECT_EQ(visit.header("Host"), "service.d");
  EXPECT_EQ(visit.count("Host"), 1);
  EXPECT_EQ(visit.header("X-CF-Forwarded-Url"), "http://app.d/a/b;c?d=%20e");
  EXPECT_FALSE(visit.header("X-CF-Proxy-Signature").empty());
  EXPECT_FALSE(visit.header("X-CF-Proxy-Metadata").empty());
  EXPECT_EQ(visit.header("X-CF-ApplicationID"), "service-guid");
  EXPECT_EQ(visit.header("X-Mine"), "1");
  EXPECT_EQ(visit.header("X-Forwarded-For"), "127.0.0.1");

  RawMessage arrival;
  arrival.head = reply.body;
  EXPECT_EQ(arrival.start_line(), "GET /a/b;c?d=%20e HTTP/1.1");
  EXPECT_EQ(arrival.header("Host"), "app.d");
  EXPECT_EQ(arrival.header("X-CF-ApplicationID"), "app-guid");
  EXPECT_EQ(arrival.header("X-Forwarded-For"), "127.0.0.1, 127.0.0.1");
  for (const char* name : {"X-CF-Forwarded-Url", "X-CF-Proxy-Signature", "X-CF-Proxy-Metadata"})
    EXPECT_FALSE(arrival.has(name)) << name;
  EXPECT_NE(arrival.header("X-Vcap-Request-Id"), visit.header("X-Vcap-Request-Id"));
  EXPECT_EQ(routed_->router().metric("responses_route_services{status_group=\"2xx\"}", 1), 1);
  EXPECT_EQ(routed_->count_in_log("route-service-response", ""), 0u);
}

TEST_F(RouteServiceTest, the_services_own_answer_is_the_clients) {
  start();
  service_reply_ =
      "HTTP/1.1 403 Forbidden\r\nSet-Cookie: JSESSIONID=1\r\nContent-Length: 2\r\n\r\nno";
  const RawMessage reply = routed_->get("app.d");
  EXPECT_EQ(reply.status(), 403);
  EXPECT_EQ(reply.body, "no");
  EXPECT_EQ(reply.count("Set-Cookie"), 1);  // a service is no instance of the app
  EXPECT_EQ(routed_->router().metric("responses_route_services{status_group=\"4xx\"}", 1), 1);
  EXPECT_NE(routed_->log_line("route-service-response", "").find("\"status-code\":403"),
            std::string::npos);
}

TEST_F(RouteServiceTest, blank_or_forged_headers_of_a_client_mean_nothing) {
  start();
  EXPECT_EQ(routed_->get("app.d", "/", "X-CF-Proxy-Signature: \r\nX-CF-Forwarded-Url: http://x\r\n")
                .status(),
            200);
  EXPECT_EQ(service_request().header("X-CF-Forwarded-Url"), "http://app.d/");
  EXPECT_EQ(service_request().count("X-CF-Proxy-Signature"), 1);
  const std::string lines = fresh_signature();
  const size_t visits = service_requests();
  for (const std::string& forged :
       {std::string("X-CF-Proxy-Signature: x\r\n"), std::string("X-CF-Proxy-Signature: YQ==\r\n"),
        std::string("X-CF-Proxy-Signature: YQ==\r\nX-CF-Proxy-Metadata: e30=\r\n"),
        "X-CF-Proxy-Signature: YQ==\r\n" + lines})
    expect_refused(routed_->get("app.d", "/", forged), 502, kFailed);
  EXPECT_EQ(service_requests(), visits);
}

TEST_F(RouteServiceTest, a_signature_is_for_its_route_but_for_any_path_of_it) {
  start();
  const std::string lines = fresh_signature();
  EXPECT_EQ(routed_->get("app.d", "/elsewhere?x", lines).status(), 200);
  expect_refused(routed_->get("other.d", "/", lines), 502, kFailed);
  routed_->remove("app.d", app_.port());
  ASSERT_TRUE(eventually([&] { return routed_->get("app.d").status() == 404; }));
  expect_refused(routed_->get("other.d", "/", lines), 502, kFailed);
}

TEST_F(RouteServiceTest, a_signature_expires) {
  start(std::string(kBase) + "route_services_timeout: 1s");
  const std::string lines = fresh_signature();
  RawMessage reply;
  ASSERT_TRUE(eventually([&] {
    reply = routed_->get("app.d", "/", lines);
    return reply.status() != 200;
  }));
  expect_refused(reply, 504, std::string(kFailed) + "Route service request expired");
}

TEST_F(RouteServiceTest, a_former_secret_still_opens) {
  start();
  const std::string lines = fresh_signature();
  start(
      "route_services_secret: new\nroute_services_secret_decrypt_only: secret\n"
      "route_services_hairpinning: true");
  EXPECT_EQ(routed_->get("app.d", "/", lines).status(), 200);
  start("route_services_secret: new\nroute_services_hairpinning: true");
  expect_refused(routed_->get("app.d", "/", lines), 502, kFailed);
}

TEST_F(RouteServiceTest, without_a_secret_bound_routes_do_not_work) {
  start("route_services_hairpinning: true");
  expect_refused(routed_->get("app.d"), 502, "Support for route services is disabled.",
                 "route_service_unsupported");
  EXPECT_EQ(routed_->get("free.d").status(), 200);
}

TEST_F(RouteServiceTest, websockets_are_refused_unless_enabled) {
  const std::string upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
  start();
  expect_refused(routed_->send("GET / HTTP/1.1\r\nHost: app.d\r\n" + upgrade + "\r\n"), 503,
                 "Websocket requests are not supported when bound to a Route Service.",
                 "route_service_unsupported");
  start(std::string(kBase) + "route_services: {enable_websockets: true}");
  service_reply_ = "HTTP/1.1 101 Switching Protocols\r\n" + upgrade + "\r\n";
  RawSocket client = routed_->connect();
  client.send("GET / HTTP/1.1\r\nHost: app.d\r\n" + upgrade + "\r\n");
  EXPECT_TRUE(client.receive_until("\r\n\r\n").starts_with("HTTP/1.1 101 "));
}

TEST_F(RouteServiceTest, the_scheme_of_the_forwarded_url_may_be_https) {
  start(std::string(kBase) + "route_services_recommend_https: true");
  EXPECT_EQ(routed_->get("app.d", "/x").status(), 200);
  EXPECT_EQ(service_request().header("X-CF-Forwarded-Url"), "https://app.d/x");
}

TEST_F(RouteServiceTest, the_protocol_of_a_request_that_comes_back_is_believed) {
  start(std::string(kBase) + "sanitize_forwarded_proto: true");
  const std::string lines = fresh_signature() + "X-Forwarded-Proto: https\r\n";
  RawMessage arrival;
  arrival.head = routed_->get("app.d", "/", lines).body;
  EXPECT_EQ(arrival.header("X-Forwarded-Proto"), "https");
  arrival.head = routed_->get("free.d", "/", lines).body;
  EXPECT_EQ(arrival.header("X-Forwarded-Proto"), "http");
}

TEST_F(RouteServiceTest, a_service_without_instances_or_with_a_service_of_its_own) {
  start(std::string(kBase) + "empty_pool_response_code_503: true\nempty_pool_timeout: 100s");
  routed_->remove("service.d", service_.port());
  RawMessage reply;
  ASSERT_TRUE(eventually([&] {
    reply = routed_->get("app.d");
    return reply.status() == 503;
  }));
  EXPECT_EQ(reply.header("X-Cf-Routererror"), "no_endpoints");
  start(kBase, "https://other.d/");
  expect_refused(routed_->get("app.d"), 502, kFailed);
}

TEST_F(RouteServiceTest, a_service_that_fails_is_retried_as_any_app_is) {
  start(std::string(kBase) + "backends: {max_attempts: 3}");
  const ClosedPort closed;
  routed_->add("service.d", closed.port());
  for (int i = 0; i < 4; ++i) EXPECT_EQ(routed_->get("app.d").status(), 200);
}

TEST_F(RouteServiceTest, strict_validation_looks_at_routes_without_service_too) {
  start();
  EXPECT_EQ(routed_->get("free.d", "/", "X-CF-Proxy-Signature: x\r\n").status(), 200);
  start(std::string(kBase) +
        "route_services: {strict_signature_validation: true}\nroute_services_timeout: 1s");
  expect_refused(routed_->get("free.d", "/", "X-CF-Proxy-Signature: x\r\n"), 400, kFailed,
                 "invalid_route_service_signature");
  const std::string lines = fresh_signature();
  RawMessage reply;
  ASSERT_TRUE(eventually([&] {
    reply = routed_->get("free.d", "/", lines);
    return reply.status() != 200;
  }));
  expect_refused(reply, 504, kFailed, "expired_route_service_signature");
  EXPECT_EQ(routed_->get("free.d").status(), 200);
}

}  // namespace
}  // namespace causeway::test
