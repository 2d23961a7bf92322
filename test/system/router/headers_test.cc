// Which header lines a backend gets and a client gets back: every row of the router's header rules.
#include <algorithm>
#include <cctype>
#include <chrono>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "test/system/router/routed.h"

namespace causeway::test {
namespace {

constexpr const char* kUuid = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

// "x" stands for a hexadecimal digit, "9" for a decimal one, anything else for itself.
bool has_shape(std::string_view text, std::string_view shape) {
  return std::equal(text.begin(), text.end(), shape.begin(), shape.end(), [](char c, char like) {
    const bool is_digit = c >= '0' && c <= '9';
    if (like == 'x') return is_digit || (c >= 'a' && c <= 'f');
    return like == '9' ? is_digit : c == like;
  });
}
const std::string kTraceShape(32, 'x');
const std::string kSpanShape(16, 'x');

// A router before one echoing app.
class HeadersTest : public testing::Test {
 protected:
  void start(const std::string& more = {}) {
    routed_ = std::make_unique<Routed>(more);
    routed_->add("app.d", backend_.port(),
                 R"(,"app":"guid","private_instance_id":"inst","private_instance_index":"7")");
  }
  // The request's head as the backend got it.
  RawMessage seen(const std::string& lines, const std::string& request_line = "GET / HTTP/1.1") {
    const RawMessage reply = routed_->send(request_line + "\r\nHost: app.d\r\n" + lines + "\r\n");
    EXPECT_EQ(reply.status(), 200) << reply.head;
    RawMessage request;
    request.head = reply.body;
    return request;
  }
  std::string seen(const std::string& lines, const char* name) { return seen(lines).header(name); }

