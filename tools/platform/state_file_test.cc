#include "tools/platform/state_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

namespace causeway::platform {
namespace {

class StateFile : public testing::Test {
 protected:
  StateFile() {
    char pattern[] = "/tmp/causeway-state-file.XXXXXX";
    folder_ = mkdtemp(pattern);
  }
  ~StateFile() override { std::filesystem::remove_all(folder_); }
  std::string folder_;
};

TEST_F(StateFile, is_replaced_whole) {
  const std::string path = folder_ + "/state";
  ASSERT_TRUE(write_whole_file(path, "one"));
  ASSERT_TRUE(write_whole_file(path, "two", 0600));
  struct stat found {};
  ASSERT_EQ(stat(path.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0600U) << "a key in it is nobody else's";
  EXPECT_EQ(*read_whole_file(path), "two");
  EXPECT_FALSE(std::filesystem::exists(path + ".new"));
}

TEST_F(StateFile, failures_say_what_and_leave_nothing) {
  const Result<void> written = write_whole_file(folder_ + "/no/such/folder", "x");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().fault, Fault::not_found);
  EXPECT_EQ(read_whole_file(folder_ + "/absent").error().fault, Fault::not_found);
  ASSERT_TRUE(write_whole_file(folder_ + "/long", std::string(100, 'x')));
  EXPECT_EQ(read_whole_file(folder_ + "/long", 99).error().fault, Fault::limit);
}

TEST(ProcessId, tells_processes_apart) {
  const ProcessId self = identify(getpid());
  EXPECT_EQ(self.pid, getpid());
  EXPECT_GT(self.start_ticks, 0u);
  EXPECT_EQ(identify(0), ProcessId{});
  EXPECT_EQ(identify(999'999'999), ProcessId{});
  EXPECT_GT(resident_bytes(getpid()), 100'000u);
  EXPECT_EQ(resident_bytes(999'999'999), 0u);
}

}  // namespace
}  // namespace causeway::platform
