#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace causeway::runtime {

struct TreeLimits {
  size_t entries_max = 200'000;  // as many files as Diego lets a container have
  size_t depth_max = 200;
  Duration time_max = std::chrono::seconds(2);  // it keeps removals waiting
};

// Bytes on disk of all that is below a folder, on its file system. Follows no symbolic link, and
// nothing that its owner exchanges meanwhile leads elsewhere. What goes away meanwhile is not
// counted; Fault::limit beyond the limits. Blocks: a millisecond per thousand files, more from a
// cold disk.
Result<int64_t> tree_bytes(const std::string& folder, TreeLimits limits = {});

}  // namespace causeway::runtime
