#include "bench/load/report/report_page.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "bench/load/measure/quantity.h"
#include "bench/load/report/chart.h"

namespace causeway::load {
namespace {

size_t count_of(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// Every element is closed in the right order: what a strict XML parser asks for, as far as our
// pages go.
std::string unbalanced_element(const std::string& text) {
  std::vector<std::string> open;
  for (size_t at = text.find('<'); at != std::string::npos; at = text.find('<', at + 1)) {
    const size_t end = text.find('>', at);
    if (end == std::string::npos) return "end";
    const std::string tag = text.substr(at + 1, end - at - 1);
    if (tag.starts_with('!') || tag.ends_with('/')) continue;
    const bool closes = tag.starts_with('/');
    const std::string name = tag.substr(closes ? 1 : 0, tag.find(' ') - (closes ? 1 : 0));
    if (!closes) {
      open.push_back(name);
    } else if (open.empty() || open.back() != name) {
      return name;
    } else {
      open.pop_back();
    }
  }
  return open.empty() ? "" : open.back();
}

RunRecord run_named(const std::string& label, double slowness) {
  RunRecord record;
  record.label = label;
  record.command = "causeway-bench http 'http://a/?x=<y>&z'";
  record.loop = "open";
  record.duration = 10;
  record.reply_rate = 1000 / slowness;
  Histogram histogram;
  for (uint64_t i = 1; i <= 10'000; ++i)
    histogram.record(static_cast<uint64_t>(static_cast<double>(i) * 1000 * slowness));
  record.latency = record.service = Distribution::of(histogram);
  for (int i = 0; i < 10; ++i)
    record.intervals.push_back({i + 0.0, 1000, 1000 / slowness, 0, 1e6, 5e6 * slowness, 9e6});
  record.watched = {{1, "router", 1, 20 * slowness}};
  return record;
}

TEST(ReportPage, names_what_was_counted) {
  RunRecord requests = run_named("a", 1), messages = run_named("b", 2);
  messages.unit = "messages";
  messages.bytes_in = 5'000'000;
  EXPECT_NE(to_html({requests}, "t").find("CPU/request<"), std::string::npos);
  EXPECT_NE(to_html({messages}, "t").find("percentile of messages"), std::string::npos);
  const std::string both = to_html({requests, messages}, "t");
  EXPECT_NE(both.find("CPU/unit<"), std::string::npos);
  EXPECT_NE(both.find("500 kB/s"), std::string::npos);
}

TEST(ReportPage, overlays_runs_with_ratios_to_the_first) {
  const std::string html =
      to_html({run_named("ours", 1), run_named("<theirs> & co", 2)}, "a \"title\"");
  EXPECT_EQ(unbalanced_element(html), "");
  EXPECT_EQ(count_of(html, "<svg "), 4u);
  EXPECT_EQ(count_of(html, "<polyline "), 2u + 4u + 2u);
  EXPECT_EQ(count_of(html, "<rect "), 2u);
  EXPECT_NE(html.find("&lt;theirs&gt; &amp; co"), std::string::npos);
  EXPECT_EQ(html.find("<theirs>"), std::string::npos);
  EXPECT_NE(html.find("x 2.00"), std::string::npos);  // latency and CPU
  EXPECT_NE(html.find("x 0.50"), std::string::npos);  // replies
  EXPECT_EQ(html.find("<script"), std::string::npos);
  EXPECT_EQ(html.find("nan"), std::string::npos);
  EXPECT_EQ(html.find("src="), std::string::npos);
}

TEST(ReportPage, an_empty_partial_run_makes_a_page_too) {
  RunRecord record;
  record.label = "nothing";
  record.partial = "interrupted";
  const std::string html = to_html({record}, "t");
  EXPECT_EQ(unbalanced_element(html), "");
  EXPECT_EQ(count_of(html, "<svg "), 0u);
  EXPECT_NE(html.find("Partial: interrupted"), std::string::npos);
}

TEST(Chart, ticks_are_round_and_cover) {
  EXPECT_EQ(round_ticks(10), (std::vector<double>{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(round_ticks(0), (std::vector<double>{0, 1}));
  for (const double max : {0.003, 0.9, 7.0, 1234.0, 9.99e6}) {
    const auto ticks = round_ticks(max);
    EXPECT_GE(ticks.back(), max * (1 - 1e-9));
    EXPECT_LE(ticks.size(), 8u);
  }
}

TEST(Chart, points_stay_inside_the_plot) {
  LineChart chart;
  chart.y_is_logarithmic = true;
  chart.x_max = 2;
  chart.series = {{.label = "s",
                   .colour = 9,
                   .is_dashed = false,
                   .points = {{0, 0}, {1, 5}, {2, 1e9}, {3, 1}}}};
  const std::string svg = to_svg(chart);
  EXPECT_NE(svg.find("points=\"78.0,328.0 "), std::string::npos) << svg;
  EXPECT_NE(svg.find(" 880.0,40.0\""), std::string::npos) << svg;
  EXPECT_NE(svg.find("--run-1"), std::string::npos);
}

}  // namespace
}  // namespace causeway::load
