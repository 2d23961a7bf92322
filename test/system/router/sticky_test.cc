// Sticky sessions: which instance a client comes back to, and the cookie that says so.
#include <memory>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "test/system/router/routed.h"

namespace causeway::test {
namespace {

constexpr int kMany = 6;  // requests that would show round-robin

// Two instances, "one" and "two", of app.d and of app.d/Path.
class StickyTest : public testing::Test {
 protected:
  void start(const std::string& more = {}) {
    routed_ = std::make_unique<Routed>("workers: 1\n" + more);
    for (const char* uri : {"app.d", "app.d/Path"}) {
      add(uri, one_, "one");
      add(uri, two_, "two");
    }
  }
  void add(const std::string& uri, const FakeBackend& backend, const std::string& instance) {
    // The page shows routes as the router keeps them.
    const std::string lower = uri == "app.d/Path" ? "app.d/path" : uri;
    routed_->add(lower, backend.port(), ",\"private_instance_id\":\"" + instance + "\"");
  }
  RawMessage get(const std::string& lines, const std::string& target = "/") const {
    return routed_->get("app.d", target, lines);
  }
  // Does every request with these lines reach the instance?
  bool always_reaches(const std::string& instance, const std::string& lines) const {
    for (int i = 0; i < kMany; ++i) {
      if (get(lines).body != instance) return false;
    }
    return true;
  }
  // Which instances do requests with these lines reach?
  std::set<std::string> reached(const std::string& lines) const {
    std::set<std::string> bodies;
    for (int i = 0; i < kMany; ++i) bodies.insert(get(lines).body);
    return bodies;
  }
  // The cookie that the router sets when the app says `cookie`.
  std::string set_for(const std::string& cookie, const std::string& target = "/") const {
    const RawMessage reply = get("X-Say: Set-Cookie: " + cookie + "\r\n", target);
    EXPECT_EQ(reply.count("Set-Cookie"), 2) << reply.head;
    return vcap_cookie(reply);
  }
  // Without "Set-Cookie: "; "" when there is none.
  static std::string vcap_cookie(const RawMessage& reply) {
    const std::string name = "\r\nSet-Cookie: __VCAP_ID__=";
    const size_t at = reply.head.find(name);
    if (at == std::string::npos) return {};
    const size_t begin = at + 14;
    return reply.head.substr(begin, reply.head.find("\r\n", begin) - begin);
  }

