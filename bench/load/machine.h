#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "bench/load/run_record.h"

namespace causeway::load {

MachineFacts describe_machine();

// "2024-05-17T09:30:00Z"
std::string utc_text(WallTime time);

// CPU time that a process has used since its start, all threads, user and system. Fault::not_found
// when it is gone.
Result<Duration> process_cpu(pid_t pid);
// Its name, as the kernel knows it.
std::string process_name(pid_t pid);

// Writes a report: to `path` with ".partial" behind it first, which becomes `path` when all of it
// is on disk and stays, so marked, when not. Devices and pipes are written directly. The error says
// what failed and what is left.
Result<void> write_report(const std::string& path, std::string_view text);

// Whether a report could be written there later: tried before a long run, so that it is not for
// nothing.
Result<void> check_report_path(const std::string& path);

}  // namespace causeway::load
