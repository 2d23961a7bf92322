#include "control/bbs/rules/lrp_rules.h"

#include <gtest/gtest.h>

#include "cf/models/models.h"
#include "control/bbs/rules/evacuation_rules.h"

namespace causeway::bbs {
namespace {

constexpr int64_t kNow = 1'000'000'000'000'000;
const Moment kMoment{kNow, "new-epoch"};

// "a" -> instance a on cell-a; "" -> nobody.
models::ActualLRPInstanceKey instance_of(const std::string& name) {
  models::ActualLRPInstanceKey key;
  if (name.empty()) return key;
  key.set_instance_guid(name);
  key.set_cell_id("cell-" + name);
  return key;
}

models::ActualLRPKey key_of_p0() {
  models::ActualLRPKey key;
  key.set_process_guid("p");
  key.set_domain("d");
  return key;
}

// "RUNNING a"
models::ActualLRP row_of(const std::string& text, Presence presence = models::ActualLRP::ORDINARY) {
  models::ActualLRP row;
  *row.mutable_actual_lrp_key() = key_of_p0();
  const size_t space = text.find(' ');
  row.set_state(text.substr(0, space));
  row.set_presence(presence);
  row.set_since(kNow - 60'000'000'000);
  row.mutable_modification_tag()->set_epoch("epoch");
  row.mutable_modification_tag()->set_index(7);
  cf::set_always_written(row);
  if (space != std::string::npos)
    *row.mutable_actual_lrp_instance_key() = instance_of(text.substr(space + 1));
  return row;
}

std::string text_of(const std::optional<models::ActualLRP>& row) {
  if (!row) return "-";
  const std::string& guid = row->actual_lrp_instance_key().instance_guid();
  return row->state() + (guid.empty() ? "" : " " + guid);
}

// Index 0 with these rows; "" for none.
ProcessState state_of(const std::string& ordinary, const std::string& suspect = "",
                      const std::string& evacuating = "") {
  ProcessState state;
  IndexRows& rows = state.indexes[0];
  if (!ordinary.empty()) rows.ordinary = row_of(ordinary);
  if (!suspect.empty()) rows.suspect = row_of(suspect, models::ActualLRP::SUSPECT);
  if (!evacuating.empty()) rows.evacuating = row_of(evacuating, models::ActualLRP::EVACUATING);
  return state;
}

// "ordinary | suspect | evacuating", or the error's message.
std::string outcome_of(const Verdict& verdict) {
  if (verdict.refusal) return verdict.refusal->message;
  const auto found = verdict.after.indexes.find(0);
  if (found == verdict.after.indexes.end()) return "- | - | -";
  const IndexRows& rows = found->second;
  return text_of(rows.ordinary) + " | " + text_of(rows.suspect) + " | " + text_of(rows.evacuating);
}

template <class Request>
Request request_for(const std::string& instance) {
  Request request;
  *request.mutable_actual_lrp_key() = key_of_p0();
  if constexpr (requires { request.mutable_actual_lrp_instance_key(); })
    *request.mutable_actual_lrp_instance_key() = instance_of(instance);
  if constexpr (requires { request.mutable_actual_lrp_net_info(); })
    request.mutable_actual_lrp_net_info()->set_address("10.0.0.1");
  return request;
}

Verdict claim_by(const ProcessState& state, const std::string& instance) {
  models::ClaimActualLRPRequest request;
  request.set_process_guid("p");
  *request.mutable_actual_lrp_instance_key() = instance_of(instance);
  return claim(state, request, kMoment);
}
Verdict start_by(const ProcessState& state, const std::string& instance) {
  return start(state, request_for<models::StartActualLRPRequest>(instance), kMoment);
}
Verdict crash_by(const ProcessState& state, const std::string& instance) {
  return crash(state, request_for<models::CrashActualLRPRequest>(instance), kMoment);
}
Verdict remove_by(const ProcessState& state, const std::string& instance) {
  models::RemoveActualLRPRequest request;
  request.set_process_guid("p");
  *request.mutable_actual_lrp_instance_key() = instance_of(instance);
  return remove(state, request, kMoment);
}

TEST(LrpRules, allowed_moves) {
  const struct {
    const char* from;
    const char* to;
    const char* by;
    bool allowed;
  } rows[] = {
      {"UNCLAIMED", "UNCLAIMED", "", true}, {"UNCLAIMED", "CLAIMED", "a", true},
      {"UNCLAIMED", "RUNNING", "a", true},  {"UNCLAIMED", "CRASHED", "a", false},
      {"CLAIMED a", "UNCLAIMED", "", true}, {"CLAIMED a", "UNCLAIMED", "a", false},
      {"CLAIMED a", "CLAIMED", "a", true},  {"CLAIMED a", "CLAIMED", "b", false},
      {"CLAIMED a", "RUNNING", "a", true},  {"CLAIMED a", "RUNNING", "b", true},
      {"CLAIMED a", "CRASHED", "a", true},  {"CLAIMED a", "CRASHED", "b", false},
      {"RUNNING a", "UNCLAIMED", "", true}, {"RUNNING a", "UNCLAIMED", "a", false},
      {"RUNNING a", "CLAIMED", "a", true},  {"RUNNING a", "CLAIMED", "b", false},
      {"RUNNING a", "RUNNING", "a", true},  {"RUNNING a", "RUNNING", "b", false},
      {"RUNNING a", "CRASHED", "a", true},  {"RUNNING a", "CRASHED", "b", false},
      {"CRASHED", "UNCLAIMED", "", true},   {"CRASHED", "CLAIMED", "a", false},
      {"CRASHED", "RUNNING", "a", false},   {"CRASHED", "CRASHED", "a", false},
      {"CRASHED a", "CLAIMED", "a", true},  {"CRASHED a", "RUNNING", "a", true},
      {"CRASHED a", "CRASHED", "a", false},
  };
  for (const auto& row : rows)
    EXPECT_EQ(may_become(row_of(row.from), row.to, instance_of(row.by)), row.allowed)
        << row.from << " -> " << row.to << " " << row.by;
}

TEST(LrpRules, claims) {
  const std::string no = "cannot claim actual LRP";
  EXPECT_EQ(outcome_of(claim_by(state_of("UNCLAIMED"), "a")), "CLAIMED a | - | -");
  EXPECT_EQ(outcome_of(claim_by(state_of("CLAIMED a"), "a")), "CLAIMED a | - | -");
  EXPECT_EQ(outcome_of(claim_by(state_of("CLAIMED a"), "b")), no);
  EXPECT_EQ(outcome_of(claim_by(state_of("RUNNING a"), "a")), "CLAIMED a | - | -");
  EXPECT_EQ(outcome_of(claim_by(state_of("RUNNING a"), "b")), no);
  EXPECT_EQ(outcome_of(claim_by(state_of("CRASHED"), "a")), no);
  EXPECT_EQ(outcome_of(claim_by(state_of(""), "a")), "the requested resource could not be found");
  EXPECT_EQ(outcome_of(claim_by(state_of("UNCLAIMED", "RUNNING s"), "s")),
            "UNCLAIMED | RUNNING s | -");
  EXPECT_EQ(outcome_of(claim_by(state_of("UNCLAIMED", "RUNNING s"), "a")),
            "CLAIMED a | RUNNING s | -");
  EXPECT_EQ(outcome_of(claim_by(state_of("UNCLAIMED", "", "RUNNING a"), "a")), "CLAIMED a | - | -");
}

TEST(LrpRules, a_claim_forgets_what_the_last_holder_left) {
  ProcessState state = state_of("UNCLAIMED");
  state.indexes[0].ordinary->set_placement_error("no room");
  state.indexes[0].ordinary->set_crash_count(2);
  const auto after = claim_by(state, "a").after.indexes.at(0).ordinary;
  EXPECT_EQ(after->placement_error(), "");
  EXPECT_EQ(after->crash_count(), 2);
  EXPECT_EQ(after->since(), kNow);
  EXPECT_EQ(after->modification_tag().epoch(), "epoch");
  EXPECT_EQ(after->modification_tag().index(), 8u);
}

TEST(LrpRules, starts) {
  const std::string no = "cannot start actual LRP";
  EXPECT_EQ(outcome_of(start_by(state_of(""), "a")), "RUNNING a | - | -");
  EXPECT_EQ(outcome_of(start_by(state_of("UNCLAIMED"), "a")), "RUNNING a | - | -");
  EXPECT_EQ(outcome_of(start_by(state_of("CLAIMED a"), "b")), "RUNNING b | - | -");
  EXPECT_EQ(outcome_of(start_by(state_of("RUNNING a"), "b")), no);
  EXPECT_EQ(outcome_of(start_by(state_of("CRASHED"), "a")), no);
  EXPECT_EQ(outcome_of(start_by(state_of("CLAIMED a", "RUNNING s", "RUNNING e"), "a")),
            "RUNNING a | - | -");
  EXPECT_EQ(outcome_of(start_by(state_of("CLAIMED a", "RUNNING s"), "s")),
            "CLAIMED a | RUNNING s | -");
  auto elsewhere = request_for<models::StartActualLRPRequest>("a");
  elsewhere.mutable_actual_lrp_key()->set_domain("other");
  EXPECT_EQ(outcome_of(start(state_of("UNCLAIMED"), elsewhere, kMoment)), no);
}

TEST(LrpRules, a_heart_beat_changes_nothing_and_a_new_fact_everything) {
  const ProcessState running = start_by(state_of("UNCLAIMED"), "a").after;
  const auto& row = *running.indexes.at(0).ordinary;
  EXPECT_TRUE(same_message(*start_by(running, "a").after.indexes.at(0).ordinary, row));
  auto request = request_for<models::StartActualLRPRequest>("a");
  request.set_routable(false);
  const Moment later{kNow + 5, "x"};
  const auto after = start(running, request, later).after.indexes.at(0).ordinary;
  EXPECT_FALSE(after->routable());
  EXPECT_EQ(after->since(), kNow + 5) << "as the original does";
  EXPECT_EQ(after->modification_tag().index(), row.modification_tag().index() + 1);
}

TEST(LrpRules, crashes) {
  const std::string no = "cannot crash actual LRP";
  EXPECT_EQ(outcome_of(crash_by(state_of("RUNNING a"), "a")), "UNCLAIMED | - | -");
  EXPECT_EQ(outcome_of(crash_by(state_of("CLAIMED a"), "a")), "UNCLAIMED | - | -");
  EXPECT_EQ(outcome_of(crash_by(state_of("RUNNING a"), "b")), no);
  EXPECT_EQ(outcome_of(crash_by(state_of("UNCLAIMED"), "a")), no);
  EXPECT_EQ(outcome_of(crash_by(state_of("CRASHED"), "a")), no);
  EXPECT_EQ(outcome_of(crash_by(state_of(""), "a")), "the requested resource could not be found");
  const Verdict suspect = crash_by(state_of("UNCLAIMED", "RUNNING s"), "s");
  EXPECT_EQ(outcome_of(suspect), "UNCLAIMED | - | -");
  EXPECT_TRUE(suspect.crashed.empty());
  EXPECT_TRUE(suspect.auction.empty());
}

TEST(LrpRules, a_crash_is_counted_and_reported_with_the_old_identity) {
  ProcessState state = state_of("RUNNING a");
  state.indexes[0].ordinary->set_crash_count(2);
  auto request = request_for<models::CrashActualLRPRequest>("a");
  request.set_error_message(std::string(5000, 'x'));
  Verdict verdict = crash(state, request, kMoment);
  EXPECT_EQ(outcome_of(verdict), "CRASHED | - | -");
  ASSERT_EQ(verdict.crashed.size(), 1u);
  EXPECT_EQ(verdict.crashed[0].actual_lrp_instance_key().instance_guid(), "a");
  EXPECT_EQ(verdict.crashed[0].crash_count(), 3);
  EXPECT_EQ(verdict.crashed[0].crash_reason().size(), 1024u);
  EXPECT_TRUE(verdict.crashed[0].crash_reason().ends_with("x(truncated)"));
  EXPECT_TRUE(verdict.auction.empty());
  state.indexes[0].ordinary->set_since(kNow - 301'000'000'000);
  verdict = crash(state, request, kMoment);
  EXPECT_EQ(verdict.after.indexes.at(0).ordinary->crash_count(), 1)
      << "it had run for more than five minutes";
  EXPECT_EQ(verdict.auction, std::vector<int32_t>{0});
}

TEST(LrpRules, fails_and_removals) {
  const auto request = request_for<models::FailActualLRPRequest>("");
  EXPECT_EQ(outcome_of(fail(state_of("UNCLAIMED"), request, kMoment)), "UNCLAIMED | - | -");
  EXPECT_EQ(outcome_of(fail(state_of("CLAIMED a"), request, kMoment)), "cannot fail actual LRP");
  EXPECT_EQ(outcome_of(fail(state_of(""), request, kMoment)), "- | - | -");
  const std::string missing = "the requested resource could not be found";
  EXPECT_EQ(outcome_of(remove_by(state_of("RUNNING a"), "a")), "- | - | -");
  EXPECT_EQ(outcome_of(remove_by(state_of("RUNNING a"), "b")), missing);
  EXPECT_EQ(outcome_of(remove_by(state_of(""), "b")), missing);
  EXPECT_EQ(outcome_of(remove_by(state_of("UNCLAIMED", "RUNNING s"), "s")), "UNCLAIMED | - | -");
}

TEST(LrpRules, what_a_cell_removed_begins_anew_where_it_is_wanted) {
  const auto removed = [](const std::string& row, int32_t instances, const std::string& domain) {
    ProcessState state = state_of(row);
    state.scheduling.emplace().set_instances(instances);
    state.scheduling->set_domain(domain);
    const Verdict verdict = remove_by(state, row.substr(row.find(' ') + 1));
    if (!verdict.auction.empty()) {
      EXPECT_TRUE(verdict.rests_on_scheduling);
      EXPECT_EQ(verdict.after.indexes.at(0).ordinary->modification_tag().epoch(), kMoment.epoch);
    }
    return outcome_of(verdict) + (verdict.auction.empty() ? "" : " placed");
  };
  EXPECT_EQ(removed("RUNNING a", 1, "d"), "UNCLAIMED | - | - placed");
  EXPECT_EQ(removed("CLAIMED a", 1, "d"), "UNCLAIMED | - | - placed");
  EXPECT_EQ(removed("RUNNING a", 0, "d"), "- | - | -") << "scaled down";
  EXPECT_EQ(removed("RUNNING a", 1, "other"), "- | - | -");
}

TEST(LrpRules, retirements) {
  const auto retired = [](const std::string& row, CellState cell) {
    const Verdict verdict = retire(state_of(row), key_of_p0(), cell);
    return outcome_of(verdict) + (verdict.stop.empty() ? "" : " stop");
  };
  EXPECT_EQ(retired("UNCLAIMED", CellState::unknown), "- | - | -");
  EXPECT_EQ(retired("CRASHED", CellState::unknown), "- | - | -");
  EXPECT_EQ(retired("RUNNING a", CellState::unknown), "RUNNING a | - | -");
  EXPECT_EQ(retired("RUNNING a", CellState::present), "RUNNING a | - | - stop");
  EXPECT_EQ(retired("CLAIMED a", CellState::absent), "- | - | -");
  EXPECT_EQ(retired("", CellState::absent), "the requested resource could not be found");
}

// "ordinary | suspect | evacuating", then "keep" and "place" if so.
std::string evacuated(const Verdict& verdict) {
  return outcome_of(verdict) + (verdict.keep_container ? " keep" : "") +
         (verdict.auction.empty() ? "" : " place");
}

TEST(EvacuationRules, claimed) {
  const auto by = [](const ProcessState& state, const char* instance) {
    return evacuated(evacuate_claimed(
        state, request_for<models::EvacuateClaimedActualLRPRequest>(instance), kMoment));
  };
  EXPECT_EQ(by(state_of("CLAIMED a"), "a"), "UNCLAIMED | - | - place");
  EXPECT_EQ(by(state_of("CLAIMED a", "RUNNING s", "RUNNING e"), "s"), "CLAIMED a | - | RUNNING e");
  EXPECT_EQ(by(state_of("CLAIMED a", "RUNNING s", "RUNNING e"), "e"), "CLAIMED a | RUNNING s | -");
  EXPECT_EQ(by(state_of("CLAIMED a"), "b"), "the requested resource could not be found");
}

TEST(EvacuationRules, crashed_and_stopped) {
  const auto crashed = request_for<models::EvacuateCrashedActualLRPRequest>("a");
  const Verdict verdict = evacuate_crashed(state_of("RUNNING a"), crashed, kMoment);
  EXPECT_EQ(evacuated(verdict), "UNCLAIMED | - | -") << "convergence places it";
  EXPECT_TRUE(verdict.crashed.empty());
  EXPECT_EQ(evacuated(evacuate_crashed(state_of("CLAIMED b", "", "RUNNING a"), crashed, kMoment)),
            "CLAIMED b | - | -");
  const auto stopped = request_for<models::EvacuateStoppedActualLRPRequest>("a");
  EXPECT_EQ(evacuated(evacuate_stopped(state_of("RUNNING a"), stopped)), "- | - | -");
  EXPECT_EQ(evacuated(evacuate_stopped(state_of("RUNNING b", "", "RUNNING a"), stopped)),
            "RUNNING b | - | -");
  EXPECT_EQ(evacuated(evacuate_stopped(state_of("RUNNING b"), stopped)),
            "the requested resource could not be found");
}

TEST(EvacuationRules, running) {
  const auto by_a = [](const ProcessState& state) {
    return evacuated(evacuate_running(
        state, request_for<models::EvacuateRunningActualLRPRequest>("a"), kMoment));
  };
  EXPECT_EQ(by_a(state_of("RUNNING a")), "UNCLAIMED | - | RUNNING a keep place");
  EXPECT_EQ(by_a(state_of("CLAIMED a")), "UNCLAIMED | - | RUNNING a keep place");
  EXPECT_EQ(by_a(state_of("RUNNING a", "", "RUNNING old")), "UNCLAIMED | - | RUNNING a keep place");
  EXPECT_EQ(by_a(state_of("UNCLAIMED", "RUNNING a")), "UNCLAIMED | - | RUNNING a keep");
  EXPECT_EQ(by_a(state_of("UNCLAIMED", "", "RUNNING a")), "UNCLAIMED | - | RUNNING a keep");
  EXPECT_EQ(by_a(state_of("CLAIMED b")), "CLAIMED b | - | RUNNING a keep")
      << "not known, but running";
  EXPECT_EQ(by_a(state_of("CLAIMED b", "", "RUNNING e")), "CLAIMED b | - | RUNNING e");
  EXPECT_EQ(by_a(state_of("RUNNING b", "", "RUNNING a")), "RUNNING b | - | -");
  EXPECT_EQ(by_a(state_of("CRASHED", "", "RUNNING a")), "CRASHED | - | -");
  EXPECT_EQ(by_a(state_of("", "", "RUNNING a")), "- | - | -");
  EXPECT_EQ(by_a(state_of("")), "- | - | -");
}

TEST(EvacuationRules, without_overlap_one_index_at_a_time) {
  ProcessState state = state_of("RUNNING a");
  state.scheduling.emplace().set_instances(2);
  state.scheduling->set_update_strategy(models::DesiredLRP::RECREATE);
  const auto request = request_for<models::EvacuateRunningActualLRPRequest>("a");
  EXPECT_EQ(evacuated(evacuate_running(state, request, kMoment)), "RUNNING a | - | - keep")
      << "index 1 does not run";
  state.indexes[1].ordinary = row_of("RUNNING b");
  const Verdict verdict = evacuate_running(state, request, kMoment);
  EXPECT_EQ(evacuated(verdict), "UNCLAIMED | - | - place");
  EXPECT_TRUE(verdict.rests_on_all_indexes);
}

TEST(EvacuationRules, removal) {
  const auto request = request_for<models::RemoveEvacuatingActualLRPRequest>("a");
  EXPECT_EQ(evacuated(remove_evacuating(state_of("RUNNING b", "", "RUNNING a"), request)),
            "RUNNING b | - | -");
  EXPECT_EQ(evacuated(remove_evacuating(state_of("RUNNING a"), request)),
            "the requested resource could not be found");
}

}  // namespace
}  // namespace causeway::bbs
