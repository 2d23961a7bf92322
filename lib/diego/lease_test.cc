#include "diego/lease.h"

#include <optional>

#include <gtest/gtest.h>

#include "diego/fake_services.h"

namespace causeway::diego {
namespace {

using namespace std::chrono_literals;

// Locket with one resource, whose answers the test sets.
class LeaseTest : public testing::Test {
 protected:
  void serve() {
    locket.server->route("POST", "/models.Locket/Lock",
                         [this](const rpc::Request& http, rpc::Responder responder) {
                           models::LockRequest request;
                           ASSERT_TRUE(request.ParseFromString(http.body));
                           requests.push_back(request);
                           if (holds_answers) return held_back.push_back(std::move(responder));
                           if (status != 200)
                             return responder.reply(status, "text/plain", "lock-collision");
                           test::reply_with(responder, models::LockResponse());
                         });
    locket.server->route("POST", "/models.Locket/Release",
                         [this](const rpc::Request&, rpc::Responder responder) {
                           ++released;
                           test::reply_with(responder, models::ReleaseResponse());
                         });
  }
  void take(Lease::Kind kind, Duration ttl = 10s, Duration retry_interval = 20ms) {
    lease = std::make_unique<Lease>(
        bed.loop(),
        Lease::Options{.locket_url = locket.url(),
                       .kind = kind,
                       .key = "auctioneer",
                       .owner = "me",
                       .value = "v",
                       .ttl = ttl,
                       .retry_interval = retry_interval,
                       .clock = clock},
        Lease::Events{.on_held = [this] { ++held; },
                      .on_lost = [this](const Error& error) { lost.push_back(error); },
                      .on_refused = [this](const Error&) { ++refused; }});
  }

