#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace causeway::platform {

// Writes `text` beside `path` and renames it into place: readers see the old or the new file, never
// half of one. `mode`: who may read it, as of chmod; 0600 where it holds a key.
Result<void> write_whole_file(const std::string& path, std::string_view text, unsigned mode = 0644);
Result<std::string> read_whole_file(const std::string& path, size_t bytes_max = 1 << 20);

// A process as known to the kernel: the start time tells whether a pid has been given to somebody
// else meanwhile.
struct ProcessId {
  int pid = 0;
  uint64_t start_ticks = 0;  // field 22 of /proc/PID/stat
  friend bool operator==(const ProcessId&, const ProcessId&) = default;
};
// Empty start_ticks (0) when there is no such process.
ProcessId identify(int pid);

// Resident memory of a process in bytes, 0 when it is gone.
uint64_t resident_bytes(int pid);

}  // namespace causeway::platform
