// Replies the router makes itself: every row of the table of errors that can happen without TLS and
// route services, and the bare answers to malformed requests.
#include <string>

#include <gtest/gtest.h>

#include "test/support/fake_backend.h"
#include "test/support/router_under_test.h"

using namespace causeway;
using namespace causeway::test;

namespace {

constexpr const char* guid = "0123abcd-0123-4567-89ab-0123456789ab";

// What the router says to raw bytes, down to the end of the connection.
std::string answer_to(const RouterUnderTest& router, const std::string& text) {
  RawSocket client = router.connect();
  client.send(text);
  const std::string answer = client.receive_all();
  EXPECT_FALSE(client.timed_out()) << "not closed after: " << text;
  return answer;
}

TEST(ErrorReply, unknown_route) {
  RouterUnderTest router;
  const RawMessage reply = router.get("nowhere.example:80", "/x");
  EXPECT_EQ(reply.start_line(), "HTTP/1.1 404 Not Found");
  EXPECT_EQ(reply.header("X-Cf-Routererror"), "unknown_route");
  EXPECT_EQ(reply.header("Cache-Control"), "no-cache, no-store");
  EXPECT_EQ(reply.header("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(reply.header("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(reply.header("X-Vcap-Request-Id").size(), 36u);
  EXPECT_EQ(reply.body, "404 Not Found: Requested route ('nowhere.example') does not exist.\n");
  EXPECT_FALSE(reply.has("Connection"));
  EXPECT_EQ(router.metric("rejected_requests", 1), 1);
}

TEST(ErrorReply, empty_host_and_the_clients_own_address) {
  RouterUnderTest router;
  for (const auto* text :
       {"GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: 127.0.0.1:80\r\nConnection: close\r\n\r\n"}) {
    const RawMessage reply{.head = answer_to(router, text)};
    EXPECT_EQ(reply.status(), 400) << text;
    EXPECT_EQ(reply.header("X-Cf-Routererror"), "empty_host");
    EXPECT_EQ(reply.header("Cache-Control"), "public,max-age=2");
    EXPECT_TRUE(reply.head.ends_with("400 Bad Request: Request had empty Host header\n"));
  }
}

TEST(ErrorReply, instance_headers) {
  FakeBackend zero(FakeBackend::answers("zero"));
  FakeBackend one(FakeBackend::answers("one"));
  RouterUnderTest router;
  const auto describe = [](const char* index) {
    return [index](router::EndpointSpec& spec) {
      spec.app_id = guid;
      spec.instance_index = index;
      spec.tags["process_id"] = guid;
    };
  };
  router.add("app.example", zero.port(), describe("0"));
  router.add("app.example", one.port(), describe("1"));
  const auto ask = [&](const std::string& line) {
    return router.get("app.example", "/", line + "\r\n");
  };
  const std::string app = "X-CF-App-Instance: " + std::string(guid);
  const std::string process = "X-CF-Process-Instance: " + std::string(guid);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(ask(app + ":1").body, "one");
    EXPECT_EQ(ask(process + ":0").body, "zero");
  }
  EXPECT_EQ(ask(process).status(), 200);

  RawMessage reply = ask(app + ":2");
  EXPECT_EQ(reply.status(), 400);
  EXPECT_EQ(reply.header("X-Cf-Routererror"), "unknown_route");
  EXPECT_EQ(reply.body, "400 Bad Request: Requested instance ('2') with guid ('" +
                            std::string(guid) + "') does not exist for route ('app.example')\n");
  for (const auto& bad :
       {app, app + ":", app + ":x", std::string("X-CF-App-Instance: 1"), app + ":1:2"}) {
    reply = ask(bad);
    EXPECT_EQ(reply.status(), 400) << bad;
    EXPECT_EQ(reply.header("X-Cf-Routererror"), "invalid_cf_app_instance_header");
    EXPECT_EQ(reply.header("Cache-Control"), "no-cache, no-store");
  }
  EXPECT_EQ(ask("X-CF-Process-Instance: x").header("X-Cf-Routererror"),
            "invalid_cf_process_instance_header");
}

TEST(ErrorReply, an_emptied_route_in_503_mode) {
  FakeBackend backend(FakeBackend::answers("x"));
  RouterUnderTest::Options options;
  options.keep_emptied_routes = true;
  RouterUnderTest router(options);
  router.add("app.example", backend.port());
  router.remove("app.example", backend.port());
  const RawMessage reply = router.get("app.example");
  EXPECT_EQ(reply.status(), 503);
  EXPECT_EQ(reply.header("X-Cf-Routererror"), "no_endpoints");
  EXPECT_EQ(reply.header("Cache-Control"), "public,max-age=2");
  EXPECT_EQ(
      reply.body,
      "503 Service Unavailable: Requested route ('app.example') has no available endpoints.\n");
}

TEST(ErrorReply, every_endpoint_at_max_conns) {
  FakeBackend backend([](RawSocket& peer, size_t) {
    read_request(peer);
    peer.receive();  // answers nothing until the test is over
  });
  RouterUnderTest::Options options;
  options.settings.max_conns = 1;
  RouterUnderTest router(options);
  router.add("app.example", backend.port());
  RawSocket first = router.connect();
  first.send("GET / HTTP/1.1\r\nHost: app.example\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return backend.connections() == 1; }));
  const RawMessage reply = router.get("app.example");
  EXPECT_EQ(reply.status(), 503);
  EXPECT_EQ(reply.header("X-Cf-Routererror"), "Connection Limit Reached");
  EXPECT_EQ(reply.body,
            "503 Service Unavailable: Requested route ('app.example') has reached the connection "
            "limit.\n");
  EXPECT_EQ(router.metric("backend_exhausted_conns", 1), 1);
}

TEST(ErrorReply, heads_over_the_configured_limits) {
  FakeBackend backend(FakeBackend::answers("x"));
  RouterUnderTest::Options options;
  options.settings.max_request_header_bytes = 1000;
  options.settings.max_request_headers = 10;
  RouterUnderTest router(options);
  router.add("app.example", backend.port());
  EXPECT_EQ(router.get("app.example", "/", "X: " + std::string(800, 'x') + "\r\n").status(), 200);
  std::string many;
  for (int i = 0; i < 12; ++i) many += "X: 1\r\n";
  for (const std::string& lines : {"X: " + std::string(1200, 'x') + "\r\n", many}) {
    RawSocket client = router.connect();
    client.send("GET / HTTP/1.1\r\nHost: app.example\r\n" + lines + "\r\n");
    const RawMessage reply = read_reply(client);
    EXPECT_EQ(reply.status(), 431);
    EXPECT_EQ(reply.header("X-Cf-Routererror"), "max-request-size-exceeded");
    EXPECT_EQ(reply.header("Connection"), "close");
    EXPECT_EQ(reply.body, "");
    EXPECT_EQ(client.receive_all(), "");
  }
  // A route that is not there is told first.
  EXPECT_EQ(router.get("nowhere.example", "/", many).status(), 404);
}

TEST(ErrorReply, malformed_requests_get_a_bare_answer_and_no_second_chance) {
  FakeBackend backend(FakeBackend::answers("x"));
  RouterUnderTest router;
  router.add("app.example", backend.port());
  const std::string host = "Host: app.example\r\n";
  const std::string next = "GET /second HTTP/1.1\r\n" + host + "\r\n";
  struct Row {
    std::string text;
    const char* status;
  };
  const Row rows[] = {
      {"GET / HTTP/1.1\r\n\r\n", "400 Bad Request: missing required Host header"},
      {"GET / HTTP/1.1\r\n" + host + "Host: b\r\n\r\n", "400 Bad Request: too many Host headers"},
      {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "400 Bad Request: malformed Host header"},
      {"GET /%zz HTTP/1.1\r\n" + host + "\r\n", "400 Bad Request"},
      {"G(T / HTTP/1.1\r\n" + host + "\r\n", "400 Bad Request"},
      {"GET / HTTP/1.1\r\n" + host + "X : 1\r\n\r\n", "400 Bad Request"},
      {"GET / HTTP/1.1\r\n" + host + "Content-Length:\r\n\r\n", "400 Bad Request"},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
       "400 Bad Request"},
      {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip\r\n\r\n",
       "501 Not Implemented: Unsupported transfer encoding"},
      {"GET / HTTP/1.2\r\n" + host + "\r\n", "400 Bad Request"},
      {"GET / HTTP/3.0\r\n" + host + "\r\n", "505 HTTP Version Not Supported"},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400 Bad Request"},
      {"\x16\x03\x01\x02\r\n\r\n", "400 Bad Request"},
      {"GET / HTTP/1.1\r\n" + host + "X: " + std::string(1u << 20, 'x') + "\r\n\r\n",
       "431 Request Header Fields Too Large"},
  };
  for (const Row& row : rows) {
    const std::string answer = answer_to(router, row.text + next);
    EXPECT_EQ(answer.substr(0, 9), "HTTP/1.1 ");
    const RawMessage reply{.head = answer};
    EXPECT_EQ(reply.header("Connection"), "close");
    EXPECT_EQ(reply.header("Content-Type"), "text/plain; charset=utf-8");
    EXPECT_FALSE(reply.has("X-Cf-Routererror"));
    EXPECT_TRUE(answer.ends_with(std::string("\r\n\r\n") + row.status))
        << row.text.substr(0, 100) << answer;
  }
  EXPECT_EQ(router.metric("malformed_requests", static_cast<double>(std::size(rows))),
            static_cast<double>(std::size(rows)));
  EXPECT_EQ(backend.connections(), 0u);
}

TEST(ErrorReply, a_broken_chunk_ends_the_exchange) {
  FakeBackend backend(FakeBackend::echoes());
  RouterUnderTest router;
  router.add("app.example", backend.port());
  const std::string answer = answer_to(router,
                                       "POST / HTTP/1.1\r\nHost: app.example\r\nTransfer-Encoding: "
                                       "chunked\r\n\r\n5\r\nhelloXX\r\n0\r\n\r\n"
                                       "GET /second HTTP/1.1\r\nHost: app.example\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 Bad Request\r\n")) << answer;
  EXPECT_EQ(answer.find("second"), std::string::npos);
  EXPECT_TRUE(eventually([&] { return router.counts().backend_connections == 0; }));
}

TEST(ErrorReply, health_checks_and_options_star) {
  RouterUnderTest router;
  RawMessage reply = router.get("any.example", "/any", "User-Agent: HTTP-Monitor/1.1\r\n");
  EXPECT_EQ(reply.status(), 200);
  EXPECT_EQ(reply.body, "ok\n");
  EXPECT_EQ(reply.header("Cache-Control"), "private, max-age=0");
  EXPECT_EQ(reply.header("Expires"), "0");
  router.worker().set_healthy(false);
  reply = router.get("any.example", "/any", "User-Agent: HTTP-Monitor/1.1\r\n");
  EXPECT_EQ(reply.status(), 503);
  EXPECT_EQ(reply.body, "");

  RawSocket client = router.connect();
  client.send("OPTIONS * HTTP/1.1\r\nHost: any.example\r\n\r\n");
  reply = read_reply(client);
  EXPECT_EQ(reply.status(), 200);
  EXPECT_EQ(reply.header("Content-Length"), "0");
  EXPECT_FALSE(reply.has("X-Cf-Routererror"));
}

TEST(ErrorReply, a_small_body_that_nobody_wants_does_not_cost_the_connection) {
  RouterUnderTest router;
  RawSocket client = router.connect();
  for (int i = 0; i < 3; ++i) {
    client.send("POST / HTTP/1.1\r\nHost: nowhere\r\nContent-Length: 1000\r\n\r\n");
    EXPECT_EQ(read_reply(client).status(), 404);
    client.send(std::string(1000, 'x'));
  }
  client.send("POST / HTTP/1.1\r\nHost: nowhere\r\nContent-Length: 100000000\r\n\r\n");
  const RawMessage reply = read_reply(client);
  EXPECT_EQ(reply.status(), 404);
  EXPECT_EQ(reply.header("Connection"), "close");
}

TEST(ErrorReply, rewrite_rules_apply_to_every_reply) {
  FakeBackend backend([](RawSocket& peer, size_t) {
    while (read_request(peer).is_whole)
      peer.send(ok_reply("x", "Server: secret\r\nX-A: 1\r\nX-A: 2\r\nX-Here: mine\r\n"));
  });
  RouterUnderTest::Options options;
  options.settings.remove_response_headers = {
      {"server", ""}, {"x-a", "1"}, {"X-Content-Type-Options", ""}};
  options.settings.add_response_headers_if_not_present = {{"X-Here", "added"},
                                                          {"Server", "router"}};
  RouterUnderTest router(options);
  router.add("app.example", backend.port());
  RawMessage reply = router.get("app.example");
  EXPECT_EQ(reply.header("Server"), "router");
  EXPECT_EQ(reply.count("Server"), 1);
  EXPECT_EQ(reply.count("X-A"), 1);
  EXPECT_EQ(reply.header("X-A"), "2");
  EXPECT_EQ(reply.header("X-Here"), "mine");
  reply = router.get("nowhere.example");
  EXPECT_EQ(reply.header("X-Here"), "added");
  EXPECT_FALSE(reply.has("X-Content-Type-Options"));
}

TEST(ErrorReply, header_settings) {
  FakeBackend backend(FakeBackend::echoes());
  RouterUnderTest::Options options;
  options.settings.trace_key = "22";
  options.settings.sanitize_forwarded_proto = true;
  options.settings.forwarded_client_cert = router::ClientCertPolicy::sanitize_set;
  options.settings.hop_by_hop_headers_to_filter = {"X-Keep-Me"};
  RouterUnderTest router(options);
  router.add("app.example", backend.port());
  const RawMessage reply = router.get(
      "app.example", "/",
      "X-Vcap-Trace: 22\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Client-Cert: forged\r\n"
      "Connection: X-Keep-Me, X-Drop-Me\r\nX-Keep-Me: 1\r\nX-Drop-Me: 1\r\n");
  const std::string authority = "127.0.0.1:" + std::to_string(backend.port());
  EXPECT_EQ(reply.header("X-Vcap-Router"), "127.0.0.9");
  EXPECT_EQ(reply.header("X-Vcap-Backend"), authority);
  EXPECT_EQ(reply.header("X-Cf-RouteEndpoint"), authority);
  const RawMessage seen{.head = reply.body};
  EXPECT_EQ(seen.header("X-Forwarded-Proto"), "http");
  EXPECT_FALSE(seen.has("X-Forwarded-Client-Cert"));
  EXPECT_TRUE(seen.has("X-Keep-Me"));
  EXPECT_FALSE(seen.has("X-Drop-Me"));
  EXPECT_EQ(seen.header("X-CF-InstanceID"), authority);
  EXPECT_FALSE(router.get("app.example", "/", "X-Vcap-Trace: 23\r\n").has("X-Vcap-Router"));
}

}  // namespace
