#include "cf/wire/auctioneer_messages.h"

#include <gtest/gtest.h>

namespace causeway::cf {
namespace {

Demand small_demand() {
  Demand demand;
  demand.memory_mb = 128;
  demand.disk_mb = 64;
  demand.max_pids = 10;
  demand.root_fs = "preloaded:busybox";
  return demand;
}

TEST(AuctioneerMessages, requests_survive_the_wire) {
  const std::vector<LrpStartRequest> lrps{
      {.process_guid = "p", .domain = "d", .indices = {0, 2}, .demand = small_demand()}};
  auto parsed = parse_lrp_start_requests(to_json(lrps));
  ASSERT_TRUE(parsed) << to_string(parsed.error());
  EXPECT_EQ(*parsed, lrps);
  EXPECT_EQ(
      to_json(lrps),
      R"([{"process_guid":"p","domain":"d","indices":[0,2],"PlacementTags":[],"VolumeDrivers":[],)"
      R"("RootFs":"preloaded:busybox","MemoryMB":128,"DiskMB":64,"MaxPids":10}])");

  const std::vector<TaskStartRequest> tasks{{.task_guid = "t",
                                             .domain = "d",
                                             .demand = small_demand(),
                                             .state = "Pending",
                                             .failed = false}};
  auto same = parse_task_start_requests(to_json(tasks));
  ASSERT_TRUE(same) << to_string(same.error());
  EXPECT_EQ(*same, tasks);
  EXPECT_EQ(to_json(tasks),
            R"([{"TaskGuid":"t","Domain":"d","PlacementTags":[],"VolumeDrivers":[],)"
            R"("RootFs":"preloaded:busybox","MemoryMB":128,"DiskMB":64,"MaxPids":10,)"
            R"("state":"Pending","failed":false}])");
}

// Go writes lists that are empty as null, and leaves out nothing else.
TEST(AuctioneerMessages, are_read_as_a_bbs_of_diego_writes_them) {
  auto lrps = parse_lrp_start_requests(
      R"([{"process_guid":"p","domain":"d","indices":[3],"PlacementTags":null,"VolumeDrivers":null,)"
      R"("RootFs":"preloaded:busybox","MemoryMB":128,"DiskMB":64,"MaxPids":10}])");
  ASSERT_TRUE(lrps) << to_string(lrps.error());
  EXPECT_EQ(lrps->at(0).demand, small_demand());
  EXPECT_EQ(lrps->at(0).indices, std::vector<int32_t>{3});
}

TEST(AuctioneerMessages, an_empty_list_is_fine) {
  EXPECT_TRUE(parse_lrp_start_requests("[]"));
  EXPECT_TRUE(parse_task_start_requests("[]"));
}

TEST(AuctioneerMessages, errors_name_entry_and_field) {
  const struct {
    const char* json;
    const char* detail;
  } rows[] = {
      {R"({})", "not a list"},
      {R"([1])", "[0]: not an object"},
      {R"([{"domain":"d","indices":[0],"RootFs":"a:b"}])", "[0].process_guid: empty"},
      {R"([{"process_guid":"p","indices":[0],"RootFs":"a:b"}])", "[0].domain: empty"},
      {R"([{"process_guid":"p","domain":"d","RootFs":"a:b"}])", "[0].indices: empty"},
      {R"([{"process_guid":"p","domain":"d","indices":[0,-1],"RootFs":"a:b"}])",
       "[0].indices[1]: not an index"},
      {R"([{"process_guid":"p","domain":"d","indices":"0","RootFs":"a:b"}])",
       "[0].indices: not a list"},
      {R"([{"process_guid":"p","domain":"d","indices":[0]}])", "[0].RootFs: empty"},
      {R"([{"process_guid":"p","domain":"d","indices":[0],"RootFs":"a:b","MemoryMB":-1}])",
       "[0].MemoryMB: less than 0"},
  };
  for (const auto& row : rows) {
    auto parsed = parse_lrp_start_requests(row.json);
    ASSERT_FALSE(parsed) << row.json;
    EXPECT_EQ(parsed.error().detail, row.detail);
  }
  auto task =
      parse_task_start_requests(R"([{"TaskGuid":"t","Domain":"d","RootFs":"a:b"},{"Domain":"d"}])");
  ASSERT_FALSE(task);
  EXPECT_EQ(task.error().detail, "[1].TaskGuid: empty");
}

}  // namespace
}  // namespace causeway::cf
