// Changes that stand although replicas have not confirmed them.
#include "control/bbs/bbs_under_test.h"

namespace causeway::bbs::test {
namespace {

constexpr const char* kAway = "0 storage is unavailable: no replica has confirmed";

using Unconfirmed = BbsTest;

TEST_F(Unconfirmed, subscribers_cells_and_the_auctioneer_hear_of_what_the_caller_is_refused) {
  fresh_domain();
  present("c1");
  ASSERT_EQ(desire(lrp("p", 2)), "");
  ASSERT_EQ(run("p", 1, "i1", "c1"), "");
  outbox_.take_placed();
  subscribe();
  store_.leave_unconfirmed(true);
  EXPECT_EQ(claim("p", 0, "i0", "c1"), kAway);
  EXPECT_EQ(claim("p", 0, "i0", "c1"), kAway) << "it stands, but no better confirmed than before";
  EXPECT_EQ(run("p", 1, "i1", "c1"), "") << "nothing has changed here since it was confirmed";
  EXPECT_EQ(run("p", 0, "i0", "c1"), kAway);
  EXPECT_EQ(crash("p", 0, "i0", "c1"), kAway);
  EXPECT_EQ(crash("p", 0, "i0", "c1"), kAway) << "not a second time";
  EXPECT_EQ(outbox_.take_placed(), "p[0]");
  EXPECT_EQ(scale("p", 3), kAway);
  EXPECT_EQ(outbox_.take_placed(), "p[2]");
  EXPECT_EQ(scale("p", 0), kAway);
  EXPECT_TRUE(until([&] { return !outbox_.told.empty(); }));
  EXPECT_EQ(outbox_.told, std::vector<std::string>{"stop p/i1 at http://c1:1801"});
  EXPECT_EQ(rows("p"), "1:RUNNING@c1/i1");
  EXPECT_GE(metric("StoreUnconfirmed"), 5);
  store_.leave_unconfirmed(false);
  EXPECT_EQ(crash("p", 0, "i0", "c1"), "13 the requested resource could not be found");
  EXPECT_EQ(seen(),
            "changed UNCLAIMED->CLAIMED@i0; changed CLAIMED->RUNNING@i0; actual_lrp_crashed 1@i0; "
            "created UNCLAIMED@; removed RUNNING@i0; desired_lrp_changed; created UNCLAIMED@; "
            "desired_lrp_changed; removed UNCLAIMED@; removed UNCLAIMED@");
  EXPECT_FALSE(closed_);
}

TEST_F(Unconfirmed, a_cells_presence_lives_as_long_as_it_is_refreshed) {
  store_.leave_unconfirmed(true);
  EXPECT_EQ(lock("c1", "rep", R"({"cell_id":"c1"})", models::Resource::PRESENCE, 1), 503);
  EXPECT_EQ(metric("ActivePresences"), 1);
  EXPECT_TRUE(until([&] { return metric("ActivePresences") == 0; }));
}

TEST_F(Unconfirmed, who_has_a_lock_keeps_it_while_replicas_are_late) {
  EXPECT_EQ(lock("auctioneer", "a"), 200);
  store_.leave_unconfirmed(true);
  EXPECT_EQ(lock("auctioneer", "a"), 200);
  EXPECT_EQ(lock("auctioneer", "b"), 409);
  EXPECT_EQ(lock("emitter", "e"), 503);
  EXPECT_EQ(lock("emitter", "e"), 503) << "nobody has confirmed that it was acquired";
  store_.set_usable(false);
  store_.set_usable(true);
  EXPECT_EQ(lock("auctioneer", "a"), 200) << "after a failover, too";
  EXPECT_EQ(lock("emitter", "e"), 503);
  store_.leave_unconfirmed(false);
  EXPECT_EQ(lock("emitter", "e"), 200);
  store_.leave_unconfirmed(true);
  EXPECT_EQ(lock("emitter", "e"), 200);
  models::ReleaseRequest release;
  release.mutable_resource()->set_key("emitter");
  release.mutable_resource()->set_owner("e");
  EXPECT_EQ(post_raw("/models.Locket/Release", cf::encode(release)).status, 503);
  EXPECT_EQ(lock("emitter", "e"), 503) << "acquired anew";
}

TEST_F(Unconfirmed, a_long_change_goes_on_to_its_end) {
  store_.leave_unconfirmed(true);
  EXPECT_EQ(desire(lrp("p", 300)), kAway);
  EXPECT_EQ(outbox_.lrps.size(), 1u);
  EXPECT_EQ(outbox_.lrps[0].indices.size(), 300u);
  EXPECT_EQ(desire(lrp("p", 300)), kAway) << "who repeats it must not take it for done";
  store_.leave_unconfirmed(false);
  EXPECT_EQ(desire(lrp("p", 300)), "12 the requested resource already exists");
}

}  // namespace
}  // namespace causeway::bbs::test
