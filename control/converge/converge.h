#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "actual_lrp.pb.h"
#include "desired_lrp.pb.h"
#include "task.pb.h"

// What is wrong and what to do about it: pure, one process or task at a time. Applied to a
// converged system it finds nothing.
namespace causeway::converge {

// What the pass knows of the world. Cells could be listed: an unreachable presence store is not "no
// cells".
struct World {
  std::set<std::string, std::less<>> cells;          // present
  std::set<std::string, std::less<>> fresh_domains;  // only there may be deleted
  int64_t now_ns = 0;
};

struct LrpLimits {
  // An instance UNCLAIMED for longer lost its auction. 0 right after a start: whoever asked may
  // have died before.
  int64_t unclaimed_stale_ns = 30'000'000'000;
  // The same for one that found no place. 0 when there are new cells.
  int64_t unplaced_stale_ns = 30'000'000'000;
};

enum class LrpStep : uint8_t {
  create,           // the index is missing: row and auction
  auction_again,    // UNCLAIMED for too long
  suspect,          // its cell is gone: aside, a replacement is placed
  unclaim,          // its cell is gone and a suspect waits already: placed again
  promote_suspect,  // the suspect's cell is back: it is the instance again
  restart,          // CRASHED long enough
  retire,           // not wanted (any more)
  drop_suspect,
  drop_evacuating,
  update_cell,  // runs with other internal routes or metric tags
};

// One thing to do for one index. `instance`: whom the decision is about, empty for none.
struct LrpAction {
  LrpStep step{};
  int32_t index = 0;
  models::ActualLRPInstanceKey instance;
  bool cell_present = false;  // of that instance
};

// A process as read; rows in any order.
struct ProcessView {
  const models::DesiredLRP* scheduling = nullptr;  // null: not desired
  std::vector<const models::ActualLRP*> rows;
};

// Sums over a pass, for the metrics.
struct LrpCounts {
  int64_t desired = 0, unclaimed = 0, claimed = 0, running = 0, crashed = 0;
  int64_t missing = 0, extra = 0, crashing_desired = 0;
  int64_t suspect_running = 0, suspect_claimed = 0, stranded_evacuating = 0;
  std::set<std::string> suspect_cells;
};

std::vector<LrpAction> converge_process(const ProcessView& process, const World& world,
                                        const LrpLimits& limits, LrpCounts& counts);

struct TaskLimits {
  int64_t expire_pending_ns = 30 * 60'000'000'000;
  int64_t expire_completed_ns = 2 * 60'000'000'000;
  int64_t kick_ns = 30'000'000'000;
};

enum class TaskStep : uint8_t {
  none,
  auction_again,
  fail_pending,       // waited too long
  fail_disappeared,   // its cell is gone
  demote,             // Resolving, but nobody resolves it: Completed again
  demote_and_remove,  // the same, and nobody wants it any more
  remove,
  kick,  // the callback is tried again
};

inline constexpr std::string_view kPendingTooLong = "not started within time limit";
inline constexpr std::string_view kCellDisappeared = "cell disappeared before completion";

TaskStep converge_task(const models::Task& task, const World& world, const TaskLimits& limits);

}  // namespace causeway::converge
