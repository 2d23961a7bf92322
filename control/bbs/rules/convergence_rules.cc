#include "control/bbs/rules/convergence_rules.h"

#include "cf/models/models.h"

namespace causeway::bbs {

namespace {

using converge::LrpStep;

bool is_about(const std::optional<models::ActualLRP>& row, const converge::LrpAction& action) {
  return row && same_instance(row->actual_lrp_instance_key(), action.instance);
}

bool is_held(const models::ActualLRP& row) {
  return row.state() == cf::kClaimed || row.state() == cf::kRunning;
}

void place(Verdict& verdict, int32_t index) {
  verdict.auction.push_back(index);
  verdict.rests_on_scheduling = true;
}

models::ActualLRPKey wanted_key(const models::DesiredLRP& scheduling, int32_t index) {
  models::ActualLRPKey key;
  key.set_process_guid(scheduling.process_guid());
  key.set_domain(scheduling.domain());
  key.set_index(index);
  return key;
}

// Steps about an index that is wanted.
void carry_out_wanted(Verdict& verdict, IndexRows& rows, const converge::LrpAction& action,
                      const Moment& moment) {
  const bool held = is_about(rows.ordinary, action) && is_held(*rows.ordinary);
  switch (action.step) {
    case LrpStep::create:
      if (rows.ordinary) return;
      rows.ordinary = unclaimed_row(wanted_key(*verdict.after.scheduling, action.index), moment);
      return place(verdict, action.index);
    case LrpStep::auction_again:
      if (rows.ordinary && rows.ordinary->state() == cf::kUnclaimed) place(verdict, action.index);
      return;
    case LrpStep::suspect:
      if (!held || rows.suspect) return;
      rows.suspect = rows.ordinary;
      rows.suspect->set_presence(models::ActualLRP::SUSPECT);
      touch(*rows.suspect);
      rows.ordinary = unclaimed_row(rows.ordinary->actual_lrp_key(), moment);
      return place(verdict, action.index);
    case LrpStep::unclaim:
      if (!held) return;
      rows.ordinary = freed_row(*rows.ordinary, cf::kUnclaimed, moment);
      return place(verdict, action.index);
    case LrpStep::promote_suspect:
      if (!is_about(rows.suspect, action)) return;
      if (rows.ordinary && is_held(*rows.ordinary)) verdict.stop.push_back(*rows.ordinary);
      rows.ordinary = rows.suspect;
      rows.ordinary->set_presence(models::ActualLRP::ORDINARY);
      touch(*rows.ordinary);
      rows.suspect.reset();
      return;
    case LrpStep::restart:
      if (!rows.ordinary || rows.ordinary->state() != cf::kCrashed) return;
      rows.ordinary = freed_row(*rows.ordinary, cf::kUnclaimed, moment);
      return place(verdict, action.index);
    case LrpStep::update_cell:
      if (held) verdict.update.push_back(*rows.ordinary);
      return;
    default:
      return;
  }
}

}  // namespace

Verdict carry_out(const ProcessState& state, const converge::LrpAction& action,
                  const Moment& moment) {
  Verdict verdict;
  verdict.after = state;
  IndexRows& rows = verdict.after.indexes[action.index];
  const bool wanted = state.scheduling && action.index < state.scheduling->instances();
  switch (action.step) {
    case LrpStep::retire:
      if (wanted || !is_about(rows.ordinary, action)) break;
      if (is_held(*rows.ordinary) && action.cell_present) {
        verdict.stop.push_back(*rows.ordinary);
      } else {
        rows.ordinary.reset();
        verdict.rests_on_scheduling = true;
      }
      break;
    case LrpStep::drop_suspect:
      if (is_about(rows.suspect, action)) rows.suspect.reset();
      break;
    case LrpStep::drop_evacuating:
      if (is_about(rows.evacuating, action)) rows.evacuating.reset();
      break;
    default:
      if (wanted) carry_out_wanted(verdict, rows, action, moment);
  }
  return verdict;
}

}  // namespace causeway::bbs
