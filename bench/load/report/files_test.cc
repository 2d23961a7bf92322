#include "bench/load/report/files.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

namespace causeway::load {
namespace {

TEST(Report, a_full_disk_is_an_error_and_what_was_written_stays_marked) {
  const auto full = write_report("/dev/full", "text");
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().os, ENOSPC);
  EXPECT_NE(full.error().detail.find("0 of 4 bytes"), std::string::npos);
  EXPECT_FALSE(check_report_path("/nonexistent/file"));

  std::string folder = testing::TempDir() + "causeway-load-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/report";
  ASSERT_TRUE(check_report_path(path));
  ASSERT_TRUE(write_report(path, "text"));
  EXPECT_EQ(read_whole_file(path).value(), "text");
  EXPECT_FALSE(read_whole_file(path + ".partial"));
  ::unlink(path.c_str());
  ::rmdir(folder.c_str());
}

}  // namespace
}  // namespace causeway::load
