// Locket by its rules and its time: who gets, keeps, loses and releases what.
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "control/bbs/locket/locket.h"
#include "control/store/memory_store.h"
#include "log/logger.h"
#include "net/loop.h"

namespace causeway::bbs {
namespace {

models::LockRequest lock_request(const char* owner, int64_t ttl, const char* type, int code) {
  models::LockRequest request;
  request.mutable_resource()->set_key("k");
  request.mutable_resource()->set_owner(owner);
  request.mutable_resource()->set_value("v");
  request.mutable_resource()->set_type(type);
  request.mutable_resource()->set_type_code(static_cast<models::Resource::TypeCode>(code));
  request.set_ttl_in_seconds(ttl);
  return request;
}

TEST(LocketRules, say_who_may_have_it) {
  const struct {
    const char* found;  // its owner; null: nobody
    models::LockRequest request;
    int status;  // 200: acquired or renewed
    const char* text;
  } rows[] = {
      {nullptr, lock_request("a", 15, "lock", 1), 200, "lock"},
      {nullptr, lock_request("a", 15, "", 1), 200, "lock"},
      {nullptr, lock_request("a", 15, "lock", 0), 200, "lock"},
      {nullptr, lock_request("a", 15, "presence", 2), 200, "presence"},
      {nullptr, lock_request("a", 15, "presence", 0), 200, "presence"},
      {"a", lock_request("a", 1, "lock", 1), 200, "lock"},
      {"b", lock_request("a", 15, "lock", 1), 409, "lock-collision"},
      {"a", lock_request("a", 0, "lock", 1), 400, "invalid-ttl"},
      {nullptr, lock_request("a", -1, "lock", 1), 400, "invalid-ttl"},
      {nullptr, lock_request("", 15, "lock", 1), 400, "invalid-owner"},
      {"b", lock_request("", 15, "lock", 1), 400, "invalid-owner"},
      {nullptr, lock_request("a", 15, "", 0), 400, "invalid-type"},
      {nullptr, lock_request("a", 15, "semaphore", 0), 400, "invalid-type"},
      {nullptr, lock_request("a", 15, "lock", 2), 400, "invalid-type"},
      {nullptr, lock_request("a", 15, "presence", 1), 400, "invalid-type"},
      {nullptr, lock_request("a", 15, "", 7), 400, "invalid-type"},
      {nullptr, lock_request("", 0, "", 0), 400, "invalid-type"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.request.resource().type() + " of " + row.request.resource().owner() + ": " +
                 row.text);
    std::optional<models::StoredResource> found;
    if (row.found != nullptr) {
      found.emplace().mutable_resource()->set_owner(row.found);
      found->set_modified_id("old");
      found->set_modified_index(7);
    }
    const LocketVerdict verdict = lock_rule(found, row.request, "new");
    if (row.status != 200) {
      ASSERT_TRUE(verdict.refusal && !verdict.after);
      EXPECT_EQ(verdict.refusal->status, row.status);
      EXPECT_EQ(verdict.refusal->text, row.text);
      continue;
    }
    ASSERT_TRUE(verdict.after && !verdict.refusal);
    EXPECT_EQ(verdict.after->resource().type(), row.text);
    EXPECT_EQ(verdict.after->resource().type_code(), row.text == std::string("lock") ? 1 : 2);
    EXPECT_EQ(verdict.after->resource().value(), "v");
    EXPECT_EQ(verdict.after->modified_index(), found ? 8 : 1);
    EXPECT_EQ(verdict.after->modified_id(), found ? "old" : "new");
  }
}

class LocketTest : public testing::Test {
 protected:
  std::unique_ptr<Locket> locket() {
    return std::make_unique<Locket>(loop_, store_, clock_, logger_, [] { return "id"; });
  }
  // Whose time goes on by itself.
  std::unique_ptr<Locket> living_locket() {
    return std::make_unique<Locket>(loop_, store_, real_clock_, logger_, [] { return "id"; });
  }
  store::MemoryStore store_;
  SystemClock real_clock_;

  // Waits for a Locket's own tick.
  [[nodiscard]] bool until(const std::function<bool()>& holds) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!holds()) {
      if (std::chrono::steady_clock::now() > end) return false;
      loop_.run_once(false);
      store_.run_pending();
    }
    return true;
  }
  static models::Resource resource(const std::string& key, models::Resource::TypeCode type) {
    models::Resource resource;
    resource.set_key(key);
    resource.set_owner("owner");
    resource.set_type_code(type);
    return resource;
  }
  // 200, or the status of the refusal.
  int take(Locket& locket, const models::Resource& resource, int64_t ttl_seconds = 10) {
    models::LockRequest request;
    *request.mutable_resource() = resource;
    request.set_ttl_in_seconds(ttl_seconds);
    return status_of([&](auto on) { locket.lock(request, on); });
  }
  int give_up(Locket& locket, const std::string& key, const std::string& owner) {
    models::ReleaseRequest request;
    request.mutable_resource()->set_key(key);
    request.mutable_resource()->set_owner(owner);
    return status_of([&](auto on) { locket.release(request, on); });
  }
  bool is_there(Locket& locket, const std::string& key) {
    models::FetchRequest request;
    request.set_key(key);
    std::optional<bool> found;
    locket.fetch(request, [&](const auto& answer) { found = answer.has_value(); });
    while (!found) store_.run_pending();
    return *found;
  }

