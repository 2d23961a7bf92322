#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/load/report/process_cost.h"
#include "bench/load/report/run_record.h"

namespace causeway::churn {

struct PhaseCost {
  std::string name;
  double seconds = 0;
  uint64_t messages = 0;
  std::vector<load::ProcessCost> processes;
};

// What a run leaves behind. A value.
struct ChurnRecord {
  std::string label, version, command, started;
  std::string partial;  // why the run is not whole; empty when it is
  load::MachineFacts machine;
  std::string router;
  uint64_t routes = 0;
  unsigned endpoints = 0;
  double refresh_seconds = 0, churn_rate = 0;

  // From empty: seconds from the first message to the last, and from the last one until the route
  // it named answered; below 0: that was not seen.
  uint64_t registration_messages = 0;
  double publish_seconds = 0, routable_seconds = -1;
  uint64_t verified = 0, missing = 0;
  std::vector<std::string> missing_examples;
  double removal_seconds = -1;  // from the last unregistration until its route was gone

  uint64_t added = 0, removed = 0, refreshed = 0, unseen = 0;
  load::Distribution to_routable, to_gone;  // nanoseconds from publishing
  std::vector<PhaseCost> phases;
  std::vector<load::RunRecord> traffic;  // labels: the phases' names
  std::vector<std::string> limits;       // why this tool may have been the limit
};

std::string to_json(const ChurnRecord& record);
// For people, on a terminal.
std::string to_table(const ChurnRecord& record);
// A page of its own: the table, and traffic and waiting times laid over each other.
std::string to_html(const ChurnRecord& record);

}  // namespace causeway::churn
