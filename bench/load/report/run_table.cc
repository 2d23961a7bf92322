#include <algorithm>

#include "bench/load/measure/quantity.h"
#include "bench/load/report/run_record.h"

namespace causeway::load {
namespace {

std::string padded(std::string text, size_t width, bool to_the_right = true) {
  if (text.size() < width) text.insert(to_the_right ? 0 : text.size(), width - text.size(), ' ');
  return text;
}

std::string title(const RunRecord& record) {
  std::string text = record.target;
  if (record.targets > 1) text += " (" + grouped(static_cast<double>(record.targets)) + " targets)";
  text += ", " + record.method + ", ";
  if (!record.protocol.empty())
    text +=
        record.protocol + (record.tls_version.empty() ? "" : " over " + record.tls_version) + ", ";
  if (record.loop == "open") {
    text += "open loop, " + record.rate + " " + record.unit + "/s, " + record.spacing + " arrivals";
  } else {
    text += record.loop == "hold" ? "connections only held" : "closed loop";
  }
  text += ", " + std::to_string(record.connections) + " connections";
  if (record.streams > 1) text += " of " + std::to_string(record.streams) + " streams";
  if (record.close_each) text += " (a new one for each of the " + record.unit + ")";
  if (record.send_speed > 0) text += " that send " + readable_bytes(record.send_speed) + "/s each";
  if (record.read_speed > 0) text += " that read " + readable_bytes(record.read_speed) + "/s each";
  text += ", " + std::to_string(record.threads) + (record.threads == 1 ? " thread" : " threads") +
          ", " + fixed(record.duration, 1) + " s";
  if (record.warm_up > 0) text += " after " + fixed(record.warm_up, 1) + " s of warm-up";
  return text;
}

std::string counts_line(const std::map<std::string, uint64_t>& counts) {
  std::string line;
  for (const auto& [name, count] : counts) {
    if (!line.empty()) line += ", ";
    line += name + ": " + grouped(static_cast<double>(count));
  }
  return line.empty() ? "none" : line;
}

std::string latency_rows(const RunRecord& record) {
  const bool is_open = record.loop == "open";
  std::string rows = "  latency     " + padded(is_open ? "from due time" : "from sending", 14) +
                     (is_open ? padded("from sending", 14) : "") + "\n";
  const auto row = [&](const std::string& name, double latency, double service) {
    rows += "    " + padded(name, 10, false) + padded(readable_duration(latency), 14);
    if (is_open) rows += padded(readable_duration(service), 14);
    rows += "\n";
  };
  for (const NamedQuantile& named : table_quantiles)
    row(named.name, record.latency.at(named.quantile), record.service.at(named.quantile));
  row("max", record.latency.max, record.service.max);
  row("mean", record.latency.mean, record.service.mean);
  return rows;
}

std::string connection_rows(const RunRecord& record) {
  const auto number = [](uint64_t count) { return grouped(static_cast<double>(count)); };
  if (record.connections_in_all == 0) return "";
  std::string rows = "  connections " + number(record.connections_in_all) + " opened, " +
                     number(record.connections_opened) + " of them meanwhile, " +
                     number(record.connections_failed) + " failed before, " +
                     number(record.connections_dropped) + " lost idle\n";
  rows += "    to connect  p50 " + readable_duration(record.connect_time.at(0.5)) + ", p99 " +
          readable_duration(record.connect_time.at(0.99)) + ", max " +
          readable_duration(record.connect_time.max) + "\n";
  if (record.handshakes_full + record.handshakes_resumed > 0)
    rows += "    handshakes  " + number(record.handshakes_full) + " full, " +
            number(record.handshakes_resumed) + " resumed\n";
  return rows;
}

}  // namespace

std::string to_table(const RunRecord& record) {
  const auto number = [](uint64_t count) { return grouped(static_cast<double>(count)); };
  std::string text = title(record) + "\n";
  if (!record.partial.empty()) text += "  PARTIAL     " + record.partial + "\n";
  text += "  " + padded(record.unit, 12, false) + number(record.meant) +
          (record.loop == "open" ? " meant, " : " sent, ") + number(record.replies) +
          " answered, " + number(record.failures) + " failed";
  if (record.unfinished > 0) text += ", " + number(record.unfinished) + " unfinished";
  text += "\n  rate        " + grouped(record.reply_rate, 1) + " replies/s";
  if (record.loop == "open") text += " (meant: " + grouped(record.meant_rate, 1) + ")";
  const double seconds = std::max(record.duration, 1e-9);
  text += ", " + readable_bytes(static_cast<double>(record.bytes_in) / seconds) + "/s in, " +
          readable_bytes(static_cast<double>(record.bytes_out) / seconds) + "/s out\n";
  if (record.latency.count > 0) text += latency_rows(record);
  if (!record.statuses.empty()) text += "  statuses    " + counts_line(record.statuses) + "\n";
  text += "  errors      " + counts_line(record.errors) + "\n";
  for (const auto& [kind, example] : record.error_examples)
    text += "    " + kind + ", for example: " + example + "\n";
  text += connection_rows(record);
  text += "  generator   " + fixed(record.generator_cpu_us_per_request, 1) +
          " us CPU each, threads busy";
  for (const double busy : record.thread_busy) text += " " + fixed(busy * 100, 0) + " %";
  text += ", p99 of own send delay " + readable_duration(record.send_delay.at(0.99)) + "\n";
  for (const WatchedProcess& process : record.watched) {
    text += "  " + padded(process.name, 11, false) + " pid " + std::to_string(process.pid) + ": " +
            fixed(process.cpu_us_per_request, 1) + " us CPU each, " +
            fixed(process.cpu_seconds / seconds, 2) + " CPUs\n";
  }
  for (const std::string& limit : record.generator_limits)
    text += "  WARNING     the generator was the limit: " + limit + "\n";
  return text;
}

}  // namespace causeway::load
