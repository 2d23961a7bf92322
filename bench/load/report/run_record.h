#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "bench/load/measure/histogram.h"

// What a run leaves behind: everything that reports are made of, as values and as JSON.
namespace causeway::load {

// Of one histogram; nanoseconds.
struct Distribution {
  uint64_t count = 0;
  double min = 0, mean = 0, max = 0;
  std::vector<std::pair<double, double>> curve;  // quantile (0..1), value; rising

  static Distribution of(const Histogram& histogram);
  double at(double quantile) const;  // the curve's point there or the next above
};

struct IntervalRow {
  double at = 0;          // seconds since the measured time began
  double meant_rate = 0;  // requests/s; 0 in closed loop
  double reply_rate = 0;  // replies/s
  double failure_rate = 0;
  double p50 = 0, p99 = 0, max = 0;  // nanoseconds
};

// A process whose CPU time was read at both ends of the measured time.
struct WatchedProcess {
  int64_t pid = 0;
  std::string name;
  double cpu_seconds = 0;
  double cpu_us_per_request = 0;
};

struct MachineFacts {
  std::string cpu, kernel, compiler;
  unsigned cpus = 0;
  double memory_bytes = 0;
};

struct RunRecord {
  std::string label;              // in overlays; the command's target when none was given
  std::string kind = "http";      // "http", "websocket", "tcp"
  std::string unit = "requests";  // what is counted: "requests", "messages", "connects", "blocks"
  std::string version, command, started;
  std::string partial;  // why the run is not whole; empty when it is
  MachineFacts machine;

  std::string target, method, loop, rate, spacing;  // loop: "open", "closed", "hold"
  std::string protocol;                             // "HTTP/1.1", "HTTP/2", "WebSocket", "TCP"
  std::string tls_version;                          // "TLSv1.3"; empty without TLS
  uint64_t targets = 0, seed = 0;
  unsigned connections = 0, threads = 0;
  unsigned streams = 1;  // HTTP/2: requests in flight on each connection, at most
  bool close_each = false;
  double send_speed = 0, read_speed = 0;          // bytes/s of a slow client; 0: as fast as it goes
  double duration = 0, warm_up = 0, timeout = 0;  // seconds; duration: the time really measured
  int digits = 3;

  uint64_t meant = 0;  // requests that were to be sent; closed loop: that were
  uint64_t replies = 0, failures = 0, unfinished = 0;
  // Opened inside the measured time, in all, could not be opened before it, ended with nothing in
  // flight.
  uint64_t connections_opened = 0, connections_in_all = 0, connections_failed = 0,
           connections_dropped = 0;
  uint64_t handshakes_full = 0, handshakes_resumed = 0;
  double meant_rate = 0, reply_rate = 0;  // per second
  uint64_t bytes_in = 0, bytes_out = 0;
  std::map<std::string, uint64_t> statuses;
  std::map<std::string, uint64_t> errors;
  std::map<std::string, std::string> error_examples;
  Distribution latency, service, send_delay, connect_time;
  std::vector<IntervalRow> intervals;

  std::vector<double> thread_busy;  // share of the measured time
  double generator_cpu_us_per_request = 0;
  std::vector<std::string> generator_limits;  // why the generator may have been the limit
  std::vector<WatchedProcess> watched;
};

inline constexpr int run_record_format = 1;

std::string to_json(const RunRecord& record);
// Fault::invalid when it is no record of this format.
Result<RunRecord> record_from_json(std::string_view text);

// For people, on a terminal.
std::string to_table(const RunRecord& record);

// Quantiles that tables show: p50 .. p99.999.
struct NamedQuantile {
  const char* name;
  double quantile;
};
inline constexpr NamedQuantile table_quantiles[] = {
    {"p50", 0.5},  {"p75", 0.75},    {"p90", 0.9},       {"p95", 0.95},
    {"p99", 0.99}, {"p99.9", 0.999}, {"p99.99", 0.9999}, {"p99.999", 0.99999}};

}  // namespace causeway::load
