#pragma once

#include <string>
#include <vector>

#include "bench/load/report/run_record.h"

namespace causeway::load {

// A self-contained HTML page (no scripts, nothing loaded) that lays runs over each other: latency
// by percentile, throughput and latency over time, CPU per request, a table with ratios to the
// first run, and for each run its exact command, machine, versions and what went wrong. At least
// one run.
// `preface`: plain text shown before the charts, "" for none.
std::string to_html(const std::vector<RunRecord>& records, const std::string& title,
                    const std::string& preface = {});

}  // namespace causeway::load
