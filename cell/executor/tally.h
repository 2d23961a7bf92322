#pragma once

#include <cstdint>

#include "base/clock.h"

namespace causeway::executor {

// How often something has ended so, and how long it took the last time.
struct Times {
  uint64_t count = 0;
  Duration last{};
  void add(Duration took) {
    ++count;
    last = took;
  }
};

// The two ways in which something ends.
struct Outcomes {
  Times succeeded, failed;
  void add(bool has_succeeded, Duration took) { (has_succeeded ? succeeded : failed).add(took); }
};

// What the containers of a cell have gone through since the rep started, counted where it happens.
// Owner: CellExecutor. Thread: its loop's.
struct Tally {
  Outcomes creations, destructions;  // by the runtime
  Outcomes setups;                   // from the beginning to the end of the setup action
  uint64_t completed = 0;            // of those that had begun to run
  uint64_t exited_on_timeout = 0;    // of them, those with a process that had to be killed
  // Attempts that failed: at a running instance's health, and at readiness at any time.
  uint64_t http_liveness_failed = 0, tcp_liveness_failed = 0;
  uint64_t http_readiness_failed = 0, tcp_readiness_failed = 0;
  uint64_t runtime_checks = 0, runtime_checks_failed = 0;
};

}  // namespace causeway::executor