 private:
  int status_of(const std::function<void(Locket::On<void>)>& call) {
    std::optional<int> status;
    call([&](const Result<void, LocketRefusal>& done) {
      status = done ? 200 : done.error().status;
    });
    while (!status) store_.run_pending();
    return *status;
  }

  net::Loop loop_;
  ManualClock clock_;
  log::Sink sink_{{.level = log::Level::error, .path = {}}};
  log::Logger logger_{sink_, "test"};
};

TEST_F(LocketTest, of_a_presence_that_the_former_bbs_has_taken_down_lets_it_go) {
  const auto former = locket();
  ASSERT_EQ(take(*former, resource("cell-1", models::Resource::PRESENCE)), 200);
  ASSERT_EQ(take(*former, resource("auctioneer", models::Resource::LOCK)), 200);
  const auto next = locket();  // and renew_all() has not answered yet
  EXPECT_EQ(give_up(*next, "cell-1", "somebody else"), 409);
  EXPECT_TRUE(is_there(*next, "cell-1"));
  EXPECT_EQ(give_up(*next, "cell-1", "owner"), 200);
  EXPECT_FALSE(is_there(*next, "cell-1"));
  EXPECT_EQ(give_up(*next, "auctioneer", "somebody else"), 409);
  EXPECT_EQ(give_up(*next, "auctioneer", "owner"), 200);
  EXPECT_FALSE(is_there(*next, "auctioneer"));
  EXPECT_EQ(give_up(*next, "nothing", "owner"), 200);
}

TEST_F(LocketTest, what_is_not_renewed_in_time_is_free_and_what_is_stays) {
  const auto locket = living_locket();
  std::vector<std::string> seen;
  locket->on_presence(
      [&](const std::string& key, bool present) { seen.push_back((present ? "+" : "-") + key); });
  const auto kept = resource("auctioneer", models::Resource::LOCK);
  const auto lost = resource("bbs", models::Resource::LOCK);
  const Instant began = real_clock_.now();
  ASSERT_EQ(take(*locket, kept, 2), 200);
  ASSERT_EQ(take(*locket, lost, 1), 200);
  ASSERT_EQ(take(*locket, resource("cell-1", models::Resource::PRESENCE), 1), 200);
  EXPECT_EQ(locket->locks(), 2u);
  EXPECT_EQ(locket->presences(), 1u);
  ASSERT_TRUE(until([&] {
    EXPECT_EQ(take(*locket, kept, 2), 200);
    return locket->locks_expired() == 1 && locket->presences_expired() == 1 &&
           real_clock_.now() > began + std::chrono::milliseconds(2500);
  }));
  EXPECT_TRUE(is_there(*locket, "auctioneer"));
  EXPECT_FALSE(is_there(*locket, "bbs"));
  EXPECT_EQ(seen, (std::vector<std::string>{"+cell-1", "-cell-1"}));
  models::Resource other = lost;
  other.set_owner("other");
  EXPECT_EQ(take(*locket, other), 200);
  EXPECT_EQ(take(*locket, lost), 409);
}

TEST_F(LocketTest, after_a_restart_everything_has_its_whole_time_again) {
  const auto held = resource("cell-1", models::Resource::PRESENCE);
  ASSERT_EQ(take(*living_locket(), held, 1), 200);
  const auto next = living_locket();
  EXPECT_EQ(next->presences(), 0u) << "not asked for yet";
  next->renew_all();
  ASSERT_TRUE(until([&] { return next->presences() == 1; }));
  EXPECT_TRUE(is_there(*next, "cell-1"));
  ASSERT_TRUE(until([&] { return next->presences_expired() == 1; }));
  EXPECT_FALSE(is_there(*next, "cell-1"));
}

TEST_F(LocketTest, lists_are_of_one_type_however_it_is_said) {
  const auto locket = this->locket();
  ASSERT_EQ(take(*locket, resource("cell-1", models::Resource::PRESENCE)), 200);
  ASSERT_EQ(take(*locket, resource("auctioneer", models::Resource::LOCK)), 200);
  const auto listed = [&](const char* type, int code) {
    models::FetchAllRequest request;
    request.set_type(type);
    request.set_type_code(static_cast<models::Resource::TypeCode>(code));
    std::optional<std::string> answer;
    locket->fetch_all(request, [&](const auto& resources) {
      answer = resources ? "" : resources.error().text;
      if (!resources) return;
      for (const models::Resource& one : *resources) *answer += one.key() + " " + one.type();
    });
    while (!answer) store_.run_pending();
    return *answer;
  };
  EXPECT_EQ(listed("lock", 0), "auctioneer lock");
  EXPECT_EQ(listed("", 1), "auctioneer lock");
  EXPECT_EQ(listed("lock", 1), "auctioneer lock");
  EXPECT_EQ(listed("presence", 0), "cell-1 presence");
  EXPECT_EQ(listed("", 2), "cell-1 presence");
  EXPECT_EQ(listed("", 0), "invalid-type");
  EXPECT_EQ(listed("lock", 2), "invalid-type");
  EXPECT_EQ(listed("semaphore", 0), "invalid-type");
}

}  // namespace
}  // namespace causeway::bbs
