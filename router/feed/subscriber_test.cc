#include "router/feed/subscriber.h"

#include <fstream>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "test/support/server_process.h"

namespace causeway::router {
namespace {

constexpr const char* kRegistration =
    R"({"host":"10.0.0.1","port":80,"uris":["App.d","app.d/x"],"app":"app",
        "private_instance_id":"instance","tags":{"component":"web"},
        "endpoint_updated_at_ns":1699999999000000000})";

// A subscriber whose log can be read.
class SubscriberTest : public testing::Test {
 protected:
  void register_it(std::string_view payload) { subscriber_.take("router.register", payload); }
  void unregister_it(std::string_view payload) { subscriber_.take("router.unregister", payload); }
  std::shared_ptr<const RouteTable> table() { return book_.publish(); }
  std::string log() {
    sink_.flush();
    std::ifstream file(folder_.path() + "/log");
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
  std::string metrics() const { return registry_.prometheus_text(); }

  test::TempFolder folder_;
  log::Sink sink_{
      {.shape = log::Shape::gorouter, .level = log::Level::debug, .path = folder_.path() + "/log"}};
  log::Logger logger_{sink_, "gorouter.stdout"};
  ManualClock clock_;
  metrics::Registry registry_;
  RouteBook book_{{}, clock_};
  Subscriber subscriber_{book_, clock_, logger_, registry_};
};

// What a router tells another of its table makes the same table there.
TEST_F(SubscriberTest, what_is_known_is_understood_by_another_router) {
  register_it(R"({"host":"10.0.0.1","port":80,"tls_port":443,"uris":["a.d","b.d/x"],"app":"app",
                   "protocol":"http2","private_instance_id":"i","private_instance_index":"0",
                   "server_cert_domain_san":"san","stale_threshold_in_seconds":60,
                   "route_service_url":"https://service","isolation_segment":"is",
                   "availability_zone":"z1","tags":{"component":"web","process_id":"p"},
                   "options":{"loadbalancing":"hash","hash_header":"X-H","hash_balance":1.25}})");
  register_it(R"({"host":"fd00::1","port":8080,"uris":["a.d"]})");
  clock_.advance(std::chrono::seconds(7));
  register_it(R"({"host":"10.0.0.3","port":8080,"uris":["c.d"]})");
  RouteBook other({}, clock_);
  Subscriber heir(other, clock_, logger_, registry_);
  for (const RouteBook::Known& known : book_.contents()) {
    heir.take("router.register", cf::to_json(to_message(*known.endpoint, known.uris)), known.age);
  }
  EXPECT_EQ(heir.malformed_messages(), 0u);
  const auto before = table();
  const auto after = other.publish();
  ASSERT_EQ(after->size(), before->size());
  before->for_each([&](const Pool& pool) {
    const Pool* const same = after->find_exact(pool.key());
    ASSERT_NE(same, nullptr) << pool.key();
    ASSERT_EQ(same->size(), pool.size());
    for (size_t i = 0; i < pool.size(); ++i) {
      const Endpoint& own = *pool.endpoints()[i];
      const Endpoint& theirs = *same->endpoints()[i];
      EXPECT_EQ(cf::to_json(to_message(theirs, {})), cf::to_json(to_message(own, {})));
    }
  });
  // Those of one registration are one there, too: they share what is in flight.
  EXPECT_EQ(after->find_exact("a.d")->endpoints()[0]->id(),
            after->find_exact("b.d/x")->endpoints()[0]->id());
  // Ages go with them: a minute after the first ones only what is younger or has TLS is left.
  const auto known = other.contents();
  ASSERT_EQ(known.size(), 3u);
  EXPECT_EQ(known[1].age, std::chrono::seconds(7));
  EXPECT_EQ(known[2].age, Duration::zero());
  clock_.advance(std::chrono::seconds(114));
  other.prune();
  EXPECT_EQ(other.contents().size(), 2u) << "the second has been silent for 121 s";
}

