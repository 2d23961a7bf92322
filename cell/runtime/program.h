#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace causeway::runtime {

// Runs a program found in PATH to its end and waits: for workers and start-up. What it prints (both
// streams, at most 64 KiB) is the value, or the detail of the error when it does not exit with 0.
// Killed after `timeout`.
Result<std::string> run_program(const std::vector<std::string>& argv, const std::string& input = {},
                                Duration timeout = std::chrono::seconds(30));

}  // namespace causeway::runtime
