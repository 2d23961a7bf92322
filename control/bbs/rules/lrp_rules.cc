#include "control/bbs/rules/lrp_rules.h"

#include "base/check.h"
#include "cf/models/models.h"
#include "control/converge/crash_policy.h"

namespace causeway::bbs {

namespace {

Verdict refused(models::Error::Type type) {
  Verdict verdict;
  verdict.refusal = refuse(type);
  return verdict;
}

Verdict unchanged(const ProcessState& state) {
  Verdict verdict;
  verdict.after = state;
  return verdict;
}

const IndexRows& rows_of(const ProcessState& state, int32_t index) {
  static const IndexRows none;
  const auto found = state.indexes.find(index);
  return found == state.indexes.end() ? none : found->second;
}

bool is_suspect(const IndexRows& rows, const models::ActualLRPInstanceKey& instance) {
  return rows.suspect && same_instance(rows.suspect->actual_lrp_instance_key(), instance);
}

bool same_key(const models::ActualLRPKey& left, const models::ActualLRPKey& right) {
  return left.process_guid() == right.process_guid() && left.index() == right.index() &&
         left.domain() == right.domain();
}

// The row as a start leaves it, whatever it was before.
void fill_started(models::ActualLRP& row, const models::StartActualLRPRequest& request) {
  *row.mutable_actual_lrp_instance_key() = request.actual_lrp_instance_key();
  *row.mutable_actual_lrp_net_info() = request.actual_lrp_net_info();
  *row.mutable_actual_lrp_internal_routes() = request.actual_lrp_internal_routes();
  *row.mutable_metric_tags() = request.metric_tags();
  row.set_routable(request.has_routable() ? request.routable() : true);
  row.set_availability_zone(request.availability_zone());
  row.set_state(std::string(cf::kRunning));
  row.clear_placement_error();
}

}  // namespace

bool same_instance(const models::ActualLRPInstanceKey& left,
                   const models::ActualLRPInstanceKey& right) {
  return left.instance_guid() == right.instance_guid() && left.cell_id() == right.cell_id();
}

bool has_instance(const models::ActualLRP& row) {
  return !row.actual_lrp_instance_key().instance_guid().empty() ||
         !row.actual_lrp_instance_key().cell_id().empty();
}

bool may_become(const models::ActualLRP& row, std::string_view state,
                const models::ActualLRPInstanceKey& instance) {
  const bool none = instance.instance_guid().empty() && instance.cell_id().empty();
  const bool same = same_instance(row.actual_lrp_instance_key(), instance);
  if (row.state() == cf::kUnclaimed) return state != cf::kCrashed;
  if (state == cf::kUnclaimed) return none;
  if (row.state() == cf::kClaimed && state == cf::kRunning) return true;
  if (row.state() == cf::kCrashed && state == cf::kCrashed) return false;
  return same;
}

void touch(models::ActualLRP& row) {
  auto& tag = *row.mutable_modification_tag();
  tag.set_index(tag.index() + 1);
}

models::ActualLRP unclaimed_row(const models::ActualLRPKey& key, const Moment& moment) {
  models::ActualLRP row;
  *row.mutable_actual_lrp_key() = key;
  row.set_state(std::string(cf::kUnclaimed));
  row.set_since(moment.now_ns);
  row.set_routable(false);
  row.mutable_modification_tag()->set_epoch(moment.epoch);
  cf::set_always_written(row);
  return row;
}

models::ActualLRP freed_row(const models::ActualLRP& row, std::string_view state,
                            const Moment& moment) {
  models::ActualLRP freed = row;
  freed.mutable_actual_lrp_instance_key()->Clear();
  freed.mutable_actual_lrp_net_info()->Clear();
  freed.clear_actual_lrp_internal_routes();
  freed.clear_metric_tags();
  freed.clear_availability_zone();
  freed.clear_placement_error();
  freed.set_routable(false);
  freed.set_state(std::string(state));
  freed.set_since(moment.now_ns);
  touch(freed);
  return freed;
}

Verdict claim(const ProcessState& state, const models::ClaimActualLRPRequest& request,
              const Moment& moment) {
  const auto& instance = request.actual_lrp_instance_key();
  const IndexRows& rows = rows_of(state, request.index());
  // A cell that was away for a moment goes on claiming what it runs.
  if (is_suspect(rows, instance)) return unchanged(state);
  if (!rows.ordinary) return refused(models::Error::ResourceNotFound);
  const bool same = same_instance(rows.ordinary->actual_lrp_instance_key(), instance);
  if (rows.ordinary->state() == cf::kClaimed && same) return unchanged(state);
  if (!may_become(*rows.ordinary, cf::kClaimed, instance))
    return refused(models::Error::ActualLRPCannotBeClaimed);
  Verdict verdict = unchanged(state);
  auto& row = verdict.after.indexes[request.index()].ordinary;
  row = freed_row(*row, cf::kClaimed, moment);
  *row->mutable_actual_lrp_instance_key() = instance;
  // An instance is in one row of its index: whoever claims does not leave.
  auto& evacuating = verdict.after.indexes[request.index()].evacuating;
  if (evacuating && same_instance(evacuating->actual_lrp_instance_key(), instance))
    evacuating.reset();
  return verdict;
}

Verdict start(const ProcessState& state, const models::StartActualLRPRequest& request,
              const Moment& moment) {
  const int32_t index = request.actual_lrp_key().index();
  const auto& instance = request.actual_lrp_instance_key();
  const IndexRows& rows = rows_of(state, index);
  if (is_suspect(rows, instance)) return unchanged(state);
  Verdict verdict = unchanged(state);
  IndexRows& after = verdict.after.indexes[index];
  if (!rows.ordinary) {
    after.ordinary = unclaimed_row(request.actual_lrp_key(), moment);
    fill_started(*after.ordinary, request);
  } else {
    if (!same_key(rows.ordinary->actual_lrp_key(), request.actual_lrp_key()) ||
        !may_become(*rows.ordinary, cf::kRunning, instance))
      return refused(models::Error::ActualLRPCannotBeStarted);
    fill_started(*after.ordinary, request);
    if (!same_message(*after.ordinary, *rows.ordinary)) {
      after.ordinary->set_since(moment.now_ns);
      touch(*after.ordinary);
    }
  }
  after.evacuating.reset();
  after.suspect.reset();
  return verdict;
}

Verdict crash(const ProcessState& state, const models::CrashActualLRPRequest& request,
              const Moment& moment) {
  const int32_t index = request.actual_lrp_key().index();
  const auto& instance = request.actual_lrp_instance_key();
  const IndexRows& rows = rows_of(state, index);
  Verdict verdict = unchanged(state);
  if (is_suspect(rows, instance)) {
    verdict.after.indexes[index].suspect.reset();
    return verdict;
  }
  if (!rows.ordinary) return refused(models::Error::ResourceNotFound);
  const models::ActualLRP& row = *rows.ordinary;
  if (!same_key(row.actual_lrp_key(), request.actual_lrp_key()) ||
      !may_become(row, cf::kCrashed, instance))
    return refused(models::Error::ActualLRPCannotBeCrashed);
  const int32_t crashes = converge::count_crash(row.crash_count(), row.state() == cf::kRunning,
                                                row.since(), moment.now_ns);
  const bool restart = converge::should_restart(crashes, moment.now_ns, moment.now_ns);
  models::ActualLRP freed = freed_row(row, restart ? cf::kUnclaimed : cf::kCrashed, moment);
  freed.set_crash_count(crashes);
  freed.set_crash_reason(truncate_reason(request.error_message()));

  models::ActualLRPCrashedEvent event;
  *event.mutable_actual_lrp_key() = row.actual_lrp_key();
  *event.mutable_actual_lrp_instance_key() = row.actual_lrp_instance_key();
  event.set_crash_count(crashes);
  event.set_crash_reason(freed.crash_reason());
  event.set_since(moment.now_ns);
  verdict.crashed.push_back(std::move(event));
  verdict.after.indexes[index].ordinary = std::move(freed);
  if (restart) verdict.auction.push_back(index);
  return verdict;
}

Verdict fail(const ProcessState& state, const models::FailActualLRPRequest& request,
             const Moment& moment) {
  const int32_t index = request.actual_lrp_key().index();
  const IndexRows& rows = rows_of(state, index);
  if (!rows.ordinary) return unchanged(state);  // as the original does
  if (rows.ordinary->state() != cf::kUnclaimed)
    return refused(models::Error::ActualLRPCannotBeFailed);
  Verdict verdict = unchanged(state);
  models::ActualLRP& row = *verdict.after.indexes[index].ordinary;
  row.set_placement_error(truncate_reason(request.error_message()));
  row.set_since(moment.now_ns);
  touch(row);
  return verdict;
}

Verdict remove(const ProcessState& state, const models::RemoveActualLRPRequest& request,
               const Moment& moment) {
  const auto& instance = request.actual_lrp_instance_key();
  const IndexRows& rows = rows_of(state, request.index());
  Verdict verdict = unchanged(state);
  if (request.has_actual_lrp_instance_key() && is_suspect(rows, instance)) {
    verdict.after.indexes[request.index()].suspect.reset();
    return verdict;
  }
  const bool match =
      rows.ordinary && (!request.has_actual_lrp_instance_key() ||
                        same_instance(rows.ordinary->actual_lrp_instance_key(), instance));
  if (!match) return refused(models::Error::ResourceNotFound);
  auto& after = verdict.after.indexes[request.index()].ordinary;
  const bool is_wanted = state.scheduling && request.index() < state.scheduling->instances() &&
                         state.scheduling->domain() == rows.ordinary->actual_lrp_key().domain();
  if (is_wanted && has_instance(*rows.ordinary)) {
    after = unclaimed_row(rows.ordinary->actual_lrp_key(), moment);
    verdict.auction.push_back(request.index());
    verdict.rests_on_scheduling = true;
  } else {
    after.reset();
  }
  return verdict;
}

Verdict retire(const ProcessState& state, const models::ActualLRPKey& key, CellState cell) {
  const IndexRows& rows = rows_of(state, key.index());
  if (!rows.ordinary) return refused(models::Error::ResourceNotFound);
  Verdict verdict = unchanged(state);
  const bool held =
      rows.ordinary->state() == cf::kClaimed || rows.ordinary->state() == cf::kRunning;
  if (!held || cell == CellState::absent) {
    verdict.after.indexes[key.index()].ordinary.reset();
  } else if (cell == CellState::present) {
    verdict.stop.push_back(*rows.ordinary);
  }
  return verdict;
}

}  // namespace causeway::bbs