TEST_F(SubscriberTest, registers_each_uri_and_withdraws_it) {
  register_it(kRegistration);
  ASSERT_NE(table()->find("app.d", "/x/y"), nullptr);
  EXPECT_EQ(table()->find("app.d", "/x/y")->key(), "app.d/x");
  EXPECT_EQ(table()->find("app.d", "/")->endpoints()[0]->instance_id(), "instance");
  unregister_it(R"({"host":"10.0.0.1","port":80,"uris":["app.d"]})");
  EXPECT_EQ(table()->find("app.d", "/"), nullptr);
  EXPECT_NE(table()->find("app.d", "/x"), nullptr);
}

TEST_F(SubscriberTest, takes_http2_by_its_name_and_everything_else_for_http1) {
  const auto protocol_of = [this](std::string_view name) {
    register_it(R"({"host":"10.0.0.1","port":80,"uris":["app.d"],"protocol":")" +
                std::string(name) + "\"}");
    return table()->find("app.d", "/")->endpoints()[0]->protocol();
  };
  EXPECT_EQ(protocol_of("http2"), Protocol::http2);
  EXPECT_EQ(protocol_of("http1"), Protocol::http1);
  EXPECT_EQ(protocol_of("http2"), Protocol::http2);
  EXPECT_EQ(protocol_of(""), Protocol::http1);
  EXPECT_EQ(protocol_of("HTTP2"), Protocol::http1);
  subscriber_.serve_http1_only();
  EXPECT_EQ(protocol_of("http2"), Protocol::http1);
}

TEST_F(SubscriberTest, logs_in_gorouters_words) {
  register_it(kRegistration);
  register_it(kRegistration);
  unregister_it(kRegistration);
  unregister_it(kRegistration);
  const std::string text = log();
  EXPECT_NE(
      text.find(
          R"("message":"route-registered","source":"gorouter.stdout.registry","data":{"uri":"app.d"})"),
      std::string::npos)
      << text;
  for (const char* expected :
       {R"("log_level":1)", R"("message":"endpoint-registered")", R"("backend":"10.0.0.1:80")",
        R"("application_id":"app")", R"("instance_id":"instance")", R"("isolation_segment":"-")",
        R"("isTLS":false)", R"("message":"endpoint-unregistered")",
        R"("message":"route-unregistered")", R"("message":"endpoint-not-unregistered")"}) {
    EXPECT_NE(text.find(expected), std::string::npos) << expected << " in\n" << text;
  }
}

TEST_F(SubscriberTest, counts_by_component_and_measures_the_latency_of_new_ones) {
  register_it(kRegistration);
  register_it(kRegistration);
  unregister_it(kRegistration);
  const std::string text = metrics();
  for (const char* expected :
       {R"(registry_message{component="web",action="endpoint-added"} 2)",
        R"(registry_message{component="web",action="endpoint-unmodified"} 2)",
        R"(unregistry_message{component="web"} 2)", "route_registration_latency_count 2",
        R"(route_registration_latency_bucket{le="5000"} 2)"}) {
    EXPECT_NE(text.find(expected), std::string::npos) << expected << " in\n" << text;
  }
}

TEST_F(SubscriberTest, components_made_up_without_end_share_one_counter) {
  for (int i = 0; i < 300; ++i) {
    register_it(R"({"host":"h","port":80,"uris":["a.d"],"tags":{"component":"c)" +
                std::to_string(i) + R"("}})");
  }
  EXPECT_NE(metrics().find(R"(registry_message{component="other",action="endpoint-updated"} 200)"),
            std::string::npos);
}

