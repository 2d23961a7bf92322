#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// The JSON messages of a rep's API. Values; the field names on the wire are Diego's, mixed letter
// case and all. What is absent or null reads as the zero value, a field of the wrong kind is
// Fault::invalid naming it.
namespace causeway::cf {

// What a cell has or has left.
struct CellResources {
  int32_t memory_mb = 0;
  int32_t disk_mb = 0;
  int32_t containers = 0;
  friend bool operator==(const CellResources&, const CellResources&) = default;
};

// What one instance or task takes, and where it may run.
struct Demand {
  int32_t memory_mb = 0;
  int32_t disk_mb = 0;
  int32_t max_pids = 0;
  std::string root_fs = {};
  std::vector<std::string> placement_tags = {};
  std::vector<std::string> volume_drivers = {};
  friend bool operator==(const Demand&, const Demand&) = default;
};

// One instance of a long-running process on a cell, or to be started there.
struct LrpWork {
  std::string process_guid = {};
  int32_t index = 0;
  std::string domain = {};
  std::string instance_guid = {};
  Demand demand = {};
  std::string state = {};  // an ActualLRP's, as the cell sees it; empty in work
  friend bool operator==(const LrpWork&, const LrpWork&) = default;
};

struct TaskWork {
  std::string task_guid = {};
  std::string domain = {};
  Demand demand = {};
  std::string state = {};  // "Pending", "Running", "Completed" ...; "" is Invalid
  bool failed = false;
  std::string trace_id = {};  // of the call it comes of; goes as X-Vcap-Request-Id, not in the body
  friend bool operator==(const TaskWork&, const TaskWork&) = default;
};

// Which root file systems a cell offers for one scheme: any, or those of a set ("preloaded":
// "cflinuxfs4" ...).
struct RootFsProvider {
  bool is_arbitrary = false;
  std::set<std::string> names = {};
  friend bool operator==(const RootFsProvider&, const RootFsProvider&) = default;
};
using RootFsProviders = std::map<std::string, RootFsProvider>;  // by URL scheme

// Can `root_fs` ("preloaded:cflinuxfs4", "docker:///busybox") be had there? False for what is no
// URL.
bool provides_root_fs(const RootFsProviders& providers, std::string_view root_fs);

// Answer of GET /state.
struct CellState {
  std::string rep_url = {};
  std::string cell_id = {};
  int32_t cell_index = 0;
  RootFsProviders root_fs_providers = {};
  CellResources available = {};
  CellResources total = {};
  std::vector<LrpWork> lrps = {};
  std::vector<TaskWork> tasks = {};
  int32_t starting_containers = 0;
  std::string zone = {};
  bool is_evacuating = false;
  std::vector<std::string> volume_drivers = {};
  std::vector<std::string> placement_tags = {};
  std::vector<std::string> optional_placement_tags = {};
  int32_t proxy_memory_mb = 0;
  friend bool operator==(const CellState&, const CellState&) = default;
};

// Body of POST /work, and its answer: what was not taken.
struct Work {
  std::vector<LrpWork> lrps = {};
  std::vector<TaskWork> tasks = {};
  std::string cell_id = {};
  std::string trace_id = {};  // goes as X-Vcap-Request-Id, not in the body
  friend bool operator==(const Work&, const Work&) = default;
};

// Body of PUT /v2/lrps/:process_guid/instances/:instance_guid.
struct LrpUpdate {
  std::string instance_guid = {};
  std::string process_guid = {};
  int32_t index = 0;
  std::string domain = {};
  std::vector<std::string> internal_hostnames = {};
  std::map<std::string, std::string> metric_tags = {};
  std::string trace_id = {};  // goes as X-Vcap-Request-Id, not in the body
  friend bool operator==(const LrpUpdate&, const LrpUpdate&) = default;
};

std::string to_json(const CellState& state);
std::string to_json(const Work& work);
std::string to_json(const LrpUpdate& update);
Result<CellState> parse_cell_state(std::string_view json);
Result<Work> parse_work(std::string_view json);
Result<LrpUpdate> parse_lrp_update(std::string_view json);

}  // namespace causeway::cf
