#include "cell/rep/container_metrics.h"

#include <gtest/gtest.h>

#include "cell/rep/cell_tags.h"
#include "cell/rep/fake_executor.h"
#include "json/json.h"
#include "metrics/registry.h"
#include "rpc/test_bed.h"

namespace causeway::rep {
namespace {

class ContainerMetricsTest : public testing::Test {
 protected:
  void add(const std::string& guid, Tags tags, executor::State state, int64_t memory_bytes) {
    put_metric_tags(tags, {{"source_id", "source-of-" + guid}});
    executor::Container& container = executor.containers[guid];
    container.guid = guid;
    container.state = state;
    container.tags = std::move(tags);
    container.resources = {.memory_mb = 64, .disk_mb = 128, .containers = 1};
    executor.usages[guid] = {.memory_bytes = memory_bytes, .cpu_ns = 1'000'000'000};
  }
  json::Document document() {
    auto parsed = json::Document::parse(container_metrics.json());
    EXPECT_TRUE(parsed);
    return std::move(*parsed);
  }

  rpc::test::TestBed bed;
  metrics::Registry registry;
  test::FakeExecutor executor{bed.loop()};
  ContainerMetrics container_metrics{bed.loop(), executor, registry, "cell-1"};
};

TEST_F(ContainerMetricsTest, what_runs_is_told_with_its_use_and_its_limits) {
  cf::LrpWork lrp;
  lrp.process_guid = "shop";
  lrp.index = 3;
  add("instance", tags_of(lrp), executor::State::running, 5 << 20);
  add("job", tags_of(cf::TaskWork{}), executor::State::running, 3 << 20);
  add("starting", tags_of(lrp), executor::State::created, 1 << 20);
  container_metrics.measure(bed.loop().now());
  const json::Document told = document();
  const json::Node lrps = told.root()["LRPs"];
  ASSERT_EQ(lrps.size(), 1u);
  EXPECT_EQ(lrps.at(0)["process_guid"].string(), "shop");
  EXPECT_EQ(lrps.at(0)["index"].integer(), 3);
  EXPECT_EQ(lrps.at(0)["instance_guid"].string(), "instance");
  EXPECT_EQ(lrps.at(0)["metric_guid"].string(), "source-of-instance");
  EXPECT_EQ(lrps.at(0)["memory_usage_bytes"].integer(), 5 << 20);
  EXPECT_EQ(lrps.at(0)["memory_quota_bytes"].integer(), 64 << 20);
  EXPECT_EQ(lrps.at(0)["disk_quota_bytes"].integer(), 128 << 20);
  ASSERT_EQ(told.root()["Tasks"].size(), 1u);
  EXPECT_EQ(told.root()["Tasks"].at(0)["task_guid"].string(), "job");
  EXPECT_NE(registry.prometheus_text().find("ContainerUsageMemory 8\n"), std::string::npos);
}

TEST_F(ContainerMetricsTest, processor_time_is_a_fraction_of_the_time_between_measurements) {
  add("instance", tags_of(cf::LrpWork{}), executor::State::running, 1);
  container_metrics.measure(Instant{} + std::chrono::seconds(100));
  EXPECT_EQ(document().root()["LRPs"].at(0)["cpu_usage_fraction"].number(), 0);
  executor.usages["instance"].cpu_ns += 5'000'000'000;
  container_metrics.measure(Instant{} + std::chrono::seconds(110));
  EXPECT_NEAR(*document().root()["LRPs"].at(0)["cpu_usage_fraction"].number(), 0.5, 1e-9);
}

TEST_F(ContainerMetricsTest,
       disks_are_measured_one_after_the_other_and_forgotten_with_the_container) {
  add("a", tags_of(cf::LrpWork{}), executor::State::running, 1);
  add("b", tags_of(cf::LrpWork{}), executor::State::running, 1);
  add("unmeasurable", tags_of(cf::LrpWork{}), executor::State::running, 1);
  executor.disks = {{"a", 3 << 20}, {"b", 4 << 20}};
  container_metrics.measure(bed.loop().now());
  EXPECT_NE(registry.prometheus_text().find("ContainerUsageDisk 0\n"), std::string::npos);
  container_metrics.measure_disks();
  ASSERT_TRUE(bed.until([&] {
    return registry.prometheus_text().find("ContainerUsageDisk 7\n") != std::string::npos;
  })) << registry.prometheus_text();
  const json::Document told = document();
  ASSERT_EQ(told.root()["LRPs"].size(), 3u);
  EXPECT_EQ(told.root()["LRPs"].at(0)["disk_usage_bytes"].integer(), 3 << 20);
  EXPECT_FALSE(told.root()["LRPs"].at(2)["disk_usage_bytes"].exists()) << "not known is not none";
  executor.containers.erase("a");
  container_metrics.measure(bed.loop().now());
  EXPECT_NE(registry.prometheus_text().find("ContainerUsageDisk 4\n"), std::string::npos);
}

TEST_F(ContainerMetricsTest, nothing_is_an_empty_collection) {
  container_metrics.measure(bed.loop().now());
  EXPECT_EQ(container_metrics.json(), R"({"cell_id":"cell-1","LRPs":[],"Tasks":[]})");
}

}  // namespace
}  // namespace causeway::rep
