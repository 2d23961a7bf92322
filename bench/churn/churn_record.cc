#include "bench/churn/churn_record.h"

#include <utility>

#include "bench/load/measure/quantity.h"
#include "bench/load/report/report_page.h"
#include "json/json.h"

namespace causeway::churn {
namespace {

constexpr double ns_per_us = 1e3;

using load::fixed;
using load::grouped;
using load::readable_duration;

std::string count(uint64_t number) { return grouped(static_cast<double>(number)); }

void write_distribution(json::Writer& writer, std::string_view name, const load::Distribution& of) {
  writer.key(name).object().member("count", of.count).member("mean_us", of.mean / ns_per_us);
  for (const load::NamedQuantile& named : load::table_quantiles)
    writer.member(std::string(named.name) + "_us", of.at(named.quantile) / ns_per_us);
  writer.member("max_us", of.max / ns_per_us).end();
}

void write_phases(json::Writer& writer, const ChurnRecord& record) {
  writer.key("phases").array();
  for (const PhaseCost& phase : record.phases) {
    writer.object().member("name", phase.name).member("seconds", phase.seconds);
    writer.member("messages", phase.messages).key("processes").array();
    for (const load::ProcessCost& process : phase.processes) {
      writer.object().member("pid", process.pid).member("name", process.name);
      writer.member("cpu_s", process.cpu_seconds).member("rss_bytes", process.rss_bytes).end();
    }
    writer.end().end();
  }
  writer.end();
}

void write_texts(json::Writer& writer, std::string_view name,
                 const std::vector<std::string>& texts) {
  writer.key(name).array();
  for (const std::string& text : texts) writer.value(text);
  writer.end();
}

std::string seconds_or_never(double seconds) {
  return seconds < 0 ? "not seen" : readable_duration(seconds * 1e9);
}

std::string waits_line(const load::Distribution& waits) {
  if (waits.count == 0) return "none seen";
  return count(waits.count) + ", p50 " + readable_duration(waits.at(0.5)) + ", p90 " +
         readable_duration(waits.at(0.9)) + ", p99 " + readable_duration(waits.at(0.99)) +
         ", max " + readable_duration(waits.max);
}

std::string phase_lines(const PhaseCost& phase) {
  std::string text = "  " + phase.name;
  text.resize(16, ' ');
  text += fixed(phase.seconds, 2) + " s, " + count(phase.messages) + " messages\n";
  for (const load::ProcessCost& process : phase.processes) {
    text += "    " + process.name + " pid " + std::to_string(process.pid) + ": " +
            fixed(process.cpu_seconds, 2) + " s CPU (" +
            fixed(phase.seconds > 0 ? 100 * process.cpu_seconds / phase.seconds : 0, 0) +
            " % of one), ";
    if (phase.messages > 0)
      text += fixed(process.cpu_seconds * 1e6 / static_cast<double>(phase.messages), 1) +
              " us a message, ";
    text += "RSS " + load::readable_bytes(process.rss_bytes) + "\n";
  }
  return text;
}

std::string traffic_lines(const ChurnRecord& record) {
  std::string text;
  for (const load::RunRecord& run : record.traffic) {
    std::string line = "  " + run.label;
    line.resize(16, ' ');
    line += grouped(run.reply_rate, 0) + " replies/s, p50 " +
            readable_duration(run.latency.at(0.5)) + ", p99 " +
            readable_duration(run.latency.at(0.99)) + ", p99.9 " +
            readable_duration(run.latency.at(0.999)) + ", max " +
            readable_duration(run.latency.max) + ", " + count(run.failures) + " failed";
    const double quiet = record.traffic.front().latency.at(0.99);
    if (&run != record.traffic.data() && quiet > 0)
      line += "; p99 x " + fixed(run.latency.at(0.99) / quiet, 2);
    text += line + "\n";
  }
  return text;
}

// The waiting times as a run, for the page.
load::RunRecord as_run(const ChurnRecord& record, const std::string& label,
                       const load::Distribution& waits) {
  load::RunRecord run;
  run.label = label;
  run.kind = "churn";
  run.version = record.version;
  run.command = record.command;
  run.started = record.started;
  run.machine = record.machine;
  run.target = record.router;
  run.method = "probe";
  run.loop = "closed";
  run.replies = run.meant = waits.count;
  run.latency = run.service = waits;
  return run;
}

}  // namespace

std::string to_json(const ChurnRecord& record) {
  json::Writer writer;
  writer.object().member("format", load::run_record_format).member("kind", "churn");
  writer.member("label", record.label).member("version", record.version);
  writer.member("command", record.command).member("started", record.started);
  writer.member("partial", record.partial).member("router", record.router);
  writer.member("routes", record.routes).member("endpoints", record.endpoints);
  writer.member("refresh_s", record.refresh_seconds)
      .member("replaced_per_second", record.churn_rate);
  writer.key("registration").object().member("messages", record.registration_messages);
  writer.member("publish_s", record.publish_seconds);
  writer.member("last_routable_after_s", record.routable_seconds);
  writer.member("verified", record.verified).member("missing", record.missing).end();
  writer.member("last_gone_after_s", record.removal_seconds);
  writer.member("added", record.added).member("removed", record.removed);
  writer.member("refreshed", record.refreshed).member("unseen", record.unseen);
  write_distribution(writer, "publish_to_routable", record.to_routable);
  write_distribution(writer, "unregister_to_gone", record.to_gone);
  write_phases(writer, record);
  writer.key("traffic").array();
  for (const load::RunRecord& run : record.traffic) writer.raw(load::to_json(run));
  writer.end();
  write_texts(writer, "missing_examples", record.missing_examples);
  write_texts(writer, "limits", record.limits);
  return writer.end().take();
}

std::string to_table(const ChurnRecord& record) {
  std::string text = record.router + ": " + count(record.routes) + " routes x " +
                     std::to_string(record.endpoints) + " endpoints, refreshed every " +
                     fixed(record.refresh_seconds, 0) + " s, " + fixed(record.churn_rate, 0) +
                     " routes/s replaced\n";
  if (!record.partial.empty()) text += "  PARTIAL     " + record.partial + "\n";
  text += "registration from empty\n";
  text += "  published     " + count(record.registration_messages) + " messages in " +
          fixed(record.publish_seconds, 2) + " s\n";
  text +=
      "  all routable  " + seconds_or_never(record.routable_seconds) + " after the last message\n";
  text += "  verified      " + count(record.verified) + " routes asked for, " +
          count(record.missing) + " missing\n";
  for (const std::string& example : record.missing_examples) text += "    " + example + "\n";
  text += "churn: " + count(record.added) + " routes added, " + count(record.removed) +
          " removed, " + count(record.refreshed) + " endpoints refreshed, " + count(record.unseen) +
          " changes never seen\n";
  text += "  to routable   " + waits_line(record.to_routable) + "\n";
  text += "  to gone       " + waits_line(record.to_gone) + "\n";
  if (record.removal_seconds >= 0)
    text +=
        "  all gone      " + seconds_or_never(record.removal_seconds) + " after the last message\n";
  text += "cost\n";
  for (const PhaseCost& phase : record.phases) text += phase_lines(phase);
  if (!record.traffic.empty()) text += "traffic\n" + traffic_lines(record);
  for (const std::string& limit : record.limits)
    text += "  WARNING     this tool may have been the limit: " + limit + "\n";
  return text;
}

std::string to_html(const ChurnRecord& record) {
  std::vector<load::RunRecord> runs;
  for (const load::RunRecord& traffic : record.traffic) {
    runs.push_back(traffic);
    runs.back().label = "traffic, " + traffic.label;
  }
  runs.push_back(as_run(record, "register to routable", record.to_routable));
  runs.push_back(as_run(record, "unregister to gone", record.to_gone));
  return load::to_html(runs, record.label, to_table(record));
}

}  // namespace causeway::churn
