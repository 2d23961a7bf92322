#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "bench/churn/churn_plan.h"
#include "bench/churn/churn_record.h"
#include "bench/load/http/http_run.h"

namespace causeway::churn {

struct ChurnExtras {
  std::vector<load::WatchedPid> watched = {};
  bool catches_signals = false;  // SIGINT and SIGTERM end the run early; what was measured is kept
  std::function<void(const std::string&)> on_progress = {};  // lines for people
};

// Runs a plan: traffic alone, registration from empty, churn, removal. The record is complete but
// for label, command and version. An error when it could not begin: no NATS, or a router that does
// not learn the first routes.
Result<ChurnRecord> run_churn(const ChurnPlan& plan, const ChurnExtras& extras);

}  // namespace causeway::churn
