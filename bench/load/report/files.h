#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace causeway::load {

// All bytes of a file.
Result<std::string> read_whole_file(const std::string& path);

// Writes a report: to `path` with ".partial" behind it first, which becomes `path` when all of it
// is on disk and stays, so marked, when not. Devices and pipes are written directly. The error says
// what failed and what is left.
Result<void> write_report(const std::string& path, std::string_view text);

// Whether a report could be written there later: tried before a long run, so that it is not for
// nothing.
Result<void> check_report_path(const std::string& path);

}  // namespace causeway::load
