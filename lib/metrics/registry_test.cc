#include "metrics/registry.h"

#include <cmath>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>

namespace causeway::metrics {
namespace {

using testing::HasSubstr;

TEST(Registry, writes_the_text_format_in_order_of_registration) {
  Registry registry;
  registry.counter("requests_total", "Requests seen.", {{"code", "200"}}).add(3);
  registry.gauge("connections", "Open now.").set(1.5);
  registry.counter("requests_total", "Requests seen.", {{"code", "502"}}).add();
  EXPECT_EQ(registry.prometheus_text(),
            "# HELP requests_total Requests seen.\n"
            "# TYPE requests_total counter\n"
            "requests_total{code=\"200\"} 3\n"
            "requests_total{code=\"502\"} 1\n"
            "# HELP connections Open now.\n"
            "# TYPE connections gauge\n"
            "connections 1.5\n");
}

TEST(Registry, adds_shards_of_the_same_name_and_labels_up) {
  Registry registry;
  Counter& first = registry.counter("n", "N.", {{"a", "1"}, {"b", "2"}});
  Counter& second = registry.counter("n", "N.", {{"b", "2"}, {"a", "1"}});
  ASSERT_NE(&first, &second);
  first.add(40);
  second.add(2);
  registry.gauge("g", "G.").set(1);
  registry.gauge_from("g", "G.", [] { return 0.5; });
  const std::string text = registry.prometheus_text();
  EXPECT_THAT(text, HasSubstr("n{a=\"1\",b=\"2\"} 42\n"));
  EXPECT_THAT(text, HasSubstr("\ng 1.5\n"));
}

TEST(Registry, histograms_are_cumulative_and_add_up_too) {
  Registry registry;
  const std::vector<double> bounds = {0.005, 0.1, 10};
  Histogram& first = registry.histogram("latency_seconds", "L.", bounds, {{"worker", "all"}});
  Histogram& second = registry.histogram("latency_seconds", "L.", bounds, {{"worker", "all"}});
  first.observe(0.005);  // a bound belongs to its own bucket
  first.observe(0.05);
  second.observe(10.5);
  second.observe(std::nan(""));
  EXPECT_EQ(first.count(), 2u);
  EXPECT_EQ(registry.prometheus_text(),
            "# HELP latency_seconds L.\n"
            "# TYPE latency_seconds histogram\n"
            "latency_seconds_bucket{worker=\"all\",le=\"0.005\"} 1\n"
            "latency_seconds_bucket{worker=\"all\",le=\"0.1\"} 2\n"
            "latency_seconds_bucket{worker=\"all\",le=\"10\"} 2\n"
            "latency_seconds_bucket{worker=\"all\",le=\"+Inf\"} 3\n"
            "latency_seconds_sum{worker=\"all\"} 10.555\n"
            "latency_seconds_count{worker=\"all\"} 3\n");
}

TEST(Registry, a_histogram_without_bounds_counts) {
  Registry registry;
  registry.histogram("h", "H.", {}).observe(1);
  EXPECT_THAT(registry.prometheus_text(),
              HasSubstr("h_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n"));
}

TEST(Registry, escapes_help_and_label_values) {
  Registry registry;
  registry.counter("n", "a\\b\nc\"d", {{"path", "x\"y\\z\nw\xFF"}});
  EXPECT_EQ(registry.prometheus_text(),
            "# HELP n a\\\\b\\nc\"d\n# TYPE n counter\n"
            "n{path=\"x\\\"y\\\\z\\nw\xEF\xBF\xBD\"} 0\n");
}

TEST(Registry, writes_special_numbers_as_prometheus_reads_them) {
  Registry registry;
  registry.gauge("a", "").set(std::numeric_limits<double>::infinity());
  registry.gauge("b", "").set(-std::numeric_limits<double>::infinity());
  registry.gauge("c", "").set(std::nan(""));
  registry.gauge("d", "").set(1e21);
  registry.counter("e", "").add(UINT64_MAX);
  const std::string text = registry.prometheus_text();
  for (const char* line :
       {"\na +Inf\n", "\nb -Inf\n", "\nc NaN\n", "\nd 1e+21\n", "\ne 18446744073709551615\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(RegistryDeathTest, misuse_aborts) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Registry registry;
  registry.counter("n", "N.");
  EXPECT_DEATH(registry.gauge("n", "N."), "type");
  EXPECT_DEATH(registry.counter("1n", ""), "is_name");
  EXPECT_DEATH(registry.counter("m", "", {{"a-b", "x"}}), "is_name");
  EXPECT_DEATH(registry.histogram("h", "", {2, 1}), "adjacent_find");
}

TEST(Registry, is_scraped_while_workers_count_and_register) {
  Registry registry;
  constexpr uint64_t each = 20'000;
  {
    std::vector<std::jthread> workers;
    for (int i = 0; i < 3; ++i) {
      workers.emplace_back([&registry, i] {
        Counter& counter = registry.counter("n", "N.");
        Gauge& gauge = registry.gauge("g", "G.");
        Histogram& histogram = registry.histogram("h", "H.", {1, 2});
        registry.gauge_from("id", "I.", [i] { return i; }, {{"i", std::to_string(i)}});
        for (uint64_t n = 0; n < each; ++n) {
          counter.add();
          gauge.add(1);
          histogram.observe(1.5);
        }
      });
    }
    for (int i = 0; i < 50; ++i) (void)registry.prometheus_text();
  }
  const std::string text = registry.prometheus_text();
  EXPECT_THAT(text, HasSubstr("\nn 60000\n"));
  EXPECT_THAT(text, HasSubstr("\ng 60000\n"));
  EXPECT_THAT(text, HasSubstr("h_count 60000\n"));
  EXPECT_THAT(text, HasSubstr("id{i=\"2\"} 2\n"));
}

TEST(Registry, a_histogram_in_another_unit) {
  Registry registry;
  Histogram& ns = registry.histogram("time", "In ns.", {1000, 5000}, {{"a", "b"}});
  registry.histogram_view("time_seconds", "In s.", "time", 1e9);
  registry.histogram_view("time_seconds", "In s.", "time", 1e9);
  ns.observe(2000);
  EXPECT_THAT(registry.prometheus_text(), HasSubstr("# HELP time_seconds In s.\n"
                                                    "# TYPE time_seconds histogram\n"
                                                    "time_seconds_bucket{a=\"b\",le=\"1e-06\"} 0\n"
                                                    "time_seconds_bucket{a=\"b\",le=\"5e-06\"} 1\n"
                                                    "time_seconds_bucket{a=\"b\",le=\"+Inf\"} 1\n"
                                                    "time_seconds_sum{a=\"b\"} 2e-06\n"
                                                    "time_seconds_count{a=\"b\"} 1\n"));
}

TEST(Registry, values_can_be_asked_for) {
  Registry registry;
  registry.counter("n", "N.", {{"a", "1"}}).add(2);
  registry.counter("n", "N.", {{"a", "1"}}).add(3);
  registry.counter("n", "N.", {{"a", "2"}}).add(4);
  registry.counter_from("m", "M.", [] { return 7.0; });
  const auto samples = registry.samples("n");
  ASSERT_EQ(samples.size(), 2u);
  EXPECT_EQ(samples[0].value, 5);
  EXPECT_EQ(samples[1].labels, (Labels{{"a", "2"}}));
  EXPECT_EQ(registry.samples("m").at(0).value, 7);
  EXPECT_THAT(registry.prometheus_text(), HasSubstr("# TYPE m counter\nm 7\n"));
  EXPECT_TRUE(registry.samples("absent").empty());
  registry.histogram("h", "H.", {1, 2}).observe(1.5);
  registry.histogram("h", "H.", {1, 2}, {{"a", "1"}}).observe(9);
  EXPECT_EQ(registry.distribution("h").cumulative, (std::vector<uint64_t>{0, 1, 2}));
  EXPECT_TRUE(registry.distribution("absent").bounds.empty());
}

}  // namespace
}  // namespace causeway::metrics