  FakeBackend backend_{FakeBackend::echoes()};
  std::unique_ptr<Routed> routed_;
};

TEST_F(HeadersTest, what_is_added_to_a_request) {
  start();
  const RawMessage bare = seen("");
  EXPECT_EQ(bare.header("X-Forwarded-For"), "127.0.0.1");
  EXPECT_EQ(bare.header("X-Forwarded-Proto"), "http");
  EXPECT_TRUE(has_shape(bare.header("X-Request-Start"), "9999999999999"));
  EXPECT_TRUE(has_shape(bare.header("X-Vcap-Request-Id"), kUuid));
  EXPECT_EQ(bare.header("X-CF-ApplicationID"), "guid");
  EXPECT_EQ(bare.header("X-CF-InstanceID"), "inst");
  EXPECT_EQ(bare.header("X-CF-InstanceIndex"), "7");
  for (const char* name : {"User-Agent", "Accept-Encoding", "Via", "Forwarded", "X-B3-TraceId",
                           "b3", "traceparent", "X-Forwarded-Client-Cert", "Connection"})
    EXPECT_FALSE(bare.has(name)) << name;
}

TEST_F(HeadersTest, what_an_endpoint_without_names_is_told) {
  start();
  FakeBackend other(FakeBackend::echoes());
  routed_->add("bare.d", other.port());
  RawMessage request;
  request.head = routed_->get("bare.d").body;
  EXPECT_TRUE(request.has("X-CF-ApplicationID"));
  EXPECT_EQ(request.header("X-CF-ApplicationID"), "");
  EXPECT_EQ(request.header("X-CF-InstanceID"), "127.0.0.1:" + std::to_string(other.port()));
}

TEST_F(HeadersTest, what_the_client_said_is_kept_appended_or_replaced) {
  start();
  const RawMessage request = seen(
      "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2, 3.3.3.3\r\n"
      "X-Forwarded-Proto: https\r\nX-Request-Start: 1\r\nX-Vcap-Request-Id: mine\r\n"
      "X-CF-ApplicationID: mine\r\nX-CF-InstanceID: mine\r\nX-CF-InstanceIndex: mine\r\n"
      "X-Forwarded-Client-Cert: cert\r\nx-MiXed: 1\r\nX-Mixed: 2\r\nb3: untouched\r\n"
      "X-CF-Proxy-Signature: s\r\n");
  EXPECT_EQ(request.count("X-Forwarded-For"), 1);
  EXPECT_EQ(request.header("X-Forwarded-For"), "1.1.1.1, 2.2.2.2, 3.3.3.3, 127.0.0.1");
  EXPECT_EQ(request.header("X-Forwarded-Proto"), "https");
  EXPECT_EQ(request.header("X-Request-Start"), "1");
  EXPECT_EQ(request.count("X-Vcap-Request-Id"), 1);
  EXPECT_TRUE(has_shape(request.header("X-Vcap-Request-Id"), kUuid));
  EXPECT_EQ(request.header("X-CF-ApplicationID"), "guid");
  EXPECT_EQ(request.header("X-CF-InstanceID"), "inst");
  EXPECT_EQ(request.header("X-CF-InstanceIndex"), "7");
  EXPECT_EQ(request.header("X-Forwarded-Client-Cert"), "cert");  // always_forward
  EXPECT_NE(request.head.find("\r\nx-MiXed: 1\r\nX-Mixed: 2\r\n"), std::string::npos);
  EXPECT_EQ(request.header("b3"), "untouched");
  EXPECT_EQ(request.header("X-CF-Proxy-Signature"), "s");  // no route service here
  EXPECT_EQ(seen("X-Forwarded-Proto: \r\n", "X-Forwarded-Proto"), "http");
}

TEST_F(HeadersTest, hop_by_hop_lines_end_here) {
  start();
  const RawMessage request = seen(
      "Connection: X-Gone, keep-alive\r\nX-Gone: 1\r\nX-Kept: 1\r\nKeep-Alive: 5\r\n"
      "Proxy-Connection: x\r\nProxy-Authenticate: x\r\nProxy-Authorization: x\r\n"
      "TE: trailers, deflate\r\nUpgrade: h2c\r\n");
  for (const char* name : {"X-Gone", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate",
                           "Proxy-Authorization", "Upgrade", "Connection"})
    EXPECT_FALSE(request.has(name)) << name;
  EXPECT_EQ(request.header("X-Kept"), "1");
  EXPECT_EQ(request.header("TE"), "trailers");
  EXPECT_FALSE(seen("TE: deflate\r\n").has("TE"));
}

TEST_F(HeadersTest, the_wish_for_an_instance_of_an_app_ends_here_that_of_a_process_passes) {
  start();
  const std::string guid = "9f3c2d1e-0000-4000-8000-0123456789ab";
  routed_->add("instances.d", backend_.port(),
               ",\"app\":\"" + guid + R"(","private_instance_index":"0","tags":{"process_id":")" +
                   guid + "\"}");
  RawMessage request;
  request.head =
      routed_
          ->get("instances.d", "/",
                "X-CF-App-Instance: " + guid + ":0\r\nX-CF-Process-Instance: " + guid + ":0\r\n")
          .body;
  EXPECT_EQ(request.header("Host"), "instances.d");
  EXPECT_FALSE(request.has("X-CF-App-Instance"));
  EXPECT_EQ(request.header("X-CF-Process-Instance"), guid + ":0");
}

TEST_F(HeadersTest, a_client_cannot_make_the_router_strip_what_it_adds_or_what_is_protected) {
  start("hop_by_hop_headers_to_filter: [X-Protected, x-forwarded-client-cert]");
  const RawMessage request = seen(
      "Connection: X-Protected, X-Forwarded-Client-Cert, X-Forwarded-For, X-Vcap-Request-Id, "
      "Host, Content-Length, X-Other\r\nX-Protected: 1\r\nX-Forwarded-Client-Cert: c\r\n"
      "X-Other: 1\r\n");
  EXPECT_EQ(request.header("X-Protected"), "1");
  EXPECT_EQ(request.header("X-Forwarded-Client-Cert"), "c");
  EXPECT_EQ(request.header("X-Forwarded-For"), "127.0.0.1");
  EXPECT_TRUE(request.has("X-Vcap-Request-Id"));
  EXPECT_EQ(request.header("Host"), "app.d");
  EXPECT_FALSE(request.has("X-Other"));
}

TEST_F(HeadersTest, the_protocol_may_be_forced) {
  start("force_forwarded_proto_https: true\nforwarded_client_cert: forward");
  EXPECT_EQ(seen("", "X-Forwarded-Proto"), "https");
  EXPECT_EQ(seen("X-Forwarded-Proto: http\r\n", "X-Forwarded-Proto"), "https");
  // No certificate was shown on this connection.
  EXPECT_FALSE(seen("X-Forwarded-Client-Cert: forged\r\n").has("X-Forwarded-Client-Cert"));
}

TEST_F(HeadersTest, the_protocol_may_be_sanitised) {
  start("sanitize_forwarded_proto: true\nforwarded_client_cert: sanitize_set");
  EXPECT_EQ(seen("X-Forwarded-Proto: https\r\n", "X-Forwarded-Proto"), "http");
  EXPECT_FALSE(seen("X-Forwarded-Client-Cert: forged\r\n").has("X-Forwarded-Client-Cert"));
}

TEST_F(HeadersTest, zipkin_headers) {
  start("tracing: {enable_zipkin: true}");
  const RawMessage fresh = seen("");
  const std::string trace = fresh.header("X-B3-TraceId");
  EXPECT_TRUE(has_shape(trace, kTraceShape));
  EXPECT_TRUE(has_shape(fresh.header("X-B3-SpanId"), kSpanShape));
  EXPECT_EQ(fresh.header("b3"), trace + "-" + fresh.header("X-B3-SpanId"));
  EXPECT_FALSE(fresh.has("traceparent"));
  std::string id = fresh.header("X-Vcap-Request-Id");
  std::erase(id, '-');
  EXPECT_EQ(id, trace);
  // Two requests are two traces.
  EXPECT_NE(seen("", "X-B3-TraceId"), trace);

  const std::string known = "463ac35c9f6413ad48485a3953bb6124";
  const RawMessage single = seen("b3: " + known + "-00f067aa0ba902b7-1\r\n");
  EXPECT_EQ(single.header("b3"), known + "-00f067aa0ba902b7-1");
  EXPECT_FALSE(single.has("X-B3-TraceId"));
  EXPECT_EQ(single.header("X-Vcap-Request-Id"), "463ac35c-9f64-13ad-4848-5a3953bb6124");
  const RawMessage several =
      seen("X-B3-TraceId: " + known + "\r\nX-B3-SpanId: 00f067aa0ba902b7\r\n");
  EXPECT_EQ(several.header("b3"), known + "-00f067aa0ba902b7");
  EXPECT_EQ(several.header("X-B3-TraceId"), known);
  const RawMessage broken = seen("X-B3-TraceId: nonsense\r\nX-B3-SpanId: x\r\n");
  EXPECT_TRUE(has_shape(broken.header("X-B3-TraceId"), kTraceShape));
  EXPECT_EQ(broken.count("X-B3-TraceId"), 1);
  // The access log has them.
  (void)seen("b3: " + known + "-00f067aa0ba902b8\r\n", std::string("GET /logged HTTP/1.1"));
  const std::string line = routed_->access_line("/logged");
  EXPECT_NE(line.find(" b3:\"" + known + "-00f067aa0ba902b8\""), std::string::npos) << line;
  EXPECT_NE(line.find(" x_b3_parentspanid:\"-\""), std::string::npos) << line;
}

TEST_F(HeadersTest, w3c_headers) {
  start("tracing: {enable_w3c: true, w3c_tenant_id: tenant}");
  const RawMessage fresh = seen("tracestate: a=1\r\n");
  const std::string parent = fresh.header("traceparent");
  ASSERT_TRUE(has_shape(parent, "00-" + kTraceShape + "-" + kSpanShape + "-01")) << parent;
  EXPECT_EQ(fresh.header("tracestate"), "tenant@gorouter=" + parent.substr(36, 16));
  std::string id = fresh.header("X-Vcap-Request-Id");
  std::erase(id, '-');
  EXPECT_EQ(id, parent.substr(3, 32));

  const std::string trace = "0af7651916cd43dd8448eb211c80319c";
  const RawMessage next =
      seen("traceparent: 00-" + trace +
           "-b7ad6b7169203331-00\r\n"
           "tracestate: a=1,tenant@gorouter=1111111111111111\r\ntracestate: b=2\r\n");
  const std::string own = next.header("traceparent");
  EXPECT_TRUE(own.starts_with("00-" + trace + "-")) << own;
  EXPECT_TRUE(own.ends_with("-00")) << own;
  EXPECT_NE(own.substr(36, 16), "b7ad6b7169203331");
  EXPECT_EQ(next.header("tracestate"), "tenant@gorouter=" + own.substr(36, 16) + ",a=1,b=2");
  EXPECT_EQ(next.count("tracestate"), 1);
}

class ReplyHeadersTest : public HeadersTest {
 protected:
  void start(const std::string& more = {}) {
    routed_ = std::make_unique<Routed>(more);
    routed_->add("say.d", sayer_.port());
  }
  RawMessage said(const std::string& lines) { return routed_->get("say.d", "/", lines); }

  FakeBackend sayer_{says("body")};
};

TEST_F(ReplyHeadersTest, what_is_added_and_removed) {
  start();
  const RawMessage plain = said("");
  EXPECT_TRUE(has_shape(plain.header("X-Vcap-Request-Id"), kUuid));
  EXPECT_EQ(plain.header("Date").size(), 29u);
  EXPECT_TRUE(plain.header("Date").ends_with(" GMT"));
  EXPECT_FALSE(plain.has("Content-Type"));
  for (const char* name : {"X-Vcap-Router", "X-Vcap-Backend", "X-Cf-RouteEndpoint"})
    EXPECT_FALSE(plain.has(name)) << name;
  const RawMessage own = said(
      "X-Say: X-Vcap-Request-Id: theirs\r\nX-Say: Date: yesterday\r\nX-Say: X-CF-Proxy-Signature: "
      "s\r\nX-Say: X-Two: 1\r\nX-Say: X-Two: 2\r\nX-Say: Connection: X-Hop\r\nX-Say: X-Hop: 1\r\n");
  EXPECT_EQ(own.header("X-Vcap-Request-Id"), "theirs");
  EXPECT_EQ(own.count("X-Vcap-Request-Id"), 1);
  EXPECT_EQ(own.header("Date"), "yesterday");
  EXPECT_FALSE(own.has("X-CF-Proxy-Signature"));
  EXPECT_FALSE(own.has("X-Hop"));
  EXPECT_EQ(own.count("X-Two"), 2);
}

TEST_F(ReplyHeadersTest, the_trace_key_shows_the_way) {
  start("trace_key: \"22\"");
  const RawMessage traced = said("X-Vcap-Trace: 22\r\n");
  const std::string endpoint = "127.0.0.1:" + std::to_string(sayer_.port());
  EXPECT_EQ(traced.header("X-Vcap-Backend"), endpoint);
  EXPECT_EQ(traced.header("X-Cf-RouteEndpoint"), endpoint);
  EXPECT_EQ(traced.header("X-Vcap-Router").find_first_not_of("0123456789."), std::string::npos);
  EXPECT_FALSE(traced.header("X-Vcap-Router").empty());
  EXPECT_FALSE(said("X-Vcap-Trace: 23\r\n").has("X-Vcap-Backend"));
  EXPECT_FALSE(said("").has("X-Vcap-Backend"));
}

TEST_F(ReplyHeadersTest, rewriting_applies_to_every_reply) {
  start(
      "http_rewrite: {responses: {remove_headers: [{name: X-Gone}, {name: X-Some, value: one}], "
      "add_headers_if_not_present: [{name: X-Added, value: a}, {name: x-gone, value: back}]}}");
  const RawMessage reply = said(
      "X-Say: X-Gone: 1\r\nX-Say: x-some: one\r\nX-Say: X-Some: two\r\nX-Say: x-added: own\r\n");
  EXPECT_EQ(reply.count("X-Gone"), 1);
  EXPECT_EQ(reply.header("X-Gone"), "back");
  EXPECT_EQ(reply.count("X-Some"), 1);
  EXPECT_EQ(reply.header("X-Some"), "two");
  EXPECT_EQ(reply.count("X-Added"), 1);
  EXPECT_EQ(reply.header("X-Added"), "own");
  const RawMessage error = routed_->get("unknown.d");
  EXPECT_EQ(error.status(), 404);
  EXPECT_EQ(error.header("X-Added"), "a");
}

TEST_F(ReplyHeadersTest, semicolons_in_a_uri_are_noted_in_the_access_log) {
  start();
  EXPECT_FALSE(routed_->get("say.d", "/semi;colon").has("X-Cf-Routererror"));
  const std::string line = routed_->access_line("/semi;colon");
  EXPECT_NE(line.find("x_cf_routererror:\"deprecated-semicolon-params\""), std::string::npos)
      << line;
}

}  // namespace
}  // namespace causeway::test
