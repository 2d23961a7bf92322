#include "cell/rep/cell_metrics.h"

#include <gtest/gtest.h>

#include "cell/rep/fake_executor.h"
#include "metrics/registry.h"
#include "rpc/test_bed.h"

namespace causeway::rep {
namespace {

TEST(CellMetrics, each_count_of_the_executor_has_diegos_name) {
  rpc::test::TestBed bed;
  test::FakeExecutor executor(bed.loop());
  metrics::Registry registry;
  register_cell_metrics(registry, executor);
  const auto expect_all = [&](const std::vector<std::string>& lines) {
    const std::string text = "\n" + registry.prometheus_text();
    for (const std::string& line : lines)
      EXPECT_NE(text.find("\n" + line + "\n"), std::string::npos) << line << "\nin" << text;
  };
  expect_all({"CapacityTotalMemory 1024", "CapacityRemainingDisk 4096",
              "CapacityAllocatedContainers 0", "ContainerCount 0", "CellUnhealthy 0",
              "GardenHealthCheckFailed 0", "ContainerCompletedCount 0",
              "GardenContainerCreationSucceededDuration 0"});

  ASSERT_TRUE(executor.allocate({.guid = "a", .resources = {24, 96, 1}, .tags = {}}));
  executor.is_well = false;
  executor::Tally& tally = executor.counted;
  tally.creations.add(true, std::chrono::microseconds(1));
  tally.creations.add(true, std::chrono::microseconds(2));
  tally.creations.add(false, std::chrono::microseconds(3));
  tally.destructions.add(true, std::chrono::microseconds(4));
  tally.destructions.add(false, std::chrono::microseconds(5));
  tally.setups.add(true, std::chrono::microseconds(6));
  tally.setups.add(false, std::chrono::microseconds(7));
  tally.completed = 8;
  tally.exited_on_timeout = 9;
  tally.http_liveness_failed = 10;
  tally.tcp_liveness_failed = 11;
  tally.http_readiness_failed = 12;
  tally.tcp_readiness_failed = 13;
  tally.runtime_checks = 14;
  tally.runtime_checks_failed = 15;
  expect_all({"CapacityTotalMemory 1024",
              "CapacityRemainingMemory 1000",
              "CapacityAllocatedMemory 24",
              "CapacityAllocatedContainers 1",
              "ContainerCount 1",
              "CellUnhealthy 1",
              "GardenHealthCheckFailed 1",
              "GardenContainerCreationSucceededDuration 2000",
              "GardenContainerCreationSucceededCount 2",
              "GardenContainerCreationFailedDuration 3000",
              "GardenContainerCreationFailedCount 1",
              "GardenContainerDestructionSucceededDuration 4000",
              "GardenContainerDestructionFailedDuration 5000",
              "ContainerSetupSucceededDuration 6000",
              "ContainerSetupFailedDuration 7000",
              "ContainerCompletedCount 8",
              "ContainerExitedOnTimeoutCount 9",
              "HTTPLivenessChecksFailedCount 10",
              "TCPLivenessChecksFailedCount 11",
              "HTTPReadinessChecksFailedCount 12",
              "TCPReadinessChecksFailedCount 13",
              "RuntimeChecks 14",
              "RuntimeChecksFailed 15"});
}

}  // namespace
}  // namespace causeway::rep