  rpc::test::TestBed bed;
  test::FakeService locket{bed};
  const BootClock* clock = nullptr;  // the machine's
  std::unique_ptr<Lease> lease;
  std::vector<models::LockRequest> requests;
  std::vector<rpc::Responder> held_back;
  bool holds_answers = false;
  int status = 200;
  int held = 0;
  int refused = 0;
  int released = 0;
  std::vector<Error> lost;
};

TEST_F(LeaseTest, is_taken_and_renewed) {
  serve();
  take(Lease::Kind::lock);
  ASSERT_TRUE(bed.until([&] { return requests.size() >= 3; }));
  EXPECT_EQ(held, 1);
  EXPECT_TRUE(lease->is_held());
  EXPECT_EQ(requests[0].ttl_in_seconds(), 10);
  EXPECT_EQ(requests[0].resource().key(), "auctioneer");
  EXPECT_EQ(requests[0].resource().owner(), "me");
  EXPECT_EQ(requests[0].resource().type_code(), models::Resource::LOCK);
  bool is_done = false;
  lease->release([&] { is_done = true; });
  ASSERT_TRUE(bed.until([&] { return is_done; }));
  EXPECT_EQ(released, 1);
}

TEST_F(LeaseTest, waits_for_a_lock_that_another_one_holds) {
  serve();
  status = 409;
  take(Lease::Kind::lock);
  ASSERT_TRUE(bed.until([&] { return refused >= 2; }));
  EXPECT_EQ(held, 0);
  EXPECT_TRUE(lost.empty());
  status = 200;
  ASSERT_TRUE(bed.until([&] { return held == 1; }));
}

TEST_F(LeaseTest, a_lock_refused_on_renewal_is_lost_for_good) {
  serve();
  take(Lease::Kind::lock);
  ASSERT_TRUE(bed.until([&] { return held == 1; }));
  status = 409;
  ASSERT_TRUE(bed.until([&] { return lost.size() == 1; }));
  EXPECT_EQ(lost[0].fault, Fault::conflict);
  const size_t before = requests.size();
  const Instant start = std::chrono::steady_clock::now();
  ASSERT_TRUE(bed.until([&] { return std::chrono::steady_clock::now() - start > 100ms; }));
  EXPECT_EQ(requests.size(), before);
}

TEST_F(LeaseTest, a_lock_that_cannot_be_renewed_is_lost_when_its_ttl_ends_and_not_before) {
  serve();
  take(Lease::Kind::lock, 2s);
  ASSERT_TRUE(bed.until([&] { return held == 1; }));
  locket.stop();
  ASSERT_TRUE(bed.until([&] { return refused >= 2; }));
  EXPECT_TRUE(lease->is_held());
  ASSERT_TRUE(bed.until([&] { return lost.size() == 1; }));
  EXPECT_EQ(lost[0].fault, Fault::timeout);
}

TEST_F(LeaseTest, an_attempt_that_is_under_way_at_the_release_wins_nothing) {
  serve();
  holds_answers = true;
  take(Lease::Kind::lock, 30s, 60s);
  ASSERT_TRUE(bed.until([&] { return held_back.size() == 1; }));
  bool is_done = false;
  lease->release([&] { is_done = true; });
  const Instant start = std::chrono::steady_clock::now();
  ASSERT_TRUE(bed.until([&] { return std::chrono::steady_clock::now() - start > 100ms; }));
  EXPECT_EQ(released, 0) << "Locket could still say yes";
  EXPECT_FALSE(is_done);
  test::reply_with(held_back[0], models::LockResponse());
  ASSERT_TRUE(bed.until([&] { return is_done; }));
  EXPECT_EQ(released, 1);
  EXPECT_EQ(held, 0);
  EXPECT_FALSE(lease->may_act());
}

TEST_F(LeaseTest, an_attempt_that_is_never_answered_is_followed_by_the_release_all_the_same) {
  serve();
  holds_answers = true;
  take(Lease::Kind::presence, 10s, 200ms);  // which is how long an answer is waited for
  ASSERT_TRUE(bed.until([&] { return held_back.size() == 1; }));
  bool is_done = false;
  lease->release([&] { is_done = true; });
  ASSERT_TRUE(bed.until([&] { return is_done; }));
  EXPECT_EQ(released, 1);
}

TEST_F(LeaseTest, who_slept_may_not_act_before_any_timer_has_told) {
  serve();
  take(Lease::Kind::lock, 2s, 100ms);
  EXPECT_FALSE(lease->may_act());
  ASSERT_TRUE(bed.until([&] { return held == 1; }));
  ASSERT_TRUE(bed.until([&] { return lease->may_act(); }));
  EXPECT_LT(lease->acts_until(), SystemBootClock().now() + 2s);
  const Instant start = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - start < 2100ms) {
    // As a stopped process: the loop does not turn.
  }
  EXPECT_TRUE(lease->is_held());
  EXPECT_FALSE(lease->may_act());
  ASSERT_TRUE(bed.until([&] { return lost.size() == 1; }));
}

// What a suspended machine looks like to its processes: no timer has waited any longer, but the
// clock since the boot has gone on.
TEST_F(LeaseTest, who_was_suspended_with_the_machine_may_not_act) {
  ManualBootClock boot;
  clock = &boot;
  serve();
  take(Lease::Kind::lock, 100s, 50s);
  ASSERT_TRUE(bed.until([&] { return held == 1; }));
  EXPECT_TRUE(lease->may_act());
  boot.advance(99s);
  EXPECT_TRUE(lease->is_held());
  EXPECT_FALSE(lease->may_act());
  boot.advance(1s);
  ASSERT_TRUE(bed.until([&] { return lost.size() == 1; })) << "it has looked at another clock";
  EXPECT_EQ(lost[0].fault, Fault::timeout);
}

TEST_F(LeaseTest, a_lost_presence_is_taken_again) {
  serve();
  take(Lease::Kind::presence, 1s);
  ASSERT_TRUE(bed.until([&] { return held == 1; }));
  EXPECT_EQ(requests[0].resource().type_code(), models::Resource::PRESENCE);
  locket.stop();
  ASSERT_TRUE(bed.until([&] { return lost.size() == 1; }));
  locket.start();
  serve();
  ASSERT_TRUE(bed.until([&] { return held == 2; }));
  lease->value("w");
  ASSERT_TRUE(bed.until([&] { return requests.back().resource().value() == "w"; }));
}

TEST(LocketClient, fetches_and_names_the_fault) {
  rpc::test::TestBed bed;
  test::FakeService locket(bed);
  locket.server->route("POST", "/models.Locket/Fetch",
                       [](const rpc::Request& http, rpc::Responder responder) {
                         models::FetchRequest request;
                         ASSERT_TRUE(request.ParseFromString(http.body));
                         if (request.key() != "a")
                           return responder.reply(404, "text/plain", "resource-not-found");
                         models::FetchResponse response;
                         response.mutable_resource()->set_owner("o");
                         test::reply_with(responder, response);
                       });
  locket.server->route("POST", "/models.Locket/FetchAll",
                       [](const rpc::Request&, rpc::Responder responder) {
                         models::FetchAllResponse response;
                         response.add_resources()->set_key("a");
                         response.add_resources()->set_key("b");
                         test::reply_with(responder, response);
                       });
  LocketClient client(bed.loop(), {.url = locket.url()});
  std::vector<Result<models::Resource>> fetched;
  client.fetch("a", [&](auto result) { fetched.push_back(std::move(result)); });
  client.fetch("b", [&](auto result) { fetched.push_back(std::move(result)); });
  std::optional<Result<std::vector<models::Resource>>> all;
  client.fetch_all(models::Resource::LOCK, [&](auto result) { all = std::move(result); });
  ASSERT_TRUE(bed.until([&] { return fetched.size() == 2 && all; }));
  if (!fetched[0]) std::swap(fetched[0], fetched[1]);
  EXPECT_EQ(fetched[0].value().owner(), "o");
  EXPECT_EQ(fetched[1].error().fault, Fault::not_found);
  EXPECT_EQ(all->value().size(), 2u);
}

}  // namespace
}  // namespace causeway::diego