TEST_F(SubscriberTest, malformed_messages_are_logged_counted_and_dropped) {
  const char* payloads[] = {
      "",
      "{",
      "null",
      R"({"host":1})",
      R"({"host":"h","port":80,"uris":"a.d"})",
      R"({"host":"h","port":80,"uris":["a.d"],"tags":{"x":5}})",
      R"({"host":"h","port":80,"uris":["a.d"],"route_service_url":"http://s"})"};
  for (const char* payload : payloads) {
    register_it(payload);
    unregister_it(payload);
  }
  EXPECT_EQ(subscriber_.malformed_messages(), 2 * std::size(payloads));
  EXPECT_EQ(book_.routes(), 0u);
  EXPECT_NE(log().find(R"("message":"validation-error")"), std::string::npos);
  EXPECT_NE(metrics().find("registry_messages_malformed 14"), std::string::npos);
  register_it(kRegistration);  // and the next good one counts
  EXPECT_EQ(book_.routes(), 2u);
}

TEST_F(SubscriberTest, a_huge_malformed_message_is_not_logged_whole) {
  register_it("{" + std::string(1'000'000, 'x'));
  EXPECT_LT(log().size(), 4000u);
}

TEST_F(SubscriberTest, routes_beyond_the_limits_are_refused) {
  register_it(R"({"host":"h","port":80,"uris":[")" + std::string(600, 'a') + R"(","b.d"]})");
  EXPECT_EQ(book_.routes(), 1u);
  EXPECT_NE(metrics().find("registry_messages_refused 1"), std::string::npos);
  EXPECT_NE(log().find("endpoint-refused"), std::string::npos);
}

TEST_F(SubscriberTest, other_subjects_are_ignored) {
  subscriber_.take("router.start", kRegistration);
  subscriber_.take("router.registers", kRegistration);
  EXPECT_EQ(book_.routes(), 0u);
  EXPECT_EQ(subscriber_.malformed_messages(), 0u);
}

TEST_F(SubscriberTest, the_tls_port_wins_and_makes_the_endpoint_tls) {
  register_it(R"({"host":"h","port":80,"tls_port":443,"uris":["a.d"]})");
  const Endpoint& endpoint = *table()->find("a.d", "/")->endpoints()[0];
  EXPECT_TRUE(endpoint.is_tls());
  EXPECT_EQ(endpoint.port(), 443);
}

TEST_F(SubscriberTest, an_unknown_balancing_is_told_and_left_out) {
  register_it(
      R"({"host":"h","port":80,"uris":["a.d"],"options":{"loadbalancing":"least-connection"}})");
  EXPECT_EQ(table()->find("a.d", "/")->balancing(), LoadBalancing::least_connection);
  register_it(R"({"host":"h","port":80,"uris":["a.d"],"options":{"loadbalancing":"dice"}})");
  EXPECT_EQ(table()->find("a.d", "/")->balancing(), LoadBalancing::round_robin);
  EXPECT_NE(log().find(R"("algorithm":"dice")"), std::string::npos);
}

TEST_F(SubscriberTest, a_route_may_be_balanced_by_a_header) {
  const std::string begin = R"({"host":"h","port":80,"uris":["a.d"],"options":)";
  register_it(begin + R"({"loadbalancing":"hash","hash_header":"X-T","hash_balance":"1.5"}})");
  const Pool* pool = table()->find("a.d", "/");
  EXPECT_EQ(pool->balancing(), LoadBalancing::hash);
  EXPECT_EQ(pool->hash_header(), "X-T");
  EXPECT_EQ(pool->hash_balance(), 1.5);
  // What cannot be is told and left out.
  register_it(begin + R"({"loadbalancing":"hash","hash_header":"X-T","hash_balance":0.5}})");
  pool = table()->find("a.d", "/");
  EXPECT_EQ(pool->balancing(), LoadBalancing::hash);
  EXPECT_EQ(pool->hash_balance(), 0);
  EXPECT_NE(log().find("hash_balance is neither 0 nor"), std::string::npos);
  register_it(begin + R"({"loadbalancing":"hash"}})");
  EXPECT_EQ(table()->find("a.d", "/")->balancing(), LoadBalancing::round_robin);
  EXPECT_NE(log().find("hash without hash_header"), std::string::npos);
  // A header without the algorithm says nothing.
  register_it(begin + R"({"hash_header":"X-T","hash_balance":2}})");
  EXPECT_EQ(table()->find("a.d", "/")->hash_header(), "");
  register_it(R"({"host":"h","port":80,"uris":["a.d"]})");
  EXPECT_EQ(table()->find("a.d", "/")->balancing(), LoadBalancing::round_robin);
  EXPECT_EQ(subscriber_.malformed_messages(), 0u);
}

TEST_F(SubscriberTest, nothing_of_the_message_before_stays) {
  register_it(kRegistration);
  register_it(R"({"host":"h","port":80,"uris":["b.d"]})");
  const Endpoint& endpoint = *table()->find("b.d", "/")->endpoints()[0];
  EXPECT_EQ(endpoint.app_id(), "");
  EXPECT_EQ(endpoint.tag("component"), "");
}

}  // namespace
}  // namespace causeway::router