  FakeBackend one_{says("one")};
  FakeBackend two_{says("two")};
  std::unique_ptr<Routed> routed_;
};

const std::set<std::string> kBoth{"one", "two"};

TEST_F(StickyTest, a_session_cookie_of_the_app_brings_one_of_the_router) {
  start();
  const RawMessage reply = get("X-Say: Set-Cookie: JSESSIONID=abc\r\n");
  EXPECT_EQ(vcap_cookie(reply), "__VCAP_ID__=" + reply.body + "; Path=/; HttpOnly");
  // Other cookies do not, and neither do other spellings.
  for (const char* cookie : {"OTHER=1", "jsessionid=1", "XJSESSIONID=1"})
    EXPECT_EQ(vcap_cookie(get("X-Say: Set-Cookie: " + std::string(cookie) + "\r\n")), "") << cookie;
  EXPECT_EQ(vcap_cookie(get("")), "");
  // An app that sets it itself keeps its word.
  const RawMessage own =
      get("X-Say: Set-Cookie: JSESSIONID=1\r\nX-Say: Set-Cookie: __VCAP_ID__=mine\r\n");
  EXPECT_EQ(own.count("Set-Cookie"), 2);
  EXPECT_EQ(vcap_cookie(own), "__VCAP_ID__=mine");
}

TEST_F(StickyTest, the_cookie_takes_after_the_one_of_the_app) {
  start();
  const auto tail = [](const std::string& cookie) { return cookie.substr(15); };
  EXPECT_EQ(tail(set_for("JSESSIONID=1; Secure")), "; Path=/; HttpOnly; Secure");
  EXPECT_EQ(tail(set_for("JSESSIONID=1; SameSite=lax; Path=/x; Domain=d")),
            "; Path=/; HttpOnly; SameSite=Lax");
  EXPECT_EQ(
      tail(set_for("JSESSIONID=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Secure; Partitioned; "
                   "SameSite=None")),
      "; Path=/; Expires=Wed, 21 Oct 2026 07:28:00 GMT; HttpOnly; Secure; SameSite=None; "
      "Partitioned");
  EXPECT_EQ(tail(set_for("JSESSIONID=1; Max-Age=3600")), "; Path=/; HttpOnly");
  EXPECT_EQ(tail(set_for("JSESSIONID=1; Max-Age=0")), "; Path=/; Max-Age=0; HttpOnly");
  EXPECT_EQ(tail(set_for("JSESSIONID=1; Max-Age=-1")), "; Path=/; Max-Age=0; HttpOnly");
  // The route's path as this client spells it.
  EXPECT_EQ(tail(set_for("JSESSIONID=1", "/PATH/below?q")), "; Path=/PATH; HttpOnly");
}

TEST_F(StickyTest, the_client_comes_back_to_its_instance) {
  start();
  EXPECT_EQ(reached(""), kBoth);
  for (const std::string instance : {"one", "two"}) {
    EXPECT_TRUE(
        always_reaches(instance, "Cookie: a=b; JSESSIONID=abc; __VCAP_ID__=" + instance + "\r\n"));
    EXPECT_TRUE(always_reaches(
        instance, "Cookie: __VCAP_ID__=\"" + instance + "\"\r\nCookie: JSESSIONID=\r\n"));
    // No new cookie for who came where it belongs.
    EXPECT_EQ(vcap_cookie(get("Cookie: JSESSIONID=1; __VCAP_ID__=" + instance + "\r\n")), "");
  }
  // Both cookies are needed.
  EXPECT_EQ(reached("Cookie: __VCAP_ID__=one\r\n"), kBoth);
  EXPECT_EQ(reached("Cookie: JSESSIONID=1\r\n"), kBoth);
}

TEST_F(StickyTest, an_instance_that_is_gone_is_replaced_and_the_client_told) {
  start();
  const std::string cookie = "Cookie: JSESSIONID=1; __VCAP_ID__=gone\r\n";
  const RawMessage reply = get(cookie);
  EXPECT_EQ(vcap_cookie(reply), "__VCAP_ID__=" + reply.body + "; Path=/; HttpOnly");
  EXPECT_EQ(reached(cookie), kBoth);
  // Hostile values are nothing but unknown instances.
  for (const std::string& value :
       {std::string(60'000, 'x'), std::string("../../"), std::string("%00")})
    EXPECT_EQ(get("Cookie: JSESSIONID=1; __VCAP_ID__=" + value + "\r\n").status(), 200);
}

TEST_F(StickyTest, a_retried_request_moves_the_session) {
  start("backends: {max_attempts: 3}");
  const ClosedPort closed;
  routed_->add("app.d", closed.port(), R"(,"private_instance_id":"down")");
  const std::string cookie = "Cookie: JSESSIONID=1; __VCAP_ID__=down\r\n";
  // Marked or not, the first attempt is made at the instance itself.
  for (int i = 0; i < 3; ++i) {
    const RawMessage reply = get(cookie);
    EXPECT_EQ(reply.status(), 200);
    EXPECT_EQ(vcap_cookie(reply), "__VCAP_ID__=" + reply.body + "; Path=/; HttpOnly");
  }
  EXPECT_EQ(routed_->router().metric("backend_retries", 3), 3);
}

TEST_F(StickyTest, names_and_security_may_be_configured) {
  start("sticky_session_cookie_names: [SID, OTHER]\nsecure_cookies: true");
  EXPECT_EQ(vcap_cookie(get("X-Say: Set-Cookie: JSESSIONID=1\r\n")), "");
  EXPECT_EQ(set_for("OTHER=1").substr(15), "; Path=/; HttpOnly; Secure");
  EXPECT_TRUE(always_reaches("two", "Cookie: SID=1; __VCAP_ID__=two\r\n"));
  EXPECT_EQ(reached("Cookie: JSESSIONID=1; __VCAP_ID__=two\r\n"), kBoth);
}

TEST_F(StickyTest, an_instance_without_a_name_gets_no_cookie) {
  start();
  FakeBackend nameless(says("nameless"));
  routed_->add("bare.d", nameless.port());
  EXPECT_EQ(routed_->get("bare.d", "/", "X-Say: Set-Cookie: JSESSIONID=1\r\n").count("Set-Cookie"),
            1);
}

TEST_F(StickyTest, negotiation_stays_with_its_instance_or_fails) {
  start("sticky_sessions_for_auth_negotiate: true");
  const RawMessage challenge = get("X-Say: WWW-Authenticate: Negotiate\r\n");
  EXPECT_EQ(vcap_cookie(challenge),
            "__VCAP_ID__=" + challenge.body + "; Path=/; Max-Age=60; HttpOnly; SameSite=Strict");
  EXPECT_EQ(vcap_cookie(get("X-Say: WWW-Authenticate: Basic\r\n")), "");
  EXPECT_TRUE(always_reaches("one", "Authorization: NEGOTIATE abc\r\nCookie: __VCAP_ID__=one\r\n"));
  EXPECT_EQ(reached("Authorization: Basic abc\r\nCookie: __VCAP_ID__=one\r\n"), kBoth);
  EXPECT_EQ(reached("Authorization: Negotiate abc\r\nCookie: a=b\r\n"), kBoth);
  const RawMessage lost = get("Authorization: Negotiate abc\r\nCookie: __VCAP_ID__=gone\r\n");
  EXPECT_EQ(lost.status(), 502);
  EXPECT_EQ(lost.header("X-Cf-Routererror"), "endpoint_failure (No endpoints available)");
}

TEST_F(StickyTest, negotiation_is_nothing_special_by_default) {
  start();
  EXPECT_EQ(vcap_cookie(get("X-Say: WWW-Authenticate: Negotiate\r\n")), "");
  EXPECT_EQ(reached("Authorization: Negotiate abc\r\nCookie: __VCAP_ID__=one\r\n"), kBoth);
}

}  // namespace
}  // namespace causeway::test
