#include "control/auctioneer/roster.h"

#include <gtest/gtest.h>

namespace causeway::auctioneer {
namespace {

using namespace std::chrono_literals;

Roster::Cell roster_cell(const char* id, int32_t containers) {
  cf::CellState state;
  state.cell_id = id;
  state.root_fs_providers["preloaded"].names = {"base"};
  state.total = state.available = {.memory_mb = 100, .disk_mb = 100, .containers = containers};
  return {cf::brief_of(std::move(state)), std::string("http://") + id};
}

place::LrpDemand roster_lrp(int32_t index) {
  return {.process_guid = "p", .index = index, .demand = {.root_fs = "preloaded:base"}};
}

TEST(Roster, answers_are_kept_for_ten_times_as_long_as_they_took) {
  Roster roster(5s);
  const Instant asked{100s};
  EXPECT_FALSE(roster.may_be_used(asked));
  roster.set({}, asked, asked + 10ms);
  EXPECT_TRUE(roster.may_be_used(asked + 109ms));
  EXPECT_FALSE(roster.may_be_used(asked + 110ms));
  roster.set({}, asked, asked + 2s);
  EXPECT_TRUE(roster.may_be_used(asked + 6999ms));
  EXPECT_FALSE(roster.may_be_used(asked + 7s)) << "five seconds at most";
  roster.set({}, asked, asked + 2s);
  roster.forget();
  EXPECT_FALSE(roster.may_be_used(asked + 3s));
}

TEST(Roster, asked_every_time_where_nothing_is_to_be_kept) {
  Roster roster(0s);
  roster.set({}, Instant{1s}, Instant{2s});
  EXPECT_FALSE(roster.may_be_used(Instant{2s}));
}

TEST(Roster, what_was_given_counts_in_the_next_round) {
  Roster roster(5s);
  roster.set({roster_cell("b", 2), roster_cell("a", 1)}, Instant{1s}, Instant{2s});
  EXPECT_EQ(roster.cell_id(0), "a");
  EXPECT_EQ(roster.gathering_time(), 100us);
  EXPECT_EQ(roster.rep_url(1), "http://b");
  size_t placed = 0;
  for (int32_t index = 0; index < 4; ++index) {
    const auto placement = roster.place({roster_lrp(index)}, {}, {});
    placed += placement.works.size();
    EXPECT_EQ(placement.failed_lrps.size(), index < 3 ? 0u : 1u);
  }
  EXPECT_EQ(placed, 3u);
}

}  // namespace
}  // namespace causeway::auctioneer
