#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "bench/load/drive/load_plan.h"
#include "bench/load/drive/place.h"
#include "bench/load/report/run_record.h"

namespace causeway::load {

// A process whose CPU time is read at both ends of the measured time.
struct WatchedPid {
  pid_t pid = 0;
  std::string name = {};  // empty: the kernel's
};

// "123" or "router=123"
Result<WatchedPid> parse_watched(std::string_view text);

struct RunExtras {
  std::vector<WatchedPid> watched = {};
  bool catches_signals = false;  // SIGINT and SIGTERM end the run early; what was measured is kept
  // Called every second with a line for people.
  std::function<void(const std::string&)> on_progress = {};
  // For tests: called once the run has begun, on the calling thread; a true answer interrupts it at
  // the next turn.
  std::function<bool()> is_interrupted = {};
};

// Runs a workload on threads of its own and waits for the end. The record lacks what only the
// caller knows: kind, unit, target, rate, label, command, version. An error when it could not
// begin: an address that cannot be reached, a process that is not there.
Result<RunRecord> run_load(const LoadPlan& plan, const Workload& workload, const RunExtras& extras);

}  // namespace causeway::load
