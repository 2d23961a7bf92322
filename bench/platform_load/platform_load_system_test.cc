// Real redis-server, bbs and auctioneer, at a small scale.
#include <cstdlib>

#include <gtest/gtest.h>

#include "bench/platform_load/platform_run.h"

namespace causeway::platform {
namespace {

PlatformOptions own() {
  PlatformOptions options;
  options.own = true;
  options.own_servers.programs = std::getenv("CAUSEWAY_BIN_DIR");
  return options;
}

double figure(const PhaseResult& phase, const std::string& name) {
  for (const Figure& one : phase.figures)
    if (one.name == name) return one.value;
  return -1;
}

TEST(PlatformLoadSystem, every_operation_succeeds) {
  PlatformOptions options = own();
  options.operations = 60;
  const auto record = run_platform(options, {});
  ASSERT_TRUE(record) << record.error().detail;
  const std::string table = to_table(*record);
  EXPECT_EQ(record->partial, "") << table;
  EXPECT_TRUE(record->remarks.empty()) << table;
  ASSERT_EQ(record->phases.size(), 1u);
  EXPECT_EQ(record->phases[0].operations.size(), operations - 1) << table;  // but crashes
  for (const auto& operation : record->phases[0].operations)
    EXPECT_EQ(operation.failures, 0u) << operation.name << "\n" << table;
  EXPECT_EQ(figure(record->phases[0], "events seen"), 60) << table;
}

TEST(PlatformLoadSystem, cells_run_what_is_desired_and_keep_it_alive) {
  PlatformOptions options = own();
  options.cells = 8;
  options.lrps = 40;
  options.instances = 3;
  options.burst = 50;
  options.subscribers = 5;
  options.steady = std::chrono::seconds(3);
  options.heart_beat = std::chrono::seconds(1);
  options.own_servers.converge_interval = std::chrono::seconds(1);
  const auto record = run_platform(options, {});
  ASSERT_TRUE(record) << record.error().detail;
  const std::string table = to_table(*record);
  EXPECT_EQ(record->partial, "") << table;
  EXPECT_TRUE(record->remarks.empty()) << table;
  ASSERT_EQ(record->phases.size(), 4u) << table;
  EXPECT_EQ(figure(record->phases[1], "instances running"), 120) << table;
  const PhaseResult& steady = record->phases[2];
  EXPECT_GE(figure(steady, "convergence passes"), 1) << table;
  EXPECT_EQ(figure(steady, "cut off"), 0) << table;
  EXPECT_EQ(figure(steady, "gaps seen"), 0) << table;
  EXPECT_GT(figure(steady, "memory of Redis"), 100'000) << table;
  for (const auto& operation : steady.operations)
    EXPECT_EQ(operation.failures, 0u) << operation.name << "\n" << table;
  EXPECT_GT(figure(record->phases[3], "all running after"), 0) << table;
  ASSERT_EQ(steady.processes.size(), 4u);
  EXPECT_GT(steady.processes[1].rss_bytes, 1e6);
  EXPECT_NE(to_html(*record).find("steady: heart-beat"), std::string::npos);
}

TEST(PlatformLoadSystem, of_ten_thousand_event_streams_those_beyond_the_limit_are_told_so) {
  PlatformOptions options = own();
  options.streams = 10'000;  // 8,000 are kept: event_streams_max
  const auto record = run_platform(options, {});
  ASSERT_TRUE(record) << record.error().detail;
  const std::string table = to_table(*record);
  EXPECT_EQ(record->partial, "") << table;
  EXPECT_TRUE(record->remarks.empty()) << table;  // the reason among them
  ASSERT_EQ(record->phases.size(), 1u);
  EXPECT_EQ(figure(record->phases[0], "open"), 8'000) << table;
  EXPECT_EQ(figure(record->phases[0], "refused"), 2'000) << table;
}

TEST(PlatformLoadSystem, says_which_server_does_not_start) {
  PlatformOptions options = own();
  options.lrps = 1;
  options.own_servers.programs = "/nowhere";
  const auto record = run_platform(options, {});
  ASSERT_FALSE(record);
  EXPECT_NE(record.error().detail.find("cannot start bbs"), std::string::npos)
      << record.error().detail;
}

}  // namespace
}  // namespace causeway::platform
