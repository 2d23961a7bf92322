#include "control/converge/converge.h"

#include <map>

#include "cf/models/models.h"
#include "control/converge/crash_policy.h"
#include "control/converge/drift.h"

namespace causeway::converge {

namespace {

struct Index {
  const models::ActualLRP* ordinary = nullptr;
  const models::ActualLRP* evacuating = nullptr;
  const models::ActualLRP* suspect = nullptr;
};

bool is_held(const models::ActualLRP& row) {
  return row.state() == cf::kClaimed || row.state() == cf::kRunning;
}

// Decides index by index for one process.
class Sweep {
 public:
  Sweep(const ProcessView& process, const World& world, const LrpLimits& limits, LrpCounts& counts)
      : scheduling_(process.scheduling), world_(world), limits_(limits), counts_(counts) {
    for (const auto* row : process.rows) {
      Index& index = indexes_[row->actual_lrp_key().index()];
      switch (row->presence()) {
        case models::ActualLRP::EVACUATING:
          index.evacuating = row;
          break;
        case models::ActualLRP::SUSPECT:
          index.suspect = row;
          break;
        default:
          index.ordinary = row;
      }
    }
  }

  std::vector<LrpAction> run() {
    const int32_t wanted = scheduling_ == nullptr ? 0 : scheduling_->instances();
    for (int32_t index = 0; index < wanted; ++index) indexes_[index];
    counts_.desired += wanted;
    bool crashing = false;
    for (const auto& [index, rows] : indexes_) {
      count(rows);
      if (rows.evacuating != nullptr && !is_present(*rows.evacuating)) {
        ++counts_.stranded_evacuating;
        add(LrpStep::drop_evacuating, index, rows.evacuating);
      }
      if (index < wanted) {
        crashing |= rows.ordinary != nullptr && rows.ordinary->state() == cf::kCrashed;
        keep(index, rows);
      } else {
        shed(index, rows);
      }
    }
    counts_.crashing_desired += crashing ? 1 : 0;
    return std::move(actions_);
  }

 private:
  bool is_present(const models::ActualLRP& row) const {
    return world_.cells.contains(row.actual_lrp_instance_key().cell_id());
  }

  void add(LrpStep step, int32_t index, const models::ActualLRP* row) {
    LrpAction action{.step = step, .index = index, .instance = {}};
    if (row != nullptr) {
      action.instance = row->actual_lrp_instance_key();
      action.cell_present = is_present(*row);
    }
    actions_.push_back(std::move(action));
  }

  void count(const Index& rows) {
    if (rows.suspect != nullptr) {
      ++(rows.suspect->state() == cf::kRunning ? counts_.suspect_running : counts_.suspect_claimed);
      counts_.suspect_cells.insert(rows.suspect->actual_lrp_instance_key().cell_id());
    }
    if (rows.ordinary == nullptr) return;
    const std::string& state = rows.ordinary->state();
    if (state == cf::kUnclaimed) ++counts_.unclaimed;
    if (state == cf::kClaimed) ++counts_.claimed;
    if (state == cf::kRunning) ++counts_.running;
    if (state == cf::kCrashed) ++counts_.crashed;
  }

  // An index that is wanted.
  void keep(int32_t index, const Index& rows) {
    if (rows.suspect != nullptr) {
      if (rows.ordinary != nullptr && rows.ordinary->state() == cf::kRunning &&
          is_present(*rows.ordinary))
        return add(LrpStep::drop_suspect, index, rows.suspect);
      if (is_present(*rows.suspect)) return add(LrpStep::promote_suspect, index, rows.suspect);
    }
    if (rows.ordinary == nullptr) {
      ++counts_.missing;
      return add(LrpStep::create, index, nullptr);
    }
    const models::ActualLRP& row = *rows.ordinary;
    if (is_held(row)) {
      if (!is_present(row))
        return add(rows.suspect == nullptr ? LrpStep::suspect : LrpStep::unclaim, index, &row);
      if (row.state() == cf::kRunning && has_drifted(*scheduling_, row))
        add(LrpStep::update_cell, index, &row);
    } else if (row.state() == cf::kUnclaimed) {
      const int64_t stale_ns =
          row.placement_error().empty() ? limits_.unclaimed_stale_ns : limits_.unplaced_stale_ns;
      if (has_passed(row.since(), world_.now_ns, stale_ns))
        add(LrpStep::auction_again, index, &row);
    } else if (should_restart(row.crash_count(), row.since(), world_.now_ns)) {
      add(LrpStep::restart, index, &row);
    }
  }

  // An index that nobody wants.
  void shed(int32_t index, const Index& rows) {
    if (rows.suspect != nullptr) add(LrpStep::drop_suspect, index, rows.suspect);
    if (rows.ordinary == nullptr) return;
    ++counts_.extra;
    if (world_.fresh_domains.contains(rows.ordinary->actual_lrp_key().domain()))
      add(LrpStep::retire, index, rows.ordinary);
  }

  const models::DesiredLRP* scheduling_;
  const World& world_;
  const LrpLimits& limits_;
  LrpCounts& counts_;
  std::map<int32_t, Index> indexes_;
  std::vector<LrpAction> actions_;
};

}  // namespace

std::vector<LrpAction> converge_process(const ProcessView& process, const World& world,
                                        const LrpLimits& limits, LrpCounts& counts) {
  return Sweep(process, world, limits, counts).run();
}

TaskStep converge_task(const models::Task& task, const World& world, const TaskLimits& limits) {
  switch (task.state()) {
    case models::Task::Pending:
      if (world.now_ns - task.created_at() > limits.expire_pending_ns)
        return TaskStep::fail_pending;
      return TaskStep::auction_again;
    case models::Task::Running:
      return world.cells.contains(task.cell_id()) ? TaskStep::none : TaskStep::fail_disappeared;
    case models::Task::Resolving: {
      const bool unwanted = world.now_ns - task.first_completed_at() > limits.expire_completed_ns;
      if (!has_passed(task.updated_at(), world.now_ns, limits.kick_ns)) return TaskStep::none;
      return unwanted ? TaskStep::demote_and_remove : TaskStep::demote;
    }
    case models::Task::Completed:
      if (world.now_ns - task.first_completed_at() > limits.expire_completed_ns)
        return TaskStep::remove;
      return has_passed(task.updated_at(), world.now_ns, limits.kick_ns) ? TaskStep::kick
                                                                         : TaskStep::none;
    default:
      return TaskStep::none;
  }
}

}  // namespace causeway::converge
