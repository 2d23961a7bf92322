#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "bench/load/drive/run.h"
#include "bench/platform_load/ground.h"
#include "bench/platform_load/own_servers.h"
#include "bench/platform_load/platform_record.h"

namespace causeway::platform {

struct PlatformOptions {
  bool own = false;  // servers of our own; otherwise those named below
  OwnServers::Options own_servers;
  std::string bbs_url, health_url, redis;  // redis: host:port
  rpc::Identity::Files tls;                // ours, and our own servers'; empty: plain text
  std::vector<load::WatchedPid> watched;   // with own servers: besides them

  uint64_t operations = 0;  // LRPs of the table of operations; 0: left out
  unsigned clients = 16;
  uint64_t streams = 0;  // event streams to ask for at once; 0: left out

  uint64_t cells = 20;
  unsigned zones = 3;
  int32_t cell_memory_mb = 65'536;
  int32_t cell_containers = 256;
  uint64_t lrps = 0;  // desired at full scale; 0: left out
  int32_t instances = 1;
  int32_t memory_mb = 128;
  unsigned rep_calls = 128;                      // of all cells together, at the same time
  Duration patience = std::chrono::seconds(60);  // without one more instance running
  Duration steady = std::chrono::seconds(60);    // at full scale; 0: left out
  Duration heart_beat = std::chrono::seconds(30);
  uint64_t subscribers = 0;
  double flips = 20;   // changes per second at full scale
  uint64_t burst = 0;  // instances desired at once at full scale
};

// Fault::invalid names the option.
Result<void> check(const PlatformOptions& options);

struct PlatformExtras {
  bool catches_signals = false;  // SIGINT and SIGTERM end the run early; what was measured is kept
  std::function<void(const std::string&)> on_progress = {};  // lines for people
};

// The record is complete but for label, command and version. An error when it could not begin.
Result<PlatformRecord> run_platform(const PlatformOptions& options, const PlatformExtras& extras);

// Its parts. Operations one by one, as the original's figures were taken: cells take what they are
// given and do nothing with it.
Result<void> run_operations(Ground& ground, const PlatformOptions& options);
// More event streams than the bbs keeps: the rest is refused, and told why.
Result<void> run_streams(Ground& ground, const PlatformOptions& options);
// Everything desired, running, and kept so.
Result<void> run_scale(Ground& ground, const PlatformOptions& options);

}  // namespace causeway::platform
