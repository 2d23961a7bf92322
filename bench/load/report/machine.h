#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "bench/load/report/run_record.h"

namespace causeway::load {

MachineFacts describe_machine();

// "2024-05-17T09:30:00Z"
std::string utc_text(WallTime time);

// CPU time that a process has used since its start, all threads, user and system. Fault::not_found
// when it is gone.
Result<Duration> process_cpu(pid_t pid);
// Bytes of memory that a process holds (resident set). Fault::not_found when it is gone.
Result<double> process_rss(pid_t pid);
// Its name, as the kernel knows it.
std::string process_name(pid_t pid);

}  // namespace causeway::load
