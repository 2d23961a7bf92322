#include "bench/load/report/run_record.h"

#include <gtest/gtest.h>

namespace causeway::load {
namespace {

RunRecord sample_record() {
  Histogram histogram(3);
  for (uint64_t i = 1; i <= 100'000; ++i) histogram.record(i * 100);
  RunRecord record;
  record.label = "ours";
  record.version = "1.2.3";
  record.command = "causeway-bench http 'http://a/{1..3}'";
  record.started = "2024-05-17T09:30:00Z";
  record.machine = {"a CPU", "Linux", "gcc", 2, 1e9};
  record.target = "http://a/";
  record.method = "GET";
  record.loop = "open";
  record.rate = "1000";
  record.spacing = "poisson";
  record.targets = 3;
  record.connections = 64;
  record.threads = 2;
  record.duration = 10;
  record.meant = 100'010;
  record.replies = 100'000;
  record.failures = 10;
  record.reply_rate = 10'000;
  record.meant_rate = 10'001;
  record.statuses = {{"200", 99'999}, {"503", 1}};
  record.errors = {{"timeout", 10}};
  record.error_examples = {{"reset", "Connection reset by peer"}};
  record.latency = record.service = record.send_delay = Distribution::of(histogram);
  for (int i = 0; i < 10; ++i) record.intervals.push_back({i + 0.0, 1000, 990, 1, 1e6, 5e6, 9e6});
  record.thread_busy = {0.5, 0.9};
  record.generator_limits = {"thread 1 was 90 % busy"};
  record.watched = {{42, "router", 1.5, 23.4}};
  return record;
}

TEST(RunRecord, a_distribution_keeps_the_quantiles_of_its_histogram) {
  const Distribution of = sample_record().latency;
  EXPECT_EQ(of.count, 100'000u);
  EXPECT_NEAR(of.at(0.5), 5e6, 5e3);
  EXPECT_NEAR(of.at(0.99), 9.9e6, 1e4);
  EXPECT_NEAR(of.at(0.9999), 9.999e6, 1e4);
  EXPECT_EQ(of.at(1), of.max);
  for (size_t i = 1; i < of.curve.size(); ++i) {
    EXPECT_GE(of.curve[i].first, of.curve[i - 1].first);
    EXPECT_GE(of.curve[i].second, of.curve[i - 1].second);
  }
}

TEST(RunRecord, json_is_read_back_as_it_was) {
  RunRecord record = sample_record();
  record.partial = "interrupted";
  const std::string text = to_json(record);
  const auto read = record_from_json(text);
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(to_json(*read), text);
  EXPECT_EQ(read->partial, "interrupted");
  EXPECT_EQ(read->watched[0].pid, 42);
  EXPECT_EQ(read->intervals.size(), 10u);
}

TEST(RunRecord, refuses_what_is_no_record) {
  for (const char* text : {"", "{", "[]", "{}", R"({"tool":"wrk","format":1})",
                           R"({"tool":"causeway-bench","format":99})"})
    EXPECT_FALSE(record_from_json(text)) << text;
}

TEST(RunRecord, the_table_says_what_matters) {
  RunRecord record = sample_record();
  record.partial = "interrupted";
  const std::string table = to_table(record);
  for (const char* text : {"p50 ", "p99.999", "max", "timeout: 10", "503: 1", "WARNING", "PARTIAL",
                           "router", "23.4 us", "100 010 meant", "poisson"})
    EXPECT_NE(table.find(text), std::string::npos) << text << "\n" << table;
}

}  // namespace
}  // namespace causeway::load
