#include "cf/wire/cell_brief.h"

#include <gtest/gtest.h>

namespace causeway::cf {
namespace {

CellState state_of_every_field() {
  CellState state;
  state.rep_url = "https://c1:1801";
  state.cell_id = "c1";
  state.cell_index = 7;
  state.root_fs_providers["preloaded"].names = {"cflinuxfs4", "windows"};
  state.root_fs_providers["docker"].is_arbitrary = true;
  state.available = {.memory_mb = 1, .disk_mb = 2, .containers = 3};
  state.total = {.memory_mb = 4, .disk_mb = 5, .containers = 6};
  for (int i = 0; i < 3; ++i)
    state.lrps.push_back({.process_guid = "p" + std::to_string(i / 2),
                          .index = i,
                          .domain = "d",
                          .instance_guid = "i",
                          .demand = {.memory_mb = 9, .placement_tags = {"x"}},
                          .state = "RUNNING"});
  state.tasks.push_back({.task_guid = "t", .domain = "d", .demand = {}, .state = "Running"});
  state.starting_containers = 2;
  state.zone = "z\"1";
  state.is_evacuating = true;
  state.volume_drivers = {"nfs"};
  state.placement_tags = {"a", "b"};
  state.optional_placement_tags = {"c"};
  state.proxy_memory_mb = 32;
  return state;
}

TEST(CellBrief, says_of_a_state_what_its_long_form_says) {
  const auto brief = parse_cell_brief(to_json(state_of_every_field()));
  ASSERT_TRUE(brief);
  EXPECT_EQ(*brief, brief_of(state_of_every_field()));
  EXPECT_EQ(brief->processes, (std::vector<std::string>{"p0", "p0", "p1"}));
  EXPECT_EQ(brief->tasks, 1);
  EXPECT_TRUE(brief->facts.lrps.empty() && brief->facts.tasks.empty());
}

// Whatever the long reader takes or refuses, the short one does too; and finds the same.
TEST(CellBrief, agrees_with_the_long_reader) {
  const char* texts[] = {
      "{}",
      "[]",
      "",
      "7",
      "{",
      R"({"cell_id":"a"} x)",
      R"({"cell_id":null,"Evacuating":null,"LRPs":null,"Tasks":null,"RootFSProviders":null})",
      R"({"cell_id":7})",
      R"({"cell_index":"7"})",
      R"({"cell_index":7.5})",
      R"({"cell_index":99999999999})",
      R"({"Evacuating":"yes"})",
      R"({"Evacuating":false,"Zone":true})",
      R"({"cell_id":"a","cell_id":"b"})",
      R"({"unknown":{"LRPs":[{"process_guid":"x"}]},"other":[1,"a",null,true,{}]})",
      R"({"LRPs":{}})",
      R"({"LRPs":[7]})",
      R"({"LRPs":["x"]})",
      R"({"LRPs":[{}]})",
      R"({"LRPs":[{"process_guid":7}]})",
      R"({"LRPs":[{"process_guid":null},{"process_guid":"b","process_guid":"c"}]})",
      R"({"LRPs":[{"extra":{"process_guid":"x"},"list":["process_guid",[1]],"process_guid":"b"}]})",
      R"({"Tasks":[{},{"TaskGuid":"t","state":2}]})",
      R"({"Tasks":[[]]})",
      R"({"Tasks":[1]})",
      R"({"VolumeDrivers":["a",7]})",
      R"({"VolumeDrivers":{"a":"b"}})",
      R"({"PlacementTags":["a","b"],"OptionalPlacementTags":[]})",
      R"({"TotalResources":[1]})",
      R"({"TotalResources":{"MemoryMB":"1"}})",
      R"({"TotalResources":{"MemoryMB":1,"DiskMB":2,"Containers":3,"Other":4}})",
      R"({"AvailableResources":7})",
      R"({"RootFSProviders":{"a":{"type":"fixed_set","set":{"x":{},"y":{}}},"b":{"type":"arbitrary"}}})",
      R"({"RootFSProviders":{"a":{"type":"fixed_set"}}})",
      R"({"RootFSProviders":{"a":{"set":{"x":{}}}}})",
      R"({"RootFSProviders":{"a":{"type":"other"}}})",
      R"({"RootFSProviders":{"a":7}})",
      R"({"RootFSProviders":[]})",
      R"({"StartingContainerCount":3,"ProxyMemoryAllocationMB":32})",
  };
  for (const char* text : texts) {
    const auto brief = parse_cell_brief(text);
    const auto state = parse_cell_state(text);
    ASSERT_EQ(brief.has_value(), state.has_value()) << text;
    if (state) {
      EXPECT_EQ(*brief, brief_of(*state)) << text;
    } else {
      EXPECT_EQ(brief.error().detail, state.error().detail) << text;
    }
  }
}

}  // namespace
}  // namespace causeway::cf
