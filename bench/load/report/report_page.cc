#include "bench/load/report/report_page.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "bench/load/measure/quantity.h"
#include "bench/load/report/chart.h"

namespace causeway::load {
namespace {

constexpr const char* style = R"(<style>
:root{--ink:#1d2330;--soft:#5b6475;--paper:#fff;--rule:#e3e6ec;--warn:#a33b00;
--run-0:#1f5fbf;--run-1:#d1661b;--run-2:#1f8a55;--run-3:#9a3fb0;
--run-4:#b8232f;--run-5:#0f8a99;--run-6:#7a6a12;--run-7:#5d5fef}
@media(prefers-color-scheme:dark){
:root{--ink:#e6e9f0;--soft:#9aa4b8;--paper:#14171d;--rule:#2b313c;--warn:#ff9b5e;
--run-0:#6ea3f5;--run-1:#f2994a;--run-2:#4fc38a;--run-3:#cf86e0;
--run-4:#f26d78;--run-5:#4cc4d4;--run-6:#cdb94a;--run-7:#9b9dff}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);
max-width:960px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}svg{width:100%;height:auto;margin:1rem 0}
svg text{font:12px system-ui,sans-serif;fill:var(--soft)}
svg .heading{font-size:15px;font-weight:600;fill:var(--ink)}
.grid{stroke:var(--rule)}.axis{stroke:var(--soft)}.wide{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;width:100%}
th,td{padding:.3rem .6rem;text-align:right;vertical-align:top;white-space:nowrap;
border-bottom:1px solid var(--rule)}
th:first-child,td:first-child{text-align:left}th{color:var(--soft);font-weight:600}
td .soft{display:block;font-size:.85em}
.mark{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin-right:.5em}
.warn{color:var(--warn);font-weight:600}.soft{color:var(--soft)}
pre{background:var(--rule);padding:.6rem .8rem;border-radius:4px;white-space:pre-wrap;overflow-wrap:anywhere}
.legend{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;padding:0;list-style:none}
</style>
)";

std::string mark(size_t run) {
  return "<span class=\"mark\" style=\"background:var(--run-" +
         std::to_string(run % chart_colours) + ")\"></span>";
}

std::string latency_format(double nanoseconds) { return readable_duration(nanoseconds); }
std::string rate_format(double rate) { return grouped(rate); }
std::string cpu_format(double microseconds) { return fixed(microseconds, 1) + " us"; }

// What one of a run's units is called; "unit" when the runs' differ.
std::string unit_of(const std::vector<RunRecord>& records) {
  std::string unit = records.front().unit;
  for (const RunRecord& record : records) {
    if (record.unit != unit) return "unit";
  }
  if (unit.ends_with('s')) unit.pop_back();
  return unit;
}

std::string percentile_chart(const std::vector<RunRecord>& records) {
  LineChart chart;
  chart.title = "Latency by percentile";
  chart.x_label = "percentile of " + unit_of(records) + "s";
  chart.y_label = "lower is better";
  chart.y_is_logarithmic = true;
  chart.format = latency_format;
  chart.x_ticks = {{0, "0"},    {std::log10(2), "50"}, {1, "90"},     {2, "99"},
                   {3, "99.9"}, {4, "99.99"},          {5, "99.999"}, {6, "99.9999"}};
  double depth = 1;
  for (size_t run = 0; run < records.size(); ++run) {
    const Distribution& latency = records[run].latency;
    Series series{.label = records[run].label, .colour = run, .is_dashed = false, .points = {}};
    // Further right there is not one request to tell of.
    const double last =
        std::clamp(std::log10(std::max(static_cast<double>(latency.count), 1.0)), 1.0, 6.0);
    for (const auto& [quantile, value] : latency.curve) {
      const double x = quantile >= 1 ? last : -std::log10(1 - quantile);
      if (x <= last) series.points.emplace_back(x, value);
    }
    std::stable_sort(series.points.begin(), series.points.end());
    depth = std::max(depth, last);
    chart.series.push_back(std::move(series));
  }
  chart.x_max = depth;
  return to_svg(chart);
}

enum class OverTime : uint8_t { replies, p99 };

std::string time_chart(const std::vector<RunRecord>& records, OverTime what) {
  LineChart chart;
  chart.title =
      what == OverTime::replies ? "Replies per second" : "99th percentile of latency over time";
  chart.x_label = "seconds since the measured time began";
  chart.y_label = what == OverTime::replies ? "dashed: meant" : "lower is better";
  chart.y_is_logarithmic = what == OverTime::p99;
  chart.format = what == OverTime::replies ? rate_format : latency_format;
  chart.x_max = 0;
  for (size_t run = 0; run < records.size(); ++run) {
    const RunRecord& record = records[run];
    Series series{.label = record.label, .colour = run, .is_dashed = false, .points = {}};
    Series meant{.label = record.label + ", meant", .colour = run, .is_dashed = true, .points = {}};
    for (size_t i = 0; i < record.intervals.size(); ++i) {
      const IntervalRow& row = record.intervals[i];
      const double end =
          i + 1 < record.intervals.size() ? record.intervals[i + 1].at : record.duration;
      const double middle = (row.at + end) / 2;
      chart.x_max = std::max(chart.x_max, end);
      if (what == OverTime::replies) {
        series.points.emplace_back(middle, row.reply_rate);
        if (row.meant_rate > 0) meant.points.emplace_back(middle, row.meant_rate);
      } else if (row.p99 > 0) {
        series.points.emplace_back(middle, row.p99);
      }
    }
    chart.series.push_back(std::move(meant));
    chart.series.push_back(std::move(series));
  }
  for (const double tick : round_ticks(chart.x_max, 8))
    chart.x_ticks.push_back({tick, fixed(tick, tick == std::floor(tick) ? 0 : 1)});
  return to_svg(chart);
}

std::string cpu_chart(const std::vector<RunRecord>& records) {
  BarChart chart{.title = "CPU time per " + unit_of(records), .format = cpu_format, .bars = {}};
  for (size_t run = 0; run < records.size(); ++run) {
    for (const WatchedProcess& process : records[run].watched)
      chart.bars.push_back(
          {records[run].label + ": " + process.name, run, process.cpu_us_per_request});
  }
  return to_svg(chart);
}

std::string bytes_format(double bytes) { return readable_bytes(bytes) + "/s"; }

std::string bytes_chart(const std::vector<RunRecord>& records) {
  BarChart chart{.title = "Bytes per second", .format = bytes_format, .bars = {}};
  for (size_t run = 0; run < records.size(); ++run) {
    const RunRecord& record = records[run];
    if (record.bytes_in + record.bytes_out == 0) continue;
    const double seconds = std::max(record.duration, 1e-9);
    chart.bars.push_back(
        {record.label + ": in", run, static_cast<double>(record.bytes_in) / seconds});
    chart.bars.push_back(
        {record.label + ": out", run, static_cast<double>(record.bytes_out) / seconds});
  }
  return to_svg(chart);
}

double watched_cpu(const RunRecord& record) {
  double sum = 0;
  for (const WatchedProcess& process : record.watched) sum += process.cpu_us_per_request;
  return sum;
}

std::string cell(const std::string& text, double value, double first) {
  std::string html = "<td>" + escape_xml(text);
  if (first > 0 && value > 0)
    html += " <span class=\"soft\">x " + fixed(value / first, 2) + "</span>";
  return html + "</td>";
}

std::string table(const std::vector<RunRecord>& records) {
  std::string html =
      "<div "
      "class=\"wide\"><table><thead><tr><th>run</th><th>replies/s</th><th>p50</th><th>p90</"
      "th><th>p99</th>"
      "<th>p99.9</th><th>max</th><th>failed</th><th>CPU/" +
      unit_of(records) + "</th></tr></thead><tbody>\n";
  for (size_t run = 0; run < records.size(); ++run) {
    const RunRecord& record = records[run];
    const bool is_first = run == 0;
    const RunRecord& first = records.front();
    html += "<tr><td>" + mark(run) + escape_xml(record.label);
    if (!record.partial.empty()) html += " <span class=\"warn\">partial</span>";
    html += "</td>" +
            cell(grouped(record.reply_rate, 1), record.reply_rate, is_first ? 0 : first.reply_rate);
    for (const double quantile : {0.5, 0.9, 0.99, 0.999}) {
      html += cell(readable_duration(record.latency.at(quantile)), record.latency.at(quantile),
                   is_first ? 0 : first.latency.at(quantile));
    }
    html += cell(readable_duration(record.latency.max), 0, 0);
    html += cell(grouped(static_cast<double>(record.failures)), 0, 0);
    html += cell(record.watched.empty() ? "not watched" : cpu_format(watched_cpu(record)),
                 watched_cpu(record), is_first ? 0 : watched_cpu(first));
    html += "</tr>\n";
  }
  html += "</tbody></table></div>\n";
  if (records.size() > 1) html += "<p class=\"soft\">x: times the first run.</p>\n";
  return html;
}

std::string details(const RunRecord& record, size_t run) {
  std::string html = "<h2>" + mark(run) + escape_xml(record.label) + "</h2>\n";
  if (!record.partial.empty())
    html += "<p class=\"warn\">Partial: " + escape_xml(record.partial) +
            "; what was measured until then is shown.</p>\n";
  for (const std::string& limit : record.generator_limits)
    html += "<p class=\"warn\">The generator was the limit: " + escape_xml(limit) + "</p>\n";
  html += "<pre>" + escape_xml(record.command) + "</pre>\n<pre>" + escape_xml(to_table(record)) +
          "</pre>\n";
  html += "<p class=\"soft\">" + escape_xml(record.started) + ", causeway-bench " +
          escape_xml(record.version) + " (" + escape_xml(record.machine.compiler) + "), " +
          std::to_string(record.machine.cpus) + " x " + escape_xml(record.machine.cpu) + ", " +
          readable_bytes(record.machine.memory_bytes) + " memory, " +
          escape_xml(record.machine.kernel) + "</p>\n";
  return html;
}

}  // namespace

std::string to_html(const std::vector<RunRecord>& records, const std::string& title,
                    const std::string& preface) {
  CHECK(!records.empty());
  std::string html =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>" +
      escape_xml(title) + "</title>\n" + style + "</head><body>\n<h1>" + escape_xml(title) +
      "</h1>\n";
  if (!preface.empty()) html += "<pre>" + escape_xml(preface) + "</pre>\n";
  html += table(records);
  html += "<ul class=\"legend\">";
  for (size_t run = 0; run < records.size(); ++run)
    html += "<li>" + mark(run) + escape_xml(records[run].label) + "</li>";
  html += "</ul>\n";
  html += percentile_chart(records);
  html +=
      "<p class=\"soft\">Open loop: from the time it was due. What timed out is in it with the "
      "time it had waited.</p>\n";
  html += time_chart(records, OverTime::replies);
  html += time_chart(records, OverTime::p99);
  html += cpu_chart(records);
  html += bytes_chart(records);
  for (size_t run = 0; run < records.size(); ++run) html += details(records[run], run);
  return html + "</body></html>\n";
}

}  // namespace causeway::load
