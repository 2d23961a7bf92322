#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/load/report/process_cost.h"
#include "bench/load/report/run_record.h"
#include "bench/platform_load/calls.h"

namespace causeway::platform {

// One operation in one phase.
struct OperationResult {
  std::string name;
  uint64_t failures = 0;
  std::string example;         // of a failure
  double rate = 0;             // per second, from the first call to the last reply
  double reply_bytes = 0;      // mean
  double bbs_cpu_us = 0;       // mean; 0: not measured
  load::Distribution latency;  // nanoseconds
  double original_rate = 0, original_p50_ms = 0, original_p99_ms = 0;  // 0: not known

  static OperationResult of(Operation operation, const OperationTally& tally);
};

enum class Unit : uint8_t { count, seconds, per_second, bytes };

struct Figure {
  std::string name;
  double value = 0;
  Unit unit = Unit::count;
};

struct PhaseResult {
  std::string name;
  double seconds = 0;
  std::vector<OperationResult> operations;
  std::vector<Figure> figures;
  std::vector<load::ProcessCost> processes;
};

// What a run leaves behind. A value.
struct PlatformRecord {
  std::string label, version, command, started;
  std::string partial;  // why the run is not whole; empty when it is
  load::MachineFacts machine;
  std::string bbs;
  uint64_t cells = 0, lrps = 0, instances = 0;  // instances: of all LRPs together
  std::vector<PhaseResult> phases;
  std::vector<std::string> remarks;  // what did not go as meant
};

std::string to_json(const PlatformRecord& record);
// For people, on a terminal.
std::string to_table(const PlatformRecord& record);
// A page of its own: the table, and the operations' latencies laid over each other.
std::string to_html(const PlatformRecord& record);

}  // namespace causeway::platform
