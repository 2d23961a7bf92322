// The router's own answers, row by row, as text and through a page of the operator's.
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "test/system/router/routed.h"

namespace causeway::test {
namespace {

constexpr const char* error_guid = "0123abcd-0123-4567-89ab-0123456789ab";

constexpr const char* errors_config = R"(
backends: {max_attempts: 1, max_conns: 1}
workers: 1
max_request_headers: 20
max_response_headers: 10
endpoint_timeout: 5s
empty_pool_response_code_503: true
empty_pool_timeout: 1h
)";

// What one request is answered. "" of a header: it is not there.
struct ErrorRow {
  const char* name;
  std::string request;
  const char* start_line;
  std::string router_error;
  const char* cache_control;
  std::string body;
};

std::string get_text(const std::string& host, const std::string& lines = {}) {
  return "GET /path HTTP/1.1\r\nHost: " + host + "\r\n" + lines + "\r\n";
}

// Backends and routes for all error_rows.
class Errors : public testing::Test {
 protected:
  explicit Errors(const std::string& more = {})
      : routed_(errors_config + more),
        fine_(FakeBackend::answers("fine")),
        busy_(FakeBackend::holds()),
        closing_([](RawSocket& peer, size_t) { read_request(peer); }),
        garbled_([](RawSocket& peer, size_t) {
          read_request(peer);
          peer.send("HTP/1.1 200 OK\r\n\r\n");
        }),
        wordy_([](RawSocket& peer, size_t) {
          read_request(peer);
          std::string lines;
          for (int i = 0; i < 20; ++i) lines += "X-" + std::to_string(i) + ": 1\r\n";
          peer.send(ok_reply("x", lines));
        }) {
    const std::string app =
        R"(,"app":")" + std::string(error_guid) + R"(","private_instance_index":"0")";
    routed_.add("app.example", fine_.port(), app);
    routed_.add("bound.example", fine_.port(), R"(,"route_service_url":"https://s.example")");
    routed_.add("refused.example", closed_.port());
    routed_.add("silent.example", busy_.port());
    routed_.add("closing.example", closing_.port());
    routed_.add("garbled.example", garbled_.port());
    routed_.add("wordy.example", wordy_.port());
    routed_.add("emptied.example", fine_.port());
    routed_.remove("emptied.example", fine_.port());
    EXPECT_TRUE(eventually([&] { return routed_.router().status_of("emptied.example") == 503; }));
  }

  Routed routed_;
  FakeBackend fine_, busy_, closing_, garbled_, wordy_;
  ClosedPort closed_;
};

std::vector<ErrorRow> error_rows() {
  const std::string app_instance = std::string("X-CF-App-Instance: ") + error_guid;
  const std::string failed = "502 Bad Gateway: Registered endpoint failed to handle the request.\n";
  return {
      {"no Host", "GET / HTTP/1.0\r\n\r\n", "HTTP/1.0 400 Bad Request", "empty_host",
       "public,max-age=2", "400 Bad Request: Request had empty Host header\n"},
      {"the client's own address", get_text("127.0.0.1"), "HTTP/1.1 400 Bad Request", "empty_host",
       "public,max-age=2", "400 Bad Request: Request had empty Host header\n"},
      {"no route", get_text("nowhere.example:80"), "HTTP/1.1 404 Not Found", "unknown_route",
       "no-cache, no-store",
       "404 Not Found: Requested route ('nowhere.example') does not exist.\n"},
      {"no such instance", get_text("app.example", app_instance + ":5\r\n"),
       "HTTP/1.1 400 Bad Request", "unknown_route", "",
       std::string("400 Bad Request: Requested instance ('5') with guid ('") + error_guid +
           "') does not exist for route ('app.example')\n"},
      {"malformed app instance", get_text("app.example", "X-CF-App-Instance: x\r\n"),
       "HTTP/1.1 400 Bad Request", "invalid_cf_app_instance_header", "no-cache, no-store",
       "400 Bad Request: Invalid X-CF-App-Instance Header\n"},
      {"malformed process instance", get_text("app.example", "X-CF-Process-Instance: x\r\n"),
       "HTTP/1.1 400 Bad Request", "invalid_cf_process_instance_header", "no-cache, no-store",
       "400 Bad Request: Invalid X-CF-Process-Instance Header\n"},
      {"no endpoints", get_text("emptied.example"), "HTTP/1.1 503 Service Unavailable",
       "no_endpoints", "public,max-age=2",
       "503 Service Unavailable: Requested route ('emptied.example') has no available "
       "endpoints.\n"},
      {"too many headers",
       get_text("app.example",
                [] {
                  std::string lines;
                  for (int i = 0; i < 25; ++i) lines += "X: 1\r\n";
                  return lines;
                }()),
       "HTTP/1.1 431 Request Header Fields Too Large", "max-request-size-exceeded", "", ""},
      {"route services are off", get_text("bound.example"), "HTTP/1.1 502 Bad Gateway",
       "route_service_unsupported", "",
       "502 Bad Gateway: Support for route services is disabled.\n"},
      {"refused", get_text("refused.example"), "HTTP/1.1 502 Bad Gateway",
       "endpoint_failure (dial tcp: connect: connection refused)", "", failed},
      {"closed before an answer", get_text("closing.example"), "HTTP/1.1 502 Bad Gateway",
       "endpoint_failure (EOF)", "", failed},
      {"not HTTP", get_text("garbled.example"), "HTTP/1.1 502 Bad Gateway",
       "endpoint_failure (malformed HTTP response)", "", failed},
      {"too many reply headers", get_text("wordy.example"), "HTTP/1.1 502 Bad Gateway",
       "endpoint_failure (Too many response headers)", "", failed},
      {"no answer in time", get_text("silent.example"), "HTTP/1.1 502 Bad Gateway",
       "endpoint_failure (context deadline exceeded)", "", failed},
  };
}

TEST_F(Errors, every_row_as_text) {
  for (const ErrorRow& row : error_rows()) {
    SCOPED_TRACE(row.name);
    const RawMessage reply = routed_.send(row.request);
    EXPECT_EQ(reply.start_line(), row.start_line);
    EXPECT_EQ(reply.header("X-Cf-Routererror"), row.router_error);
    EXPECT_EQ(reply.header("Cache-Control"), row.cache_control);
    EXPECT_EQ(reply.body, row.body);
    EXPECT_EQ(reply.header("Content-Length"), std::to_string(row.body.size()));
    EXPECT_EQ(reply.header("Content-Type"), row.body.empty() ? "" : "text/plain; charset=utf-8");
    EXPECT_EQ(reply.header("X-Content-Type-Options"), row.body.empty() ? "" : "nosniff");
    EXPECT_EQ(reply.header("X-Vcap-Request-Id").size(), 36u);
    EXPECT_FALSE(reply.has("Retry-After"));
    EXPECT_TRUE(reply.has("Date"));
    // What the log says of it.
    const bool is_logged = !row.body.empty() && row.router_error.find("endpoint_failure") != 0 &&
                           row.body.substr(0, 3) != "404";
    if (is_logged) {
      EXPECT_NE(routed_.log_line("\"message\":\"status\"",
                                 row.body.substr(0, row.body.find_first_of("\n"))),
                "");
    }
  }
  EXPECT_EQ(routed_.count_in_log("\"message\":\"status\"", "404 Not Found"), 0u);
  EXPECT_EQ(routed_.count_in_log("\"message\":\"status\"", "Registered endpoint failed"), 0u);
}

TEST_F(Errors, a_route_at_its_limit_of_connections) {
  RawSocket first = routed_.connect();
  first.send(get_text("silent.example"));
  ASSERT_TRUE(eventually([&] { return busy_.connections() >= 1; }));
  const RawMessage reply = routed_.send(get_text("silent.example"));
  EXPECT_EQ(reply.status(), 503);
  EXPECT_EQ(reply.header("X-Cf-Routererror"), "Connection Limit Reached");
  EXPECT_EQ(reply.header("Cache-Control"), "");
  EXPECT_EQ(reply.body,
            "503 Service Unavailable: Requested route ('silent.example') has reached the "
            "connection limit.\n");
  EXPECT_EQ(routed_.router().metric("backend_exhausted_conns", 1), 1);
  EXPECT_NE(routed_.log_line("connection-limit-reached", reply.header("X-Vcap-Request-Id")), "");
}

TEST_F(Errors, a_head_answered_431_ends_the_connection) {
  RawSocket client = routed_.connect();
  std::string lines;
  for (int i = 0; i < 25; ++i) lines += "X: 1\r\n";
  client.send(get_text("app.example", lines));
  const RawMessage reply = read_reply(client);
  EXPECT_EQ(reply.status(), 431);
  EXPECT_EQ(reply.header("Connection"), "close");
  EXPECT_EQ(client.receive_all(), "");
}

TEST(ErrorLog, names_the_trace_of_a_request) {
  Routed routed("tracing: {enable_w3c: true}");
  const std::string trace(32, 'a');
  const std::string parent = "traceparent: 00-" + trace + "-" + std::string(16, 'b') + "-01\r\n";
  EXPECT_EQ(routed.send(get_text("127.0.0.1", parent)).status(), 400);
  const std::string line = routed.log_line("\"message\":\"status\"", "empty Host");
  EXPECT_NE(line.find("\"trace-id\":\"" + trace + "\""), std::string::npos) << line;
  EXPECT_NE(line.find("\"span-id\":\""), std::string::npos) << line;
  const ClosedPort closed;
  routed.add("refused.example", closed.port());
  EXPECT_EQ(routed.send(get_text("refused.example", parent)).status(), 502);
  EXPECT_NE(routed.log_line("backend-endpoint-failed", "\"trace-id\":\"" + trace + "\""), "");
}

// A page of the operator's.
class ErrorPages : public testing::Test {
 protected:
  std::string page(const std::string& text) {
    const std::string path = folder_.path() + "/error.html";
    std::ofstream(path) << text;
    return "html_error_template_file: " + path + "\n";
  }
  TempFolder folder_;
};

TEST_F(ErrorPages, render_the_routers_own_errors_only) {
  Routed routed(
      page("<!-- for {{.Status}} -->\n<h1>{{.Status}} {{.StatusText}}</h1>\n"
           "<p>{{.Message}}</p>{{if eq (.Header.Get \"X-Cf-Routererror\") "
           "\"unknown_route\"}}<a href=\"/help?e={{.StatusText}}\">help</a>{{else}}-{{end}}"));
  RawMessage reply = routed.get("<b>.example", "/");
  EXPECT_EQ(reply.status(), 400);  // no host: a bare answer
  reply = routed.get("nowhere.example", "/");
  EXPECT_EQ(reply.start_line(), "HTTP/1.1 404 Not Found");
  EXPECT_EQ(reply.header("Content-Type"), "text/html; charset=utf-8");
  EXPECT_EQ(reply.header("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(reply.header("X-Cf-Routererror"), "unknown_route");
  EXPECT_EQ(reply.header("Cache-Control"), "no-cache, no-store");
  EXPECT_EQ(reply.body,
            "\n<h1>404 Not Found</h1>\n<p>Requested route (&#39;nowhere.example&#39;) does not "
            "exist.</p><a href=\"/help?e=Not%20Found\">help</a>");
  EXPECT_EQ(reply.header("Content-Length"), std::to_string(reply.body.size()));

  const ClosedPort closed;
  routed.add("refused.example", closed.port());
  reply = routed.get("refused.example");
  EXPECT_EQ(reply.header("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(reply.body, "502 Bad Gateway: Registered endpoint failed to handle the request.\n");
  reply = routed.get("app.example", "/", "User-Agent: HTTP-Monitor/1.1\r\n");
  EXPECT_EQ(reply.body, "ok\n");
}

TEST_F(ErrorPages, that_fail_give_way_to_text) {
  Routed routed(page("{{if eq .Status 404}}{{.NoSuchField}}{{else}}fine{{end}}"));
  const RawMessage reply = routed.get("nowhere.example");
  EXPECT_EQ(reply.header("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(reply.body, "404 Not Found: Requested route ('nowhere.example') does not exist.\n");
  EXPECT_NE(routed.log_line("render-error-failed", "404"), "");
  EXPECT_EQ(routed.get("127.0.0.1").body, "fine");
}

TEST_F(ErrorPages, that_cannot_be_read_end_the_start) {
  const NatsServer nats;
  for (const char* text : {"{{if .Status}}", "<script>{{.Message}}</script>"}) {
    RouterBinary router(nats.port(), page(text));
    EXPECT_EQ(router.process().wait_for_exit(), 1) << text;
    EXPECT_NE(router.process().output().find("error.html: line 1: "), std::string::npos)
        << router.process().output();
  }
}

}  // namespace
}  // namespace causeway::test
