#include <gtest/gtest.h>

#include "bench/platform_load/ground.h"
#include "bench/platform_load/messages.h"
#include "bench/platform_load/platform_run.h"
#include "json/json.h"

namespace causeway::platform {
namespace {

std::string refusal(const PlatformOptions& options) {
  const auto checked = check(options);
  return checked ? "" : checked.error().detail;
}

TEST(PlatformOptions, mistakes_name_their_option) {
  PlatformOptions options;
  options.lrps = 10;
  EXPECT_EQ(refusal(options), "give either --own or --bbs");
  options.own = true;
  EXPECT_EQ(refusal(options), "");
  options.cells = 1;
  options.cell_containers = 9;
  EXPECT_EQ(refusal(options), "1 cells have room for 9 instances, not for 10");
  options.lrps = 0;
  EXPECT_EQ(refusal(options), "nothing to do: give --operations, --lrps or --streams");
  options.operations = 5;
  options.tls.authorities = "ca.pem";
  EXPECT_EQ(refusal(options), "give --ca, --cert and --key together");
  options.tls = {};
  options.redis = "here";
  EXPECT_EQ(refusal(options), "--redis: expected host:port, not \"here\"");
}

TEST(PlatformMessages, guids_are_as_long_as_real_ones) {
  EXPECT_EQ(process_guid(49'999).size(), 73u);
  EXPECT_NE(process_guid(1), process_guid(2));
  EXPECT_EQ(task_guid(7).size(), 36u);
}

TEST(PlatformRecord, shows_times_of_the_original) {
  OperationTally tally;
  tally.first_sent = Instant{};
  tally.last_done = Instant{} + std::chrono::seconds(1);
  for (int i = 0; i < 6000; ++i) tally.latency.record(8'200'000);
  PlatformRecord record;
  record.phases.emplace_back();
  record.phases.back().name = "operations";
  record.phases.back().operations.push_back(OperationResult::of(Operation::claim, tally));
  record.phases.back().figures.push_back({"all running after", 1.5, Unit::seconds});
  const std::string table = to_table(record);
  EXPECT_NE(table.find("x 10"), std::string::npos) << table;    // 6000/s against 600/s
  EXPECT_NE(table.find("x 0.10"), std::string::npos) << table;  // 8.2 ms against 82 ms
  const auto json = json::Document::parse(to_json(record));
  ASSERT_TRUE(json);
  const auto phase = json->root()["phases"].at(0);
  EXPECT_EQ(phase["figures"]["all_running_after_s"].number(), 1.5);
  EXPECT_EQ(phase["operations"].at(0)["original_per_second"].number(), 600);
}

TEST(PlatformGround, reads_metrics_pages) {
  const std::string page = "# HELP A x\nA 3\nAB 4\n";
  EXPECT_EQ(metric_in(page, "A"), 3);
  EXPECT_EQ(metric_in(page, "AB"), 4);
  EXPECT_EQ(metric_in(page, "B"), std::nullopt);
}

}  // namespace
}  // namespace causeway::platform
