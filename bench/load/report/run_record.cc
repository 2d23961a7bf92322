#include "bench/load/report/run_record.h"

#include <algorithm>
#include <cmath>

#include "json/json.h"

namespace causeway::load {
namespace {

constexpr double ns_per_us = 1e3;

void write_distribution(json::Writer& writer, std::string_view name, const Distribution& of) {
  writer.key(name).object();
  writer.member("count", of.count);
  writer.member("min_us", of.min / ns_per_us);
  writer.member("mean_us", of.mean / ns_per_us);
  writer.member("max_us", of.max / ns_per_us);
  writer.key("percentiles_us").object();
  for (const NamedQuantile& named : table_quantiles)
    writer.member(named.name, of.at(named.quantile) / ns_per_us);
  writer.end();
  writer.key("curve").array();
  for (const auto& [quantile, value] : of.curve)
    writer.array().value(quantile).value(value / ns_per_us).end();
  writer.end().end();
}

void write_plan(json::Writer& writer, const RunRecord& record) {
  writer.key("plan").object();
  writer.member("target", record.target)
      .member("targets", record.targets)
      .member("method", record.method);
  writer.member("loop", record.loop).member("rate", record.rate).member("arrivals", record.spacing);
  writer.member("seed", record.seed)
      .member("connections", record.connections)
      .member("threads", record.threads);
  writer.member("protocol", record.protocol)
      .member("tls", record.tls_version)
      .member("streams", record.streams)
      .member("connection_per_request", record.close_each)
      .member("send_bytes_per_second", record.send_speed)
      .member("read_bytes_per_second", record.read_speed);
  writer.member("duration_s", record.duration).member("warm_up_s", record.warm_up);
  writer.member("timeout_s", record.timeout).member("digits", record.digits).end();
}

void write_counts(json::Writer& writer, std::string_view name,
                  const std::map<std::string, uint64_t>& counts) {
  writer.key(name).object();
  for (const auto& [key, count] : counts) writer.member(key, count);
  writer.end();
}

void write_results(json::Writer& writer, const RunRecord& record) {
  writer.member("meant", record.meant)
      .member("replies", record.replies)
      .member("failures", record.failures);
  writer.member("unfinished", record.unfinished)
      .member("connections_opened", record.connections_opened)
      .member("connections_in_all", record.connections_in_all)
      .member("connections_failed", record.connections_failed)
      .member("connections_dropped", record.connections_dropped);
  writer.key("handshakes")
      .object()
      .member("full", record.handshakes_full)
      .member("resumed", record.handshakes_resumed)
      .end();
  writer.member("meant_per_second", record.meant_rate)
      .member("replies_per_second", record.reply_rate);
  writer.member("bytes_in", record.bytes_in).member("bytes_out", record.bytes_out);
  write_counts(writer, "statuses", record.statuses);
  write_counts(writer, "errors", record.errors);
  writer.key("error_examples").object();
  for (const auto& [kind, example] : record.error_examples) writer.member(kind, example);
  writer.end();
  write_distribution(writer, "latency", record.latency);
  write_distribution(writer, "service_time", record.service);
  write_distribution(writer, "send_delay", record.send_delay);
  write_distribution(writer, "connect_time", record.connect_time);
  writer.key("intervals").array();
  for (const IntervalRow& row : record.intervals) {
    writer.object().member("at_s", row.at).member("meant_per_second", row.meant_rate);
    writer.member("replies_per_second", row.reply_rate)
        .member("failures_per_second", row.failure_rate);
    writer.member("p50_us", row.p50 / ns_per_us).member("p99_us", row.p99 / ns_per_us);
    writer.member("max_us", row.max / ns_per_us).end();
  }
  writer.end();
}

std::string text_of(json::Node node) { return std::string(node.string().value_or("")); }
double number_of(json::Node node) { return node.number().value_or(0); }
uint64_t count_of(json::Node node) { return node.unsigned_integer().value_or(0); }

Distribution read_distribution(json::Node node) {
  Distribution of;
  of.count = count_of(node["count"]);
  of.min = number_of(node["min_us"]) * ns_per_us;
  of.mean = number_of(node["mean_us"]) * ns_per_us;
  of.max = number_of(node["max_us"]) * ns_per_us;
  const json::Node curve = node["curve"];
  for (size_t i = 0; i < curve.size(); ++i)
    of.curve.emplace_back(number_of(curve.at(i).at(0)), number_of(curve.at(i).at(1)) * ns_per_us);
  return of;
}

void read_plan(json::Node plan, RunRecord& record) {
  record.target = text_of(plan["target"]);
  record.targets = count_of(plan["targets"]);
  record.method = text_of(plan["method"]);
  record.loop = text_of(plan["loop"]);
  record.rate = text_of(plan["rate"]);
  record.spacing = text_of(plan["arrivals"]);
  record.seed = count_of(plan["seed"]);
  record.connections = static_cast<unsigned>(count_of(plan["connections"]));
  record.threads = static_cast<unsigned>(count_of(plan["threads"]));
  record.protocol = text_of(plan["protocol"]);
  record.streams = static_cast<unsigned>(count_of(plan["streams"]));
  record.tls_version = text_of(plan["tls"]);
  record.send_speed = number_of(plan["send_bytes_per_second"]);
  record.read_speed = number_of(plan["read_bytes_per_second"]);
  record.close_each = plan["connection_per_request"].boolean().value_or(false);
  record.duration = number_of(plan["duration_s"]);
  record.warm_up = number_of(plan["warm_up_s"]);
  record.timeout = number_of(plan["timeout_s"]);
  record.digits = static_cast<int>(number_of(plan["digits"]));
}

void read_results(json::Node root, RunRecord& record) {
  record.meant = count_of(root["meant"]);
  record.replies = count_of(root["replies"]);
  record.failures = count_of(root["failures"]);
  record.unfinished = count_of(root["unfinished"]);
  record.connections_opened = count_of(root["connections_opened"]);
  record.connections_in_all = count_of(root["connections_in_all"]);
  record.connections_failed = count_of(root["connections_failed"]);
  record.connections_dropped = count_of(root["connections_dropped"]);
  record.handshakes_full = count_of(root["handshakes"]["full"]);
  record.handshakes_resumed = count_of(root["handshakes"]["resumed"]);
  record.meant_rate = number_of(root["meant_per_second"]);
  record.reply_rate = number_of(root["replies_per_second"]);
  record.bytes_in = count_of(root["bytes_in"]);
  record.bytes_out = count_of(root["bytes_out"]);
  const json::Node statuses = root["statuses"];
  for (size_t i = 0; i < statuses.size(); ++i)
    record.statuses[std::string(statuses.key(i))] = count_of(statuses.at(i));
  const json::Node errors = root["errors"];
  for (size_t i = 0; i < errors.size(); ++i)
    record.errors[std::string(errors.key(i))] = count_of(errors.at(i));
  const json::Node examples = root["error_examples"];
  for (size_t i = 0; i < examples.size(); ++i)
    record.error_examples[std::string(examples.key(i))] = text_of(examples.at(i));
  record.latency = read_distribution(root["latency"]);
  record.service = read_distribution(root["service_time"]);
  record.send_delay = read_distribution(root["send_delay"]);
  record.connect_time = read_distribution(root["connect_time"]);
  const json::Node intervals = root["intervals"];
  for (size_t i = 0; i < intervals.size(); ++i) {
    const json::Node row = intervals.at(i);
    record.intervals.push_back(
        {number_of(row["at_s"]), number_of(row["meant_per_second"]),
         number_of(row["replies_per_second"]), number_of(row["failures_per_second"]),
         number_of(row["p50_us"]) * ns_per_us, number_of(row["p99_us"]) * ns_per_us,
         number_of(row["max_us"]) * ns_per_us});
  }
}

}  // namespace

Distribution Distribution::of(const Histogram& histogram) {
  Distribution of;
  of.count = histogram.count();
  of.min = static_cast<double>(histogram.min());
  of.mean = histogram.mean();
  of.max = static_cast<double>(histogram.max());
  if (of.count == 0) return of;
  std::vector<double> quantiles{0.5, 0.75, 0.95, 1};
  // Sixteen points for each nine, as far as there are values to tell them apart.
  for (int i = 0; i <= 16 * 6; ++i) {
    const double quantile = 1 - std::pow(10.0, -i / 16.0);
    if ((1 - quantile) * static_cast<double>(of.count) < 0.5 && i > 16 * 5) break;
    quantiles.push_back(quantile);
  }
  std::sort(quantiles.begin(), quantiles.end());
  for (const double quantile : quantiles)
    of.curve.emplace_back(quantile, static_cast<double>(histogram.at(quantile)));
  return of;
}

double Distribution::at(double quantile) const {
  for (const auto& [point, value] : curve) {
    if (point >= quantile - 1e-9) return value;
  }
  return max;
}

std::string to_json(const RunRecord& record) {
  json::Writer writer;
  writer.object();
  writer.member("format", run_record_format)
      .member("tool", "causeway-bench")
      .member("kind", record.kind);
  writer.member("unit", record.unit);
  writer.member("label", record.label)
      .member("version", record.version)
      .member("command", record.command);
  writer.member("started", record.started);
  writer.key("partial");
  if (record.partial.empty()) {
    writer.null();
  } else {
    writer.value(record.partial);
  }
  writer.key("machine").object();
  writer.member("cpu", record.machine.cpu).member("cpus", record.machine.cpus);
  writer.member("memory_bytes", record.machine.memory_bytes)
      .member("kernel", record.machine.kernel);
  writer.member("compiler", record.machine.compiler).end();
  write_plan(writer, record);
  write_results(writer, record);
  writer.key("generator").object().key("thread_busy").array();
  for (const double busy : record.thread_busy) writer.value(busy);
  writer.end()
      .member("cpu_us_per_request", record.generator_cpu_us_per_request)
      .key("limits")
      .array();
  for (const std::string& limit : record.generator_limits) writer.value(limit);
  writer.end().end();
  writer.key("watched").array();
  for (const WatchedProcess& process : record.watched) {
    writer.object().member("pid", process.pid).member("name", process.name);
    writer.member("cpu_seconds", process.cpu_seconds)
        .member("cpu_us_per_request", process.cpu_us_per_request)
        .end();
  }
  writer.end().end();
  return writer.take();
}

Result<RunRecord> record_from_json(std::string_view text) {
  const auto document = json::Document::parse(text);
  if (!document) return document.error();
  const json::Node root = document->root();
  if (root["tool"].string() != "causeway-bench")
    return Error{.fault = Fault::invalid, .detail = "not a record of causeway-bench"};
  if (root["format"].integer() != run_record_format)
    return Error{.fault = Fault::invalid,
                 .detail = "a record of another format than " + std::to_string(run_record_format)};
  RunRecord record;
  record.label = text_of(root["label"]);
  record.kind = text_of(root["kind"]);
  if (const auto unit = root["unit"].string()) record.unit = *unit;
  record.version = text_of(root["version"]);
  record.command = text_of(root["command"]);
  record.started = text_of(root["started"]);
  record.partial = text_of(root["partial"]);
  const json::Node machine = root["machine"];
  record.machine = {text_of(machine["cpu"]), text_of(machine["kernel"]),
                    text_of(machine["compiler"]), static_cast<unsigned>(count_of(machine["cpus"])),
                    number_of(machine["memory_bytes"])};
  read_plan(root["plan"], record);
  read_results(root, record);
  const json::Node generator = root["generator"];
  for (size_t i = 0; i < generator["thread_busy"].size(); ++i)
    record.thread_busy.push_back(number_of(generator["thread_busy"].at(i)));
  record.generator_cpu_us_per_request = number_of(generator["cpu_us_per_request"]);
  for (size_t i = 0; i < generator["limits"].size(); ++i)
    record.generator_limits.push_back(text_of(generator["limits"].at(i)));
  for (size_t i = 0; i < root["watched"].size(); ++i) {
    const json::Node process = root["watched"].at(i);
    record.watched.push_back({process["pid"].integer().value_or(0), text_of(process["name"]),
                              number_of(process["cpu_seconds"]),
                              number_of(process["cpu_us_per_request"])});
  }
  return record;
}

}  // namespace causeway::load
