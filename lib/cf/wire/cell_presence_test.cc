#include "cf/wire/cell_presence.h"

#include <gtest/gtest.h>

namespace causeway::cf {
namespace {

TEST(CellPresence, survives_the_wire) {
  const CellPresence presence{.cell_id = "cell-a",
                              .rep_address = "http://10.0.0.7:1800",
                              .zone = "z1",
                              .capacity = {.memory_mb = 1, .disk_mb = 2, .containers = 3},
                              .root_fs_providers = {{"docker", {}}, {"preloaded", {"busybox"}}},
                              .placement_tags = {"a"},
                              .optional_placement_tags = {},
                              .rep_url = "http://10.0.0.7:1801",
                              .annotations = {{"k", "v"}}};
  const std::string json = to_json(presence);
  EXPECT_EQ(
      json,
      R"({"cell_id":"cell-a","rep_address":"http://10.0.0.7:1800","zone":"z1",)"
      R"("capacity":{"memory_mb":1,"disk_mb":2,"containers":3},)"
      R"("rootfs_provider_list":[{"name":"docker","properties":[]},{"name":"preloaded","properties":["busybox"]}],)"
      R"("placement_tags":["a"],"optional_placement_tags":[],"rep_url":"http://10.0.0.7:1801",)"
      R"("annotations":{"k":"v"}})");
  auto parsed = parse_cell_presence(json);
  ASSERT_TRUE(parsed) << to_string(parsed.error());
  EXPECT_EQ(*parsed, presence);
}

TEST(CellPresence, needs_an_id) {
  auto parsed = parse_cell_presence("{}");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().detail, "cell_id: empty");
  EXPECT_FALSE(parse_cell_presence("7"));
}

}  // namespace
}  // namespace causeway::cf
