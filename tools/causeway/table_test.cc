#include "tools/causeway/table.h"

#include <gtest/gtest.h>

namespace causeway::cli {
namespace {

TEST(Table, aligns_columns_without_trailing_blanks) {
  Table table({"app", "state"});
  table.row({"a-long-name", "RUNNING"});
  table.row({"b", ""});
  EXPECT_EQ(table.text(), "app          state\na-long-name  RUNNING\nb\n");
}

TEST(Table, ages_are_short) {
  const int64_t second = 1'000'000'000;
  EXPECT_EQ(age(0, 5 * second), "-");
  EXPECT_EQ(age(second, 4 * second), "3s");
  EXPECT_EQ(age(second, 301 * second), "5m");
  EXPECT_EQ(age(second, 7201 * second), "2h");
  EXPECT_EQ(age(second, (86400 * 3 + 1) * second), "3d");
  EXPECT_EQ(age(9 * second, 4 * second), "0s");
}

}  // namespace
}  // namespace causeway::cli
