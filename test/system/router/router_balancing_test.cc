// The router's binary with several workers: which instance gets which request.

#include <future>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "test/support/fake_backend.h"
#include "test/system/router/router_binary.h"

namespace causeway::test {
namespace {

// Instances of one app that say who they are, "0", "1" ...
class RouterBalancingTest : public testing::Test {
 protected:
  void start(const std::string& more = {}) {
    router_ = std::make_unique<RouterBinary>(nats_.port(), more);
    ASSERT_TRUE(router_->wait_until_serving()) << router_->process().output();
    peer_ = std::make_unique<NatsPeer>(nats_.port());
    settle(*router_, *peer_);
  }
  static std::string members(size_t index, const std::string& more) {
    const std::string text = std::to_string(index);
    return R"(,"app":"9f3c2d1e-0000-4000-8000-0123456789ab","private_instance_id":"id-)" + text +
           R"(","private_instance_index":")" + text + "\"" + more;
  }
  // `more`: further members of each registration.
  void add_instances(size_t count, const std::string& more = {}) {
    for (size_t i = 0; i < count; ++i) {
      backends_.push_back(std::make_unique<FakeBackend>(FakeBackend::answers(std::to_string(i))));
      peer_->publish("router.register",
                     registration("a.d", backends_.back()->port(), members(i, more)));
    }
    peer_->flush();
    ASSERT_TRUE(eventually(
        [&] { return router_->metric("total_endpoints") == static_cast<double>(count); }));
    // Workers have the last table a moment later: each instance answers.
    std::set<std::string> seen;
    ASSERT_TRUE(eventually([&] {
      seen.insert(router_->get(router_->port(), "a.d", "/").body);
      return seen.size() == count;
    }));
  }
  RawMessage get(const std::string& lines = {}) const {
    return router_->get(router_->port(), "a.d", "/", lines);
  }

  NatsServer nats_;
  std::unique_ptr<RouterBinary> router_;
  std::unique_ptr<NatsPeer> peer_;
  std::vector<std::unique_ptr<FakeBackend>> backends_;
};

TEST_F(RouterBalancingTest, a_header_that_the_route_names_chooses_the_instance) {
  start();
  add_instances(4, R"(,"options":{"loadbalancing":"hash","hash_header":"X-Tenant"})");
  std::map<std::string, std::string> homes;
  for (int tenant = 0; tenant < 12; ++tenant) {
    const std::string line = "x-tenant: tenant-" + std::to_string(tenant) + "\r\n";
    homes[line] = get(line).body;
    // On other connections, and so on the other worker as well.
    for (int i = 0; i < 4; ++i) EXPECT_EQ(get(line).body, homes[line]) << line;
  }
  std::set<std::string> used;
  for (const auto& [line, home] : homes) used.insert(home);
  EXPECT_GE(used.size(), 2u);
  // One instance goes: the tenants of the others stay where they are, but for very few.
  peer_->publish("router.unregister", registration("a.d", backends_[0]->port()));
  peer_->flush();
  ASSERT_TRUE(eventually([&] { return router_->metric("total_endpoints") == 3; }));
  int moved = 0;
  for (const auto& [line, home] : homes) {
    if (home != "0" && get(line).body != home) ++moved;
  }
  EXPECT_LE(moved, 3);
  EXPECT_EQ(router_->process().count_in_output("invalid-load-balancing-algorithm"), 0u);
}

TEST_F(RouterBalancingTest, options_that_cannot_be_are_told_and_left_out) {
  start();
  add_instances(2, R"(,"options":{"loadbalancing":"hash"})");
  EXPECT_EQ(router_->process().count_in_output("invalid-load-balancing-algorithm", 2), 2u);
}

TEST_F(RouterBalancingTest, instances_may_be_asked_for) {
  start();
  add_instances(3);
  const std::string app = "X-CF-App-Instance: 9f3c2d1e-0000-4000-8000-0123456789ab:";
  for (int i = 0; i < 3; ++i) EXPECT_EQ(get(app + "2\r\n").body, "2");
  EXPECT_EQ(get(app + "3\r\n").status(), 400);
  EXPECT_EQ(get(app + "x\r\n").status(), 400);
}

// Holds each request until it is let go, but those for /warm-up.
class Gate {
 public:
  FakeBackend::Serve serve() {
    return [this](RawSocket& peer, size_t) {
      for (RawMessage request = read_request(peer); request.is_whole;
           request = read_request(peer)) {
        if (request.start_line().find("/warm-up") == std::string::npos) {
          ++waiting_;
          open_.wait();
        }
        peer.send(ok_reply("done"));
      }
    };
  }
  size_t waiting() const { return waiting_; }
  void open() { promise_.set_value(); }

 private:
  std::promise<void> promise_;
  std::shared_future<void> open_ = promise_.get_future().share();
  std::atomic<size_t> waiting_{0};
};

TEST_F(RouterBalancingTest, max_conns_holds_over_all_workers) {
  start("backends: {max_conns: 3}");
  Gate gate;
  FakeBackend backend(gate.serve());
  peer_->publish("router.register", registration("a.d", backend.port()));
  // Both workers know the route: so many connections in turn would find one that does not.
  int known = 0;
  ASSERT_TRUE(eventually([&] {
    known = router_->status_of("a.d", "/warm-up") == 200 ? known + 1 : 0;
    return known == 30;
  }));
  std::vector<RawSocket> clients;
  for (size_t count = 1; count <= 3; ++count) {
    clients.push_back(RawSocket::connect(router_->port()));
    clients.back().send("GET / HTTP/1.1\r\nHost: a.d\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return gate.waiting() == count; }));
  }
  // Whichever worker is asked, nobody has a place left.
  for (int i = 0; i < 8; ++i) {
    const RawMessage reply = get();
    EXPECT_EQ(reply.status(), 503);
    EXPECT_EQ(reply.header("X-Cf-Routererror"), "Connection Limit Reached");
  }
  gate.open();
  for (RawSocket& client : clients) EXPECT_EQ(read_reply(client).status(), 200);
  EXPECT_EQ(get().status(), 200);
  EXPECT_EQ(router_->metric("backend_exhausted_conns", 8), 8);
}

TEST_F(RouterBalancingTest, an_unregistered_endpoints_idle_connections_are_closed_at_once) {
  start("backend_idle_timeout: 600s");
  std::promise<void> closed;
  FakeBackend backend([&](RawSocket& peer, size_t index) {
    while (read_request(peer).is_whole) peer.send(ok_reply("hello"));
    if (index == 0) closed.set_value();
  });
  FakeBackend other(FakeBackend::answers("other"));
  peer_->publish("router.register", registration("a.d", backend.port()));
  ASSERT_TRUE(eventually([&] { return get().status() == 200; }));
  peer_->publish("router.register", registration("b.d", other.port()));
  peer_->publish("router.unregister", registration("a.d", backend.port()));
  EXPECT_EQ(closed.get_future().wait_for(std::chrono::seconds(60)), std::future_status::ready);
}

}  // namespace
}  // namespace causeway::test
