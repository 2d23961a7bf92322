#include "control/auctioneer/inbox.h"

#include <gtest/gtest.h>

namespace causeway::auctioneer {
namespace {

TEST(Inbox, folds_what_is_asked_twice) {
  Inbox inbox;
  EXPECT_TRUE(inbox.empty());
  ASSERT_TRUE(inbox.add(std::vector<cf::LrpStartRequest>{
      {.process_guid = "p", .domain = "d", .indices = {0, 1, 1}, .demand = {.memory_mb = 1}},
      {.process_guid = "q", .domain = "d", .indices = {0}}}));
  ASSERT_TRUE(inbox.add(std::vector<cf::LrpStartRequest>{
      {.process_guid = "p", .domain = "d", .indices = {1}, .demand = {.memory_mb = 2}}}));
  ASSERT_TRUE(inbox.add(std::vector<cf::TaskStartRequest>{{.task_guid = "t"}, {.task_guid = "t"}}));
  EXPECT_EQ(inbox.size(), 4u);
  const auto lrps = inbox.take_lrps();
  ASSERT_EQ(lrps.size(), 3u);
  EXPECT_EQ(lrps[1].index, 1);
  EXPECT_EQ(lrps[1].demand.memory_mb, 2);  // what was asked last
  EXPECT_EQ(inbox.take_tasks().size(), 1u);
  EXPECT_TRUE(inbox.empty());
}

TEST(Inbox, takes_back_what_found_no_place_unless_it_was_asked_again) {
  Inbox inbox;
  ASSERT_TRUE(inbox.add(std::vector<cf::LrpStartRequest>{
      {.process_guid = "p", .domain = "d", .indices = {0, 1}, .demand = {.memory_mb = 1}}}));
  ASSERT_TRUE(inbox.add(std::vector<cf::TaskStartRequest>{{.task_guid = "t"}}));
  auto lost = inbox.take_lrps();
  auto lost_tasks = inbox.take_tasks();
  ASSERT_TRUE(inbox.add(std::vector<cf::LrpStartRequest>{
      {.process_guid = "p", .domain = "d", .indices = {1}, .demand = {.memory_mb = 2}}}));
  ASSERT_TRUE(inbox.add(std::vector<cf::TaskStartRequest>{{.task_guid = "t"}}));
  for (auto& lrp : lost) inbox.put_back(std::move(lrp));
  for (auto& task : lost_tasks) inbox.put_back(std::move(task));
  const auto lrps = inbox.take_lrps();
  ASSERT_EQ(lrps.size(), 2u) << "each waits once";
  EXPECT_EQ(lrps[0].demand.memory_mb, 1);
  EXPECT_EQ(lrps[1].demand.memory_mb, 2) << "what was asked last";
  EXPECT_EQ(inbox.take_tasks().size(), 1u);
}

TEST(Inbox, is_bounded_and_takes_all_or_nothing) {
  Inbox inbox;
  cf::LrpStartRequest large{.process_guid = "p", .domain = "d"};
  for (int32_t i = 0; i < static_cast<int32_t>(Inbox::kEntriesMax); ++i) large.indices.push_back(i);
  ASSERT_TRUE(inbox.add(std::vector<cf::LrpStartRequest>{large}));
  EXPECT_FALSE(inbox.add(std::vector<cf::TaskStartRequest>{{.task_guid = "t"}}));
  EXPECT_FALSE(inbox.add(
      std::vector<cf::LrpStartRequest>{{.process_guid = "q", .domain = "d", .indices = {0}}}));
  EXPECT_EQ(inbox.size(), Inbox::kEntriesMax);
}

}  // namespace
}  // namespace causeway::auctioneer
