// Which instance gets a request when something speaks for one of them: its zone, its load, a
// session that began there.
#include <atomic>
#include <future>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "test/system/router/routed.h"

namespace causeway::test {
namespace {

// Two instances of app.d that say their names; a request for /hold is answered when the test lets
// it go.
class ChoiceTest : public testing::Test {
 protected:
  void start(const std::string& more) { routed_ = std::make_unique<Routed>(more); }
  void add(const FakeBackend& backend, const std::string& name, const std::string& more = {}) {
    routed_->add("app.d", backend.port(), R"(,"private_instance_id":")" + name + "\"" + more);
  }
  void TearDown() override { let_go(); }
  void let_go() {
    if (!std::exchange(is_open_, true)) gate_.set_value();
  }
  // Every instance that answers `count` requests.
  std::set<std::string> reached(int count, const std::string& lines = {}) const {
    std::set<std::string> names;
    for (int i = 0; i < count; ++i) names.insert(routed_->get("app.d", "/", lines).body);
    return names;
  }
  // A request that is held, and then is the only one of its instance.
  RawSocket hold(const std::string& lines = {}) {
    RawSocket client = routed_->connect();
    client.send("GET /hold HTTP/1.1\r\nHost: app.d\r\n" + lines + "\r\n");
    EXPECT_TRUE(eventually([&] { return held_ > 0; }));
    return client;
  }
  // Of a request that was held.
  std::string name_of(RawSocket client) {
    let_go();
    return read_reply(client).body;
  }

 private:
  FakeBackend::Serve serve(const std::string& name) {
    return [this, name](RawSocket& peer, size_t) {
      for (RawMessage request = read_request(peer); request.is_whole;
           request = read_request(peer)) {
        if (request.start_line().find("/hold") != std::string::npos) {
          ++held_;
          opened_.wait();
        }
        if (!peer.send(ok_reply(name))) return;
      }
    };
  }

  std::promise<void> gate_;
  const std::shared_future<void> opened_{gate_.get_future()};
  bool is_open_ = false;
  std::atomic<int> held_{0};

 protected:
  FakeBackend one_{serve("one")};
  FakeBackend two_{serve("two")};
  std::unique_ptr<Routed> routed_;
};

const std::set<std::string> kOneAndTwo{"one", "two"};

TEST_F(ChoiceTest, instances_of_the_routers_own_zone_are_preferred) {
  start(
      "zone: near\nbalancing_algorithm_az_preference: locally-optimistic\n"
      "disable_keep_alives: true\nbackends: {max_attempts: 2}\n");
  add(one_, "one", R"(,"availability_zone":"far")");
  add(two_, "two", R"(,"availability_zone":"near")");
  // Each worker has the table a moment after the page shows it.
  EXPECT_TRUE(eventually([&] { return reached(20) == std::set<std::string>{"two"}; }));
  // Only the first attempt of a request cares.
  two_.stop_listening();
  EXPECT_EQ(reached(20), std::set<std::string>{"one"});
}

TEST_F(ChoiceTest, without_an_instance_in_its_zone_all_are_taken) {
  start("zone: near\nbalancing_algorithm_az_preference: locally-optimistic\n");
  add(one_, "one", R"(,"availability_zone":"far")");
  add(two_, "two");
  EXPECT_TRUE(eventually([&] { return reached(20) == kOneAndTwo; }));
}

TEST_F(ChoiceTest, zones_mean_nothing_by_default) {
  start("zone: near\n");
  add(one_, "one", R"(,"availability_zone":"far")");
  add(two_, "two", R"(,"availability_zone":"near")");
  EXPECT_TRUE(eventually([&] { return reached(20) == kOneAndTwo; }));
}

TEST_F(ChoiceTest, the_instance_with_least_connections_is_taken_by_every_worker) {
  start("workers: 2\nbalancing_algorithm: least-connection\n");
  add(one_, "one");
  add(two_, "two");
  EXPECT_TRUE(eventually([&] { return reached(20) == kOneAndTwo; }));
  RawSocket busy = hold();
  const std::set<std::string> idle = reached(20);
  const std::string name = name_of(std::move(busy));
  EXPECT_EQ(idle, (std::set<std::string>{name == "one" ? "two" : "one"}));
  EXPECT_TRUE(eventually([&] { return reached(20) == kOneAndTwo; }));
}

TEST_F(ChoiceTest, a_route_may_ask_for_it_by_itself) {
  start("workers: 1\n");
  const std::string option = R"(,"options":{"loadbalancing":"least-connection"})";
  add(one_, "one", option);
  add(two_, "two", option);
  EXPECT_TRUE(eventually([&] { return reached(20) == kOneAndTwo; }));
  RawSocket busy = hold();
  const std::set<std::string> idle = reached(20);
  EXPECT_EQ(idle, (std::set<std::string>{name_of(std::move(busy)) == "one" ? "two" : "one"}));
}

TEST_F(ChoiceTest, a_session_whose_instance_is_full_moves_to_another) {
  start("workers: 1\nbackends: {max_conns: 1}\n");
  add(one_, "one");
  add(two_, "two");
  const std::string session = "Cookie: JSESSIONID=x; __VCAP_ID__=one\r\n";
  EXPECT_TRUE(eventually([&] { return reached(6, session) == std::set<std::string>{"one"}; }));
  EXPECT_TRUE(eventually([&] { return reached(6) == kOneAndTwo; }));
  RawSocket busy = hold(session);
  for (int i = 0; i < 4; ++i) {
    const RawMessage reply = routed_->get("app.d", "/", session);
    EXPECT_EQ(reply.body, "two");
    EXPECT_NE(reply.header("Set-Cookie").find("__VCAP_ID__=two"), std::string::npos) << reply.head;
  }
  EXPECT_EQ(name_of(std::move(busy)), "one");
  // Who kept the first cookie comes back to its instance.
  EXPECT_EQ(reached(6, session), std::set<std::string>{"one"});
}

TEST_F(ChoiceTest, a_negotiation_whose_instance_is_full_fails) {
  start("workers: 1\nbackends: {max_conns: 1}\nsticky_sessions_for_auth_negotiate: true\n");
  add(one_, "one");
  add(two_, "two");
  const std::string session = "Authorization: Negotiate x\r\nCookie: __VCAP_ID__=one\r\n";
  EXPECT_TRUE(eventually([&] { return reached(6, session) == std::set<std::string>{"one"}; }));
  RawSocket busy = hold(session);
  const RawMessage reply = routed_->get("app.d", "/", session);
  EXPECT_EQ(reply.status(), 502);
  EXPECT_EQ(reply.header("X-Cf-Routererror"), "endpoint_failure (No endpoints available)");
  EXPECT_EQ(name_of(std::move(busy)), "one");
}

}  // namespace
}  // namespace causeway::test
