#include "control/bbs/rules/evacuation_rules.h"

#include "base/check.h"
#include "cf/models/models.h"

namespace causeway::bbs {

namespace {

Verdict evacuation_refused(models::Error::Type type) {
  Verdict verdict;
  verdict.refusal = refuse(type);
  return verdict;
}

Verdict kept(const ProcessState& state, bool keep_container) {
  Verdict verdict;
  verdict.after = state;
  verdict.keep_container = keep_container;
  return verdict;
}

bool held_by(const std::optional<models::ActualLRP>& row,
             const models::ActualLRPInstanceKey& instance) {
  return row && same_instance(row->actual_lrp_instance_key(), instance);
}

// Removes the suspect or evacuating row of that instance; false when there is none.
bool drop_aside(IndexRows& rows, const models::ActualLRPInstanceKey& instance) {
  for (auto* row : {&rows.suspect, &rows.evacuating}) {
    if (held_by(*row, instance)) {
      row->reset();
      return true;
    }
  }
  return false;
}

void fill_evacuating(models::ActualLRP& row,
                     const models::EvacuateRunningActualLRPRequest& request) {
  *row.mutable_actual_lrp_instance_key() = request.actual_lrp_instance_key();
  if (request.has_actual_lrp_net_info())
    *row.mutable_actual_lrp_net_info() = request.actual_lrp_net_info();
  *row.mutable_actual_lrp_internal_routes() = request.actual_lrp_internal_routes();
  *row.mutable_metric_tags() = request.metric_tags();
  row.set_routable(request.has_routable() ? request.routable() : true);
  row.set_availability_zone(request.availability_zone());
  row.set_state(std::string(cf::kRunning));
  row.set_presence(models::ActualLRP::EVACUATING);
}

// `row` moved aside: the same instance, now evacuating.
models::ActualLRP evacuating_row(const models::ActualLRP& row,
                                 const models::EvacuateRunningActualLRPRequest& request,
                                 const Moment& moment) {
  models::ActualLRP moved = row;
  fill_evacuating(moved, request);
  moved.set_since(moment.now_ns);
  touch(moved);
  return moved;
}

bool all_running(const ProcessState& state) {
  for (int32_t index = 0; index < state.scheduling->instances(); ++index) {
    const auto rows = state.indexes.find(index);
    if (rows == state.indexes.end() || !rows->second.ordinary ||
        rows->second.ordinary->state() != cf::kRunning)
      return false;
  }
  return true;
}

// Without overlap, one index at a time: freed while all others run.
Verdict recreate(const ProcessState& state, int32_t index, const Moment& moment) {
  if (!all_running(state)) return kept(state, true);
  Verdict verdict = kept(state, false);
  auto& row = verdict.after.indexes[index].ordinary;
  row = freed_row(*row, cf::kUnclaimed, moment);
  verdict.auction.push_back(index);
  verdict.rests_on_scheduling = true;
  verdict.rests_on_all_indexes = true;
  return verdict;
}

}  // namespace

Verdict evacuate_claimed(const ProcessState& state,
                         const models::EvacuateClaimedActualLRPRequest& request,
                         const Moment& moment) {
  const int32_t index = request.actual_lrp_key().index();
  Verdict verdict = kept(state, false);
  IndexRows& rows = verdict.after.indexes[index];
  if (drop_aside(rows, request.actual_lrp_instance_key())) return verdict;
  if (!held_by(rows.ordinary, request.actual_lrp_instance_key()))
    return evacuation_refused(models::Error::ResourceNotFound);
  rows.ordinary = freed_row(*rows.ordinary, cf::kUnclaimed, moment);
  verdict.auction.push_back(index);
  return verdict;
}

Verdict evacuate_crashed(const ProcessState& state,
                         const models::EvacuateCrashedActualLRPRequest& request,
                         const Moment& moment) {
  Verdict verdict = kept(state, false);
  if (drop_aside(verdict.after.indexes[request.actual_lrp_key().index()],
                 request.actual_lrp_instance_key()))
    return verdict;
  models::CrashActualLRPRequest plain;
  *plain.mutable_actual_lrp_key() = request.actual_lrp_key();
  *plain.mutable_actual_lrp_instance_key() = request.actual_lrp_instance_key();
  plain.set_error_message(request.error_message());
  verdict = crash(state, plain, moment);
  verdict.auction.clear();  // convergence will ask
  verdict.crashed.clear();
  return verdict;
}

Verdict evacuate_stopped(const ProcessState& state,
                         const models::EvacuateStoppedActualLRPRequest& request) {
  Verdict verdict = kept(state, false);
  IndexRows& rows = verdict.after.indexes[request.actual_lrp_key().index()];
  if (drop_aside(rows, request.actual_lrp_instance_key())) return verdict;
  if (!held_by(rows.ordinary, request.actual_lrp_instance_key()))
    return evacuation_refused(models::Error::ResourceNotFound);
  rows.ordinary.reset();
  return verdict;
}

Verdict evacuate_running(const ProcessState& state,
                         const models::EvacuateRunningActualLRPRequest& request,
                         const Moment& moment) {
  const int32_t index = request.actual_lrp_key().index();
  const auto& instance = request.actual_lrp_instance_key();
  Verdict verdict = kept(state, true);
  IndexRows& rows = verdict.after.indexes[index];
  const bool ours = held_by(rows.ordinary, instance);
  const bool settled = !rows.ordinary || rows.ordinary->state() == cf::kCrashed ||
                       (!ours && rows.ordinary->state() == cf::kRunning);
  if (settled) {
    if (held_by(rows.evacuating, instance)) rows.evacuating.reset();
    verdict.keep_container = false;
    return verdict;
  }
  if (ours) {
    const bool recreated = state.scheduling &&
                           state.scheduling->update_strategy() == models::DesiredLRP::RECREATE &&
                           rows.ordinary->state() == cf::kRunning;
    if (recreated) return recreate(state, index, moment);
    rows.evacuating = evacuating_row(*rows.ordinary, request, moment);
    rows.ordinary = unclaimed_row(rows.ordinary->actual_lrp_key(), moment);
    verdict.auction.push_back(index);
    return verdict;
  }
  if (held_by(rows.suspect, instance)) {  // its replacement was asked for already
    rows.evacuating = evacuating_row(*rows.suspect, request, moment);
    rows.suspect.reset();
    return verdict;
  }
  if (rows.evacuating && !held_by(rows.evacuating, instance)) {
    verdict.keep_container = false;
    return verdict;
  }
  if (!rows.evacuating) {
    rows.evacuating = unclaimed_row(request.actual_lrp_key(), moment);
    fill_evacuating(*rows.evacuating, request);
    return verdict;
  }
  const models::ActualLRP before = *rows.evacuating;
  fill_evacuating(*rows.evacuating, request);
  if (!same_message(before, *rows.evacuating)) {
    rows.evacuating->set_since(moment.now_ns);
    touch(*rows.evacuating);
  }
  return verdict;
}

Verdict remove_evacuating(const ProcessState& state,
                          const models::RemoveEvacuatingActualLRPRequest& request) {
  Verdict verdict = kept(state, false);
  auto& row = verdict.after.indexes[request.actual_lrp_key().index()].evacuating;
  if (!held_by(row, request.actual_lrp_instance_key()))
    return evacuation_refused(models::Error::ResourceNotFound);
  row.reset();
  return verdict;
}

}  // namespace causeway::bbs
