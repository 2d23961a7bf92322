#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cf/wire/cell_brief.h"

namespace causeway::place {

// One instance of a process that wants a cell. A value.
struct LrpDemand {
  std::string process_guid;
  int32_t index = 0;
  std::string domain = {};
  cf::Demand demand = {};
  std::string trace_id = {};  // of the call it comes of; decides nothing
};

struct TaskDemand {
  std::string task_guid;
  std::string domain = {};
  cf::Demand demand = {};
  std::string trace_id = {};
};

struct Rules {
  double starting_container_weight = 0.25;
  int32_t starting_containers_max = 0;   // 0: no cap on what starts at the same time in all cells
  double bin_pack_first_fit_weight = 0;  // 0: the order of cells does not matter
};

struct LrpFailure {
  LrpDemand demand;
  std::string reason;
};
struct TaskFailure {
  TaskDemand demand;
  std::string reason;
};

// What each cell gets, and what cannot be placed now. Winners are in the order they were placed.
struct Placement {
  struct CellWork {
    size_t cell = 0;  // index into the states given
    std::vector<LrpDemand> lrps;
    std::vector<TaskDemand> tasks;
  };
  std::vector<CellWork> works;  // cells that get something, in the order of the states
  std::vector<LrpFailure> failed_lrps;
  std::vector<TaskFailure> failed_tasks;
};

// Reasons without parameters (diego.md section 16).
inline constexpr std::string_view kNoCells = "unable to communicate to compatible cells";
inline constexpr std::string_view kInFlightLimit =
    "waiting to start instance: reached in-flight start limit";
inline constexpr std::string_view kInsufficient = "insufficient resources";

// Decides a round (diego.md section 16). `cells` are those that answered and take work. Demands may
// come in any order.
Placement place(const std::vector<cf::CellBrief>& cells, std::vector<LrpDemand> lrps,
                std::vector<TaskDemand> tasks, const Rules& rules);

// The cell as it will be with that work.
void take_up(cf::CellBrief& cell, const Placement::CellWork& work);

}  // namespace causeway::place
