#include "cell/logs/log_store.h"

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace causeway::logs {
namespace {

using testing::ElementsAre;

class LogStoreTest : public testing::Test {
 protected:
  LogStoreTest() {
    std::string name = (std::filesystem::temp_directory_path() / "causeway_logs.XXXXXX").string();
    options_.folder = ::mkdtemp(name.data());
    options_.runs_kept = 2;
    options_.folders_max = 3;
  }
  ~LogStoreTest() override { std::filesystem::remove_all(options_.folder); }
  static void append(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::app) << text;
  }
  static std::vector<std::string> texts(const Result<std::vector<LogRecord>>& records) {
    std::vector<std::string> found;
    for (const LogRecord& record : *records) found.push_back(record.text);
    return found;
  }

  ManualClock clock_{{5}};
  LogStore::Options options_;
};

TEST(LogRecord, parses_what_shims_write) {
  const Result<LogRecord> record = parse_record("1700000000000000005 E APP/PROC/WEB two  words", 3);
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(
      record_json(*record),
      R"({"timestamp":"2023-11-14T22:13:20.000000005Z","stream":"ERR","source_type":"APP/PROC/WEB","instance":3,)"
      R"("message":"two  words"})");
  for (const char* line :
       {"", "x", "5", "5 O", "5 O APP", "5 X APP text", "5O APP text", " 5 O APP text"}) {
    EXPECT_FALSE(parse_record(line, 0).has_value()) << line;
  }
}

TEST_F(LogStoreTest, merges_the_files_of_all_instances_by_time) {
  LogStore store(clock_, options_);
  const std::string zero = store.open({"web", 0, "a"}).value();
  const std::string one = store.open({"web", 1, "b"}).value();
  append(zero + "/app.1", "1 O APP first\n");
  append(zero + "/app", "6 O APP sixth\nnonsense\n");
  append(one + "/app", "3 E APP third\n");
  store.say({"web", 0, "a"}, "CELL", "fifth", false);
  EXPECT_THAT(texts(store.read("web", -1, 100)), ElementsAre("first", "third", "fifth", "sixth"));
  EXPECT_THAT(texts(store.read("web", -1, 2)), ElementsAre("fifth", "sixth"));
  EXPECT_THAT(texts(store.read("web", 1, 100)), ElementsAre("third"));
  EXPECT_EQ(store.read("web", 1, 100)->front().index, 1);
}

TEST_F(LogStoreTest, a_clock_that_is_set_back_does_not_hide_new_lines_behind_old_ones) {
  LogStore store(clock_, options_);
  const std::string zero = store.open({"web", 0, "a"}).value();
  const std::string one = store.open({"web", 1, "b"}).value();
  append(zero + "/app.1", "900 O APP before\n");
  append(zero + "/app", "100 O APP after\n110 O APP last\n");
  append(one + "/app", "50 O APP other\n");
  EXPECT_THAT(texts(store.read("web", -1, 100)), ElementsAre("other", "before", "after", "last"));
  EXPECT_THAT(texts(store.read("web", 0, 2)), ElementsAre("after", "last"));
  EXPECT_EQ(store.read("web", 0, 1)->front().unix_ns, 110) << "its own time stays";
}

TEST_F(LogStoreTest, what_was_never_written_is_not_found) {
  const LogStore store(clock_, options_);
  EXPECT_EQ(store.read("absent", -1, 10).error().fault, Fault::not_found);
  EXPECT_EQ(store.read("../../etc", -1, 10).error().fault, Fault::not_found);
  EXPECT_EQ(LogStore(clock_, options_).open({"../x", 0, "a"}).error().fault, Fault::invalid);
}

TEST_F(LogStoreTest, keeps_the_last_runs_of_an_instance) {
  LogStore store(clock_, options_);
  for (const char* run : {"a", "b", "c"}) {
    const std::string folder = store.open({"web", 0, run}).value();
    append(folder + "/app", std::string("1 O APP ") + run + "\n");
  }
  EXPECT_THAT(texts(store.read("web", 0, 10)), testing::UnorderedElementsAre("b", "c"));
}

TEST_F(LogStoreTest, keeps_a_bounded_number_of_processes) {
  LogStore store(clock_, options_);
  for (const char* process : {"p1", "p2", "p3", "p4", "p5"})
    ASSERT_TRUE(store.open({process, 0, "a"}).has_value());
  size_t known = 0;
  for (const char* process : {"p1", "p2", "p3", "p4", "p5"})
    known += store.read(process, -1, 1).has_value() ? 1 : 0;
  EXPECT_EQ(known, 3u);
}

TEST_F(LogStoreTest, tells_followers_what_they_asked_for) {
  LogStore store(clock_, options_);
  ASSERT_TRUE(store.open({"web", 0, "a"}).has_value());
  std::vector<std::string> changed, all, second;
  store.on_followers_changed([&](const std::string& process) { changed.push_back(process); });
  const uint64_t follower =
      store.follow("web", -1, [&](const LogRecord& record) { all.push_back(record.text); });
  store.follow("web", 1, [&](const LogRecord& record) { second.push_back(record.text); });
  EXPECT_TRUE(store.is_followed({"web", 0, "a"}));
  EXPECT_FALSE(store.is_followed({"other", 0, "a"}));
  store.tell({"web", 0, "a"}, "1 O APP one");
  store.tell({"web", 1, "b"}, "2 O APP two");
  store.say({"web", 0, "a"}, "CELL", "three", false);
  EXPECT_THAT(all, ElementsAre("one", "two", "three"));
  EXPECT_THAT(second, ElementsAre("two"));
  store.unfollow(follower);
  EXPECT_FALSE(store.is_followed({"web", 0, "a"}));
  EXPECT_TRUE(store.is_followed({"web", 1, "b"}));
  EXPECT_THAT(changed, ElementsAre("web", "web", "web"));
}

}  // namespace
}  // namespace causeway::logs
