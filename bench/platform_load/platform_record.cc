#include "bench/platform_load/platform_record.h"

#include <utility>

#include "bench/load/measure/quantity.h"
#include "bench/load/report/report_page.h"
#include "json/json.h"

namespace causeway::platform {
namespace {

constexpr double ns_per_us = 1e3;
constexpr double ns_per_ms = 1e6;

using load::fixed;
using load::grouped;
using load::readable_duration;

std::string padded(std::string text, size_t width, bool to_the_right = true) {
  if (text.size() < width) text.insert(to_the_right ? 0 : text.size(), width - text.size(), ' ');
  return text;
}

std::string readable(const Figure& figure) {
  switch (figure.unit) {
    case Unit::count:
      return grouped(figure.value);
    case Unit::seconds:
      return readable_duration(figure.value * 1e9);
    case Unit::per_second:
      return grouped(figure.value) + "/s";
    case Unit::bytes:
      return load::readable_bytes(figure.value);
  }
  return {};
}

const char* suffix(Unit unit) {
  switch (unit) {
    case Unit::count:
      return "";
    case Unit::seconds:
      return "_s";
    case Unit::per_second:
      return "_per_second";
    case Unit::bytes:
      return "_bytes";
  }
  return "";
}

std::string key_of(const Figure& figure) {
  std::string key;
  for (const char c : figure.name) key += c == ' ' || c == '-' ? '_' : c;
  return key + suffix(figure.unit);
}

void write_operation(json::Writer& writer, const OperationResult& operation) {
  writer.object().member("name", operation.name).member("count", operation.latency.count);
  writer.member("failures", operation.failures).member("failure_example", operation.example);
  writer.member("per_second", operation.rate).member("reply_bytes", operation.reply_bytes);
  writer.member("bbs_cpu_us", operation.bbs_cpu_us);
  for (const load::NamedQuantile& named : load::table_quantiles)
    writer.member(std::string(named.name) + "_us",
                  operation.latency.at(named.quantile) / ns_per_us);
  writer.member("max_us", operation.latency.max / ns_per_us);
  writer.member("original_per_second", operation.original_rate);
  writer.member("original_p50_ms", operation.original_p50_ms);
  writer.member("original_p99_ms", operation.original_p99_ms).end();
}

void write_phase(json::Writer& writer, const PhaseResult& phase) {
  writer.object().member("name", phase.name).member("seconds", phase.seconds);
  writer.key("operations").array();
  for (const auto& operation : phase.operations) write_operation(writer, operation);
  writer.end().key("figures").object();
  for (const Figure& figure : phase.figures) writer.member(key_of(figure), figure.value);
  writer.end().key("processes").array();
  for (const auto& process : phase.processes) {
    writer.object().member("pid", process.pid).member("name", process.name);
    writer.member("cpu_s", process.cpu_seconds).member("rss_bytes", process.rss_bytes).end();
  }
  writer.end().end();
}

std::string times(double ours, double theirs) {
  if (ours <= 0 || theirs <= 0) return "";
  return "x " + fixed(ours / theirs, ours / theirs < 10 ? 2 : 0);
}

std::string operation_line(const OperationResult& operation) {
  const double p99 = operation.latency.at(0.99);
  std::string line = "  " + padded(operation.name, 22, false);
  line += padded(grouped(static_cast<double>(operation.latency.count)), 10);
  line += padded(grouped(operation.rate), 10) +
          padded(readable_duration(operation.latency.at(0.5)), 11);
  line += padded(readable_duration(p99), 11) + padded(readable_duration(operation.latency.max), 11);
  line += padded(operation.bbs_cpu_us > 0 ? fixed(operation.bbs_cpu_us, 1) : "", 9);
  const auto original = [](double figure, const std::string& text) {
    return padded(figure > 0 ? text : "", 10);
  };
  line += original(operation.original_rate, grouped(operation.original_rate));
  line +=
      original(operation.original_p99_ms, readable_duration(operation.original_p99_ms * ns_per_ms));
  line += padded(times(operation.rate, operation.original_rate), 9);
  line += padded(times(p99 / ns_per_ms, operation.original_p99_ms), 9);
  if (operation.failures > 0)
    line += "   " + grouped(static_cast<double>(operation.failures)) +
            " failed, for example: " + operation.example;
  return line + "\n";
}

std::string phase_text(const PhaseResult& phase) {
  std::string text = phase.name + " (" + readable_duration(phase.seconds * 1e9) + ")\n";
  for (const Figure& figure : phase.figures)
    text += "  " + padded(figure.name, 40, false) + readable(figure) + "\n";
  if (!phase.operations.empty()) {
    text += "  " + padded("operation", 22, false) + padded("calls", 10) + padded("/s", 10) +
            padded("p50", 11) + padded("p99", 11) + padded("max", 11) + padded("bbs us", 9) +
            padded("its /s", 10) + padded("its p99", 10) + padded("rate *", 9) +
            padded("p99 *", 9) + "\n";
    for (const auto& operation : phase.operations) text += operation_line(operation);
  }
  for (const auto& process : phase.processes)
    text += "  " + padded(process.name, 14, false) + "pid " + std::to_string(process.pid) + ": " +
            fixed(process.cpu_seconds, 2) + " s CPU (" +
            fixed(phase.seconds > 0 ? 100 * process.cpu_seconds / phase.seconds : 0, 0) +
            " % of one), RSS " + load::readable_bytes(process.rss_bytes) + "\n";
  return text;
}

}  // namespace

OperationResult OperationResult::of(Operation operation, const OperationTally& tally) {
  const OperationFacts& facts = facts_of(operation);
  OperationResult result;
  result.name = facts.name;
  result.failures = tally.failures;
  result.example = tally.example;
  const double seconds = std::chrono::duration<double>(tally.last_done - tally.first_sent).count();
  const auto count = static_cast<double>(tally.latency.count());
  if (seconds > 0) result.rate = count / seconds;
  if (count > 0) result.reply_bytes = static_cast<double>(tally.bytes) / count;
  if (count > 0) result.bbs_cpu_us = tally.bbs_cpu_seconds * 1e6 / count;
  result.latency = load::Distribution::of(tally.latency);
  result.original_rate = facts.original_rate;
  result.original_p50_ms = facts.original_p50_ms;
  result.original_p99_ms = facts.original_p99_ms;
  return result;
}

std::string to_json(const PlatformRecord& record) {
  json::Writer writer;
  writer.object().member("format", load::run_record_format).member("kind", "platform");
  writer.member("label", record.label).member("version", record.version);
  writer.member("command", record.command).member("started", record.started);
  writer.member("partial", record.partial).member("bbs", record.bbs);
  writer.member("cpu", record.machine.cpu).member("cpus", record.machine.cpus);
  writer.member("cells", record.cells).member("lrps", record.lrps);
  writer.member("instances", record.instances).key("phases").array();
  for (const PhaseResult& phase : record.phases) write_phase(writer, phase);
  writer.end().key("remarks").array();
  for (const std::string& remark : record.remarks) writer.value(remark);
  return writer.end().end().take();
}

std::string to_table(const PlatformRecord& record) {
  const auto count = [](uint64_t number) { return grouped(static_cast<double>(number)); };
  std::string text = record.bbs + ": " + count(record.cells) + " cells, " + count(record.lrps) +
                     " LRPs, " + count(record.instances) + " instances\n";
  if (!record.partial.empty()) text += "  PARTIAL     " + record.partial + "\n";
  for (const PhaseResult& phase : record.phases) text += phase_text(phase);
  text +=
      "its: what the original was measured to do on two CPUs with 16 clients, mutual TLS, 2 000 "
      "LRPs; *: how many times that; bbs us: microseconds of its CPU for a call\n";
  for (const std::string& remark : record.remarks) text += "WARNING " + remark + "\n";
  return text;
}

std::string to_html(const PlatformRecord& record) {
  std::vector<load::RunRecord> runs;
  for (const PhaseResult& phase : record.phases) {
    for (const OperationResult& operation : phase.operations) {
      if (operation.latency.count == 0) continue;
      load::RunRecord run;
      run.label = phase.name + ": " + operation.name;
      run.kind = "platform";
      run.version = record.version;
      run.command = record.command;
      run.started = record.started;
      run.machine = record.machine;
      run.target = record.bbs;
      run.method = operation.name;
      run.loop = "closed";
      run.duration = phase.seconds;
      run.replies = run.meant = operation.latency.count;
      run.failures = operation.failures;
      run.reply_rate = operation.rate;
      run.latency = run.service = operation.latency;
      runs.push_back(std::move(run));
    }
  }
  if (runs.empty()) runs.emplace_back();
  return load::to_html(runs, record.label, to_table(record));
}

}  // namespace causeway::platform
