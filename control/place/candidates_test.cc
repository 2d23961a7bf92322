#include "control/place/candidates.h"

#include <gtest/gtest.h>

namespace causeway::place {
namespace {

using Strings = std::vector<std::string>;

TEST(Candidates, filters) {
  const struct {
    const char* name;
    Strings required, optional, cell_drivers;
    const char* root_fs;
    Strings tags, drivers;
    Match expected;
  } rows[] = {
      {"plain", {}, {}, {}, "preloaded:base", {}, {}, Match::fits},
      {"other scheme", {}, {}, {}, "oci:///x", {}, {}, Match::wrong_root_fs},
      {"other name", {}, {}, {}, "preloaded:windows", {}, {}, Match::wrong_root_fs},
      {"any docker image", {}, {}, {}, "docker:///x", {}, {}, Match::fits},
      {"driver", {}, {}, {"nfs", "smb"}, "preloaded:base", {}, {"smb"}, Match::fits},
      {"driver missing",
       {},
       {},
       {"nfs"},
       "preloaded:base",
       {},
       {"nfs", "smb"},
       Match::wrong_drivers},
      {"root fs is looked at first", {}, {}, {}, "oci:///x", {"t"}, {"smb"}, Match::wrong_root_fs},
      {"drivers before tags", {}, {}, {}, "preloaded:base", {"t"}, {"smb"}, Match::wrong_drivers},
      {"required tag wanted", {"a"}, {}, {}, "preloaded:base", {"a"}, {}, Match::fits},
      {"untagged work on a tagged cell",
       {"a"},
       {},
       {},
       "preloaded:base",
       {},
       {},
       Match::wrong_tags},
      {"tagged work on an untagged cell",
       {},
       {},
       {},
       "preloaded:base",
       {"a"},
       {},
       Match::wrong_tags},
      {"optional tag wanted", {}, {"b"}, {}, "preloaded:base", {"b"}, {}, Match::fits},
      {"optional tag not wanted", {}, {"b"}, {}, "preloaded:base", {}, {}, Match::fits},
      {"required and optional", {"a"}, {"b"}, {}, "preloaded:base", {"b", "a"}, {}, Match::fits},
      {"only one of two required",
       {"a", "c"},
       {},
       {},
       "preloaded:base",
       {"a"},
       {},
       Match::wrong_tags},
      {"one tag too many", {"a"}, {"b"}, {}, "preloaded:base", {"a", "c"}, {}, Match::wrong_tags},
  };
  for (const auto& row : rows) {
    cf::CellState cell;
    cell.root_fs_providers["preloaded"].names = {"base"};
    cell.root_fs_providers["docker"].is_arbitrary = true;
    cell.placement_tags = row.required;
    cell.optional_placement_tags = row.optional;
    cell.volume_drivers = row.cell_drivers;
    const cf::Demand demand{
        .root_fs = row.root_fs, .placement_tags = row.tags, .volume_drivers = row.drivers};
    EXPECT_EQ(match(cell, demand), row.expected) << row.name;
  }
}

TEST(Candidates, reasons_as_users_see_them) {
  const cf::Demand tagged{.placement_tags = {"a", "b"}};
  EXPECT_EQ(mismatch_reason(Match::wrong_root_fs, tagged),
            "found no compatible cell for required rootfs");
  EXPECT_EQ(mismatch_reason(Match::wrong_drivers, tagged),
            "found no compatible cell with required volume drivers");
  EXPECT_EQ(mismatch_reason(Match::wrong_tags, tagged),
            "found no compatible cell with placement tag(s) \"a\", \"b\"");
  EXPECT_EQ(mismatch_reason(Match::wrong_tags, {}),
            "found no compatible cell with no placement tags");
}

}  // namespace
}  // namespace causeway::place
