// What is released right after a hand-over, before this Locket knows what there is.
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "control/bbs/locket/locket.h"
#include "control/store/memory_store.h"
#include "log/logger.h"
#include "net/loop.h"

namespace causeway::bbs {
namespace {

class LocketRelease : public testing::Test {
 protected:
  std::unique_ptr<Locket> locket() {
    return std::make_unique<Locket>(loop_, store_, clock_, logger_, [] { return "id"; });
  }
  static models::Resource resource(const std::string& key, models::Resource::TypeCode type) {
    models::Resource resource;
    resource.set_key(key);
    resource.set_owner("owner");
    resource.set_type_code(type);
    return resource;
  }
  // 200, or the status of the refusal.
  int take(Locket& locket, const models::Resource& resource) {
    models::LockRequest request;
    *request.mutable_resource() = resource;
    request.set_ttl_in_seconds(10);
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
  store::MemoryStore store_;
  ManualClock clock_;
  log::Sink sink_{{.level = log::Level::error, .path = {}}};
  log::Logger logger_{sink_, "test"};
};

TEST_F(LocketRelease, of_a_presence_that_the_former_bbs_has_taken_down_lets_it_go) {
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

}  // namespace
}  // namespace causeway::bbs
