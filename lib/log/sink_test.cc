#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "log/logger.h"

namespace causeway::log {
namespace {

class SinkTest : public testing::Test {
 protected:
  SinkTest() {
    std::string name = (std::filesystem::temp_directory_path() / "causeway-log-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~SinkTest() override { std::filesystem::remove_all(folder_); }

  std::string path() const { return folder_ + "/out.log"; }
  std::vector<std::string> lines() const {
    std::ifstream in(path());
    std::vector<std::string> all;
    for (std::string line; std::getline(in, line);) all.push_back(line);
    return all;
  }

  std::string folder_;
};

TEST_F(SinkTest, writes_lines_in_order_and_all_of_them_at_its_end) {
  {
    Sink sink({.path = path(), .queue_lines = 2000});
    const Logger logger(sink, "rep");
    for (int i = 0; i < 1000; ++i) logger.info("n", {{"i", i}});
  }
  const auto all = lines();
  ASSERT_EQ(all.size(), 1000u);
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_NE(all[i].find("\"i\":" + std::to_string(i) + "}"), std::string::npos) << all[i];
  }
}

TEST_F(SinkTest, flush_waits_until_the_lines_are_in_the_file) {
  Sink sink({.path = path()});
  const Logger logger(sink, "rep");
  for (size_t i = 1; i <= 50; ++i) {
    logger.info("line");
    sink.flush();
    ASSERT_EQ(lines().size(), i);
  }
  EXPECT_EQ(sink.dropped_lines(), 0u);
}

TEST_F(SinkTest, appends_to_what_is_there) {
  std::ofstream(path()) << "before\n";
  { Logger(*std::make_unique<Sink>(Sink::Options{.path = path()}), "rep").info("after"); }
  ASSERT_EQ(lines().size(), 2u);
  EXPECT_EQ(lines()[0], "before");
}

TEST_F(SinkTest, keeps_to_its_level_and_follows_a_change) {
  {
    Sink sink({.level = Level::warn, .path = path()});
    const Logger logger(sink, "rep");
    EXPECT_FALSE(logger.enabled(Level::info));
    logger.debug("no");
    logger.info("no");
    logger.warn("yes-1");
    sink.level(Level::debug);
    EXPECT_TRUE(logger.enabled(Level::debug));
    logger.debug("yes-2");
  }
  const auto all = lines();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_NE(all[0].find("rep.yes-1"), std::string::npos);
  EXPECT_NE(all[1].find("\"level\":\"debug\""), std::string::npos);
}

TEST_F(SinkTest, errors_name_their_fault_and_sessions_their_place) {
  {
    Sink sink({.path = path()});
    const Logger logger = Logger(sink, "bbs").session("lrp").session("start");
    logger.error("failed", Error{.fault = Fault::refused, .os = ECONNREFUSED, .detail = "connect"},
                 {{"n", 1}});
  }
  ASSERT_EQ(lines().size(), 1u);
  EXPECT_TRUE(lines()[0].ends_with(
      "\"source\":\"bbs\",\"message\":\"bbs.lrp.start.failed\","
      "\"data\":{\"n\":1,\"error\":\"refused: connect (errno 111)\",\"fault\":\"refused\"}}"))
      << lines()[0];
}

TEST_F(SinkTest, lines_of_many_threads_stay_whole) {
  constexpr int threads = 4;
  constexpr int each = 500;
  {
    Sink sink({.path = path(), .queue_lines = threads * each});
    std::vector<std::jthread> writers;
    for (int t = 0; t < threads; ++t) {
      writers.emplace_back([&sink, t] {
        const Logger logger(sink, "rep");
        for (int i = 0; i < each; ++i) logger.info("n", {{"t", t}, {"pad", std::string(300, 'x')}});
        sink.flush();
      });
    }
    writers.clear();
    EXPECT_EQ(sink.dropped_lines(), 0u);
  }
  const auto all = lines();
  ASSERT_EQ(all.size(), static_cast<size_t>(threads * each));
  EXPECT_TRUE(std::all_of(all.begin(), all.end(), [](const std::string& line) {
    return line.starts_with("{\"timestamp\"") && line.ends_with("x\"}}");
  }));
}

TEST_F(SinkTest, a_reader_that_does_not_read_costs_lines_not_time) {
  ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
  const int reader = ::open(path().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  {
    Sink sink({.path = path(), .queue_lines = 16});
    const Logger logger(sink, "rep");
    for (int i = 0; i < 5000; ++i) logger.info("n", {{"pad", std::string(100, 'x')}});
    // A pipe holds 64 KiB, the sink gathers as much again, the queue holds 16 lines; the rest, of
    // about 1 MB, is gone.
    EXPECT_GT(sink.dropped_lines(), 1000u);
    EXPECT_LT(sink.dropped_lines(), 5000u);
  }  // ends although nobody reads
  ::close(reader);
}

TEST_F(SinkTest, a_closed_reader_is_counted) {
  ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
  const int reader = ::open(path().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  Sink sink({.path = path()});
  ::close(reader);
  Logger(sink, "rep").info("into the void");
  sink.flush();
  EXPECT_EQ(sink.dropped_lines(), 1u);
}

TEST_F(SinkTest, a_path_that_cannot_be_opened_falls_back_to_stdout_and_says_so) {
  testing::internal::CaptureStdout();
  { Sink sink({.path = folder_ + "/no/such/folder"}); }
  const std::string out = testing::internal::GetCapturedStdout();
  EXPECT_NE(out.find("log-file-not-opened"), std::string::npos) << out;
  EXPECT_NE(out.find("not_found"), std::string::npos) << out;
}

}  // namespace
}  // namespace causeway::log
