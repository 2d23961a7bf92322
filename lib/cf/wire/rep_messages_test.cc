#include "cf/wire/rep_messages.h"

#include <gtest/gtest.h>

namespace causeway::cf {
namespace {

CellState full_state() {
  CellState state;
  state.rep_url = "http://10.0.0.7:1801";
  state.cell_id = "cell-a";
  state.cell_index = 3;
  state.root_fs_providers["docker"] = {.is_arbitrary = true, .names = {}};
  state.root_fs_providers["preloaded"] = {.is_arbitrary = false,
                                          .names = {"cflinuxfs4", "busybox"}};
  state.available = {.memory_mb = 1024, .disk_mb = 2048, .containers = 99};
  state.total = {.memory_mb = 4096, .disk_mb = 8192, .containers = 250};
  state.lrps.push_back({.process_guid = "p",
                        .index = 2,
                        .domain = "apps",
                        .instance_guid = "i",
                        .demand = {.memory_mb = 128,
                                   .disk_mb = 256,
                                   .max_pids = 64,
                                   .root_fs = "preloaded:busybox",
                                   .placement_tags = {"a"},
                                   .volume_drivers = {"nfs"}},
                        .state = "RUNNING"});
  state.tasks.push_back({.task_guid = "t",
                         .domain = "tasks",
                         .demand = {.memory_mb = 1,
                                    .disk_mb = 2,
                                    .max_pids = 0,
                                    .root_fs = "docker:///x",
                                    .placement_tags = {},
                                    .volume_drivers = {}},
                         .state = "Running",
                         .failed = true});
  state.starting_containers = 5;
  state.zone = "z1";
  state.is_evacuating = true;
  state.volume_drivers = {"nfs"};
  state.placement_tags = {"a"};
  state.optional_placement_tags = {"b"};
  state.proxy_memory_mb = 32;
  return state;
}

TEST(RepMessages, cell_state_survives_the_wire) {
  const CellState state = full_state();
  auto parsed = parse_cell_state(to_json(state));
  ASSERT_TRUE(parsed) << to_string(parsed.error());
  EXPECT_EQ(*parsed, state);
}

TEST(RepMessages, cell_state_has_the_field_names_of_diego) {
  const std::string text = to_json(full_state());
  for (const char* piece :
       {"\"rep_url\":\"http://10.0.0.7:1801\"", "\"cell_id\":\"cell-a\"", "\"cell_index\":3",
        "\"RootFSProviders\":{\"docker\":{\"type\":\"arbitrary\"},\"preloaded\":{\"type\":\"fixed_"
        "set\",\"set\":{"
        "\"busybox\":{},\"cflinuxfs4\":{}}}}",
        "\"AvailableResources\":{\"MemoryMB\":1024,\"DiskMB\":2048,\"Containers\":99}",
        "\"TotalResources\":{",
        "\"LRPs\":[{\"instance_guid\":\"i\",\"process_guid\":\"p\",\"index\":2,\"domain\":\"apps\"",
        "\"RootFs\":", "\"MaxPids\":64", "\"Tasks\":[{\"TaskGuid\":\"t\",\"Domain\":\"tasks\"",
        "\"state\":\"Running\",\"failed\":true", "\"StartingContainerCount\":5", "\"Zone\":\"z1\"",
        "\"Evacuating\":true", "\"VolumeDrivers\":[\"nfs\"]", "\"PlacementTags\":[\"a\"]",
        "\"OptionalPlacementTags\":[\"b\"]", "\"ProxyMemoryAllocationMB\":32"}) {
    EXPECT_NE(text.find(piece), std::string::npos) << piece << "\nin " << text;
  }
}

TEST(RepMessages, work_has_the_field_names_of_diego) {
  const CellState state = full_state();
  EXPECT_EQ(to_json(Work{.lrps = state.lrps, .tasks = state.tasks, .cell_id = "cell-a"}),
            R"({"LRPs":[{"instance_guid":"i","process_guid":"p","index":2,"domain":"apps",)"
            R"("PlacementTags":["a"],"VolumeDrivers":["nfs"],"RootFs":"preloaded:busybox",)"
            R"("MemoryMB":128,"DiskMB":256,"MaxPids":64,"state":"RUNNING"}],)"
            R"("Tasks":[{"TaskGuid":"t","Domain":"tasks","PlacementTags":[],"VolumeDrivers":[],)"
            R"("RootFs":"docker:///x","MemoryMB":1,"DiskMB":2,"MaxPids":0,)"
            R"("state":"Running","failed":true}],"cell_id":"cell-a"})");
}

TEST(RepMessages, absent_and_null_fields_are_zero) {
  auto state = parse_cell_state(R"({"cell_id":"c","LRPs":null,"Zone":null})");
  ASSERT_TRUE(state) << to_string(state.error());
  CellState expected;
  expected.cell_id = "c";
  EXPECT_EQ(*state, expected);
}

TEST(RepMessages, spellings_of_older_cells_are_understood) {
  auto work =
      parse_work(R"({"LRPs":[],"Tasks":[{"TaskGuid":"t","memory_mb":5,"disk_mb":6,"rootfs":"a:b",)"
                 R"("placement_tags":["x"],"state":2}]})");
  ASSERT_TRUE(work) << to_string(work.error());
  EXPECT_EQ(work->tasks[0].demand.memory_mb, 5);
  EXPECT_EQ(work->tasks[0].demand.disk_mb, 6);
  EXPECT_EQ(work->tasks[0].demand.root_fs, "a:b");
  EXPECT_EQ(work->tasks[0].demand.placement_tags, std::vector<std::string>{"x"});
  EXPECT_EQ(work->tasks[0].state, "Running");
}

TEST(RepMessages, work_and_update_survive_the_wire) {
  const CellState state = full_state();
  const Work work{.lrps = state.lrps, .tasks = state.tasks, .cell_id = "cell-a"};
  auto parsed = parse_work(to_json(work));
  ASSERT_TRUE(parsed) << to_string(parsed.error());
  EXPECT_EQ(*parsed, work);

  const LrpUpdate update{.instance_guid = "i",
                         .process_guid = "p",
                         .index = 1,
                         .domain = "d",
                         .internal_hostnames = {"a.internal"},
                         .metric_tags = {{"k", "v"}}};
  EXPECT_EQ(to_json(update),
            R"({"instance_guid":"i","process_guid":"p","index":1,"domain":"d",)"
            R"("internal_routes":[{"hostname":"a.internal"}],"metric_tags":{"k":"v"}})");
  auto same = parse_lrp_update(to_json(update));
  ASSERT_TRUE(same) << to_string(same.error());
  EXPECT_EQ(*same, update);
}

TEST(RepMessages, errors_name_the_field) {
  const struct {
    const char* json;
    const char* detail;
  } rows[] = {
      {R"([])", "not an object"},
      {R"({"cell_id":5})", "cell_id: not a string"},
      {R"({"LRPs":{}})", "LRPs: not a list"},
      {R"({"LRPs":[{},{"MemoryMB":"x"}]})", "LRPs[1].MemoryMB: not a number"},
      {R"({"LRPs":[{"index":3000000000}]})", "LRPs[0].index: not a whole number of 32 bits"},
      {R"({"LRPs":[{"index":1.5}]})", "LRPs[0].index: not a whole number of 32 bits"},
      {R"({"LRPs":[7]})", "LRPs[0]: not an object"},
      {R"({"Tasks":[{"failed":1}]})", "Tasks[0].failed: not true or false"},
      {R"({"Tasks":[{"PlacementTags":["a",1]}]})", "Tasks[0].PlacementTags[1]: not a string"},
      {R"({"TotalResources":{"DiskMB":true}})", "TotalResources.DiskMB: not a number"},
      {R"({"RootFSProviders":{"docker":{"type":"some"}}})",
       "RootFSProviders.docker.type: not arbitrary or fixed_set"},
  };
  for (const auto& row : rows) {
    auto state = parse_cell_state(row.json);
    ASSERT_FALSE(state) << row.json;
    EXPECT_EQ(state.error().fault, Fault::invalid);
    EXPECT_EQ(state.error().detail, row.detail);
  }
  EXPECT_FALSE(parse_work("{"));
  EXPECT_FALSE(parse_lrp_update(""));
}

TEST(RepMessages, root_fs_is_looked_up_by_scheme_and_name) {
  const RootFsProviders providers = full_state().root_fs_providers;
  EXPECT_TRUE(provides_root_fs(providers, "docker:///library/nginx#latest"));
  EXPECT_TRUE(provides_root_fs(providers, "preloaded:busybox"));
  EXPECT_TRUE(provides_root_fs(providers, "preloaded:busybox?layer=x"));
  EXPECT_FALSE(provides_root_fs(providers, "preloaded:windows"));
  EXPECT_FALSE(provides_root_fs(providers, "oci:///x"));
  EXPECT_FALSE(provides_root_fs(providers, "preloaded"));
  EXPECT_FALSE(provides_root_fs(providers, ""));
}

}  // namespace
}  // namespace causeway::cf
