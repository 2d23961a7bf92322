#include "bench/placement/placement_report.h"

#include <gtest/gtest.h>

namespace causeway::placement {
namespace {

TEST(Placement, spreads_over_cells_and_zones) {
  const Foundation foundation{.cells = 60, .zones = 3, .instances = 3'000, .round = 500};
  const Report report = place_all(foundation);
  EXPECT_EQ(report.placed, 3'000u);
  EXPECT_EQ(report.rounds, 6u);
  EXPECT_TRUE(report.failed.empty());
  EXPECT_GT(report.shared, 100u);
  EXPECT_EQ(report.same_cell, 0u);
  EXPECT_EQ(report.zone_uneven, 0u);
  EXPECT_EQ(report.in_one_zone, 0u);
  ASSERT_EQ(report.zones.size(), 3u);
  for (const auto& [zone, instances] : report.zones)
    EXPECT_NEAR(static_cast<double>(instances), 1000.0, 150.0) << zone;
  EXPECT_LT(report.score.most - report.score.least, 0.1);
  EXPECT_NE(to_text(foundation, report).find("placed"), std::string::npos);
}

TEST(Placement, tells_what_found_no_place) {
  const Report report =
      place_all({.cells = 2, .cell_containers = 10, .instances = 30, .round = 30});
  EXPECT_EQ(report.placed, 20u);
  EXPECT_EQ(report.failed.at("insufficient resources: containers"), 10u);
}

TEST(Placement, spread_of_numbers) {
  const Spread spread = Spread::of({3, 1, 2});
  EXPECT_EQ(spread.least, 1);
  EXPECT_EQ(spread.middle, 2);
  EXPECT_EQ(spread.most, 3);
  EXPECT_NEAR(spread.deviation, 0.8165, 0.001);
}

}  // namespace
}  // namespace causeway::placement
