#include "cell/shim/log_file.h"

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

namespace causeway::shim {
namespace {

constexpr int64_t second_ns = 1'000'000'000;

class LogFileTest : public testing::Test {
 protected:
  LogFileTest() {
    std::string name = (std::filesystem::temp_directory_path() / "causeway_log.XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~LogFileTest() override { std::filesystem::remove_all(folder_); }
  std::string read(const std::string& name) const {
    std::ifstream in(folder_ + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::string folder_;
};

TEST_F(LogFileTest, writes_one_line_per_record) {
  LogFile log(folder_, 1000);
  log.add(5, 'O', "APP/PROC/WEB", "hello");
  log.add(6, 'E', "APP/PROC/WEB", "oh no");
  EXPECT_EQ(read("app"), "");
  log.flush();
  EXPECT_EQ(read("app"), "5 O APP/PROC/WEB hello\n6 E APP/PROC/WEB oh no\n");
}

TEST_F(LogFileTest, keeps_two_files_of_bounded_size) {
  LogFile log(folder_, 100);
  for (int i = 0; i < 50; ++i) {
    log.add(i, 'O', "APP", "0123456789");
    log.flush();
  }
  EXPECT_LE(read("app").size(), 100u);
  EXPECT_LE(read("app.1").size(), 100u);
  EXPECT_NE(read("app").find("49 O APP 0123456789\n"), std::string::npos);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 2);
}

TEST_F(LogFileTest, goes_on_in_the_file_it_finds) {
  { LogFile(folder_, 100).add(1, 'O', "APP", "first"); }
  { LogFile(folder_, 100).add(2, 'O', "APP", "second"); }
  EXPECT_EQ(read("app"), "1 O APP first\n2 O APP second\n");
}

TEST_F(LogFileTest, loses_lines_and_counts_them_when_it_cannot_write) {
  LogFile log(folder_ + "/absent", 100);
  log.add(1, 'O', "APP", "text");
  log.flush();
  EXPECT_EQ(log.lost_bytes(), std::string("1 O APP text\n").size());
}

TEST(LogRate, unlimited_and_closed) {
  LogRate unlimited(-1), closed(0);
  EXPECT_EQ(unlimited.take(1u << 30, 0), LogRate::Verdict::pass);
  EXPECT_EQ(closed.take(1, 0), LogRate::Verdict::drop);
}

TEST(LogRate, tells_once_and_stays_closed_for_a_second) {
  LogRate rate(100);
  EXPECT_EQ(rate.take(60, second_ns), LogRate::Verdict::pass);
  EXPECT_EQ(rate.take(60, second_ns), LogRate::Verdict::pass);
  EXPECT_EQ(rate.take(60, second_ns), LogRate::Verdict::drop_and_tell);
  EXPECT_EQ(rate.take(60, second_ns + 1), LogRate::Verdict::drop);
  EXPECT_EQ(rate.take(60, 2 * second_ns - 1), LogRate::Verdict::drop);
  EXPECT_EQ(rate.take(60, 2 * second_ns), LogRate::Verdict::pass);
}

TEST(LogRate, refills_slowly_too) {
  LogRate rate(1);
  EXPECT_EQ(rate.take(1, 0), LogRate::Verdict::pass);
  int64_t now = 2 * second_ns;
  EXPECT_EQ(rate.take(1, now += second_ns / 2), LogRate::Verdict::pass);  // a second's worth waits
  EXPECT_EQ(rate.take(1, now += second_ns / 2), LogRate::Verdict::drop_and_tell);
}

}  // namespace
}  // namespace causeway::shim
