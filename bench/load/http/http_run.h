#pragma once

#include "base/result.h"
#include "bench/load/drive/run.h"
#include "bench/load/http/http_plan.h"
#include "bench/load/report/run_record.h"

namespace causeway::load {

// Runs a plan on threads of its own and waits for the end. The record is complete but for label,
// command and version. An error when it could not begin: an address that cannot be reached, a
// process that is not there.
Result<RunRecord> run_http(const HttpPlan& plan, const RunExtras& extras);

}  // namespace causeway::load
