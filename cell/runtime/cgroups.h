#pragma once

#include <string>

#include "base/result.h"
#include "cell/runtime/runtime.h"

// Control groups by their path below the hierarchies' roots ("/causeway/cell-1/HANDLE"), v1, hybrid
// and v2 alike.
namespace causeway::runtime {

Result<Usage> cgroup_usage(const std::string& path);
// Can a limit of swap be set (v1 without swap accounting cannot)?
bool can_limit_swap();
// Kills what runs in it and below, in every hierarchy, and removes it. Blocks up to about a second.
void remove_cgroup(const std::string& path);
// Removes it where it is empty, and its parents up to the root.
void remove_empty_cgroup(const std::string& path);

}  // namespace causeway::runtime
