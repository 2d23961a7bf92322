// What holds of every pass, whatever it meets: the finding part and the doing part, one after the
// other, over random states.
#include <string>

#include <gtest/gtest.h>

#include "base/rng.h"
#include "cf/models/models.h"
#include "control/bbs/rules/convergence_rules.h"
#include "control/bbs/rules/refusal.h"

namespace causeway::bbs {
namespace {

using converge::LrpStep;

constexpr int64_t pass_now_ns = 1'000'000'000'000'000;
constexpr int32_t pass_indexes = 4;

std::optional<models::ActualLRP> random_row(Rng& rng, int32_t index, Presence presence) {
  if (rng.below(3) == 0) return std::nullopt;
  models::ActualLRP row;
  row.mutable_actual_lrp_key()->set_process_guid("p");
  row.mutable_actual_lrp_key()->set_domain("d");
  row.mutable_actual_lrp_key()->set_index(index);
  row.set_presence(presence);
  constexpr std::string_view states[] = {cf::kRunning, cf::kClaimed, cf::kUnclaimed, cf::kCrashed};
  row.set_state(std::string(states[rng.below(presence == models::ActualLRP::ORDINARY ? 4 : 2)]));
  row.set_since(pass_now_ns - static_cast<int64_t>(rng.below(3000)) * 1'000'000'000);
  row.set_crash_count(static_cast<int32_t>(rng.below(7)));
  if (row.state() == cf::kRunning || row.state() == cf::kClaimed) {
    row.mutable_actual_lrp_instance_key()->set_instance_guid(std::to_string(index) + "-" +
                                                             std::to_string(presence));
    row.mutable_actual_lrp_instance_key()->set_cell_id("cell-" + std::to_string(rng.below(3)));
  }
  return row;
}

ProcessState random_state(Rng& rng) {
  ProcessState state;
  if (rng.below(4) > 0) {
    auto& scheduling = state.scheduling.emplace();
    scheduling.set_process_guid("p");
    scheduling.set_domain("d");
    scheduling.set_instances(static_cast<int32_t>(rng.below(pass_indexes)));
  }
  for (int32_t index = 0; index < pass_indexes; ++index) {
    IndexRows& rows = state.indexes[index];
    for (const Presence presence : kPresences) rows.of(presence) = random_row(rng, index, presence);
  }
  return state;
}

// All rows, so that states can be compared.
std::string rows_text(const ProcessState& state) {
  std::string text;
  for (const auto& [index, rows] : state.indexes) {
    for (const Presence presence : kPresences) {
      if (const auto& row = rows.of(presence))
        text += slot_name(index, presence) + "=" + cf::encode(*row) + "\n";
    }
  }
  return text;
}

struct PassResult {
  ProcessState after;
  bool told_only = true;  // nothing but requests to the auctioneer and to cells that are there
};

PassResult one_pass(const ProcessState& before, const converge::World& world) {
  converge::ProcessView view;
  if (before.scheduling) view.scheduling = &*before.scheduling;
  for (const auto& [index, rows] : before.indexes) {
    for (const Presence presence : kPresences)
      if (rows.of(presence)) view.rows.push_back(&*rows.of(presence));
  }
  converge::LrpCounts counts;
  PassResult result{.after = before};
  for (const auto& action : converge::converge_process(view, world, {}, counts)) {
    const Verdict verdict = carry_out(result.after, action, {pass_now_ns, "new"});
    EXPECT_FALSE(verdict.refusal);
    result.after = verdict.after;
    const bool tells = action.step == LrpStep::auction_again ||
                       action.step == LrpStep::update_cell ||
                       (action.step == LrpStep::retire && action.cell_present);
    result.told_only &= tells;
  }
  return result;
}

TEST(ConvergenceInvariants, hold_for_every_state) {
  const uint64_t seed = 20'262;
  Rng rng(seed);
  for (int round = 0; round < 5'000; ++round) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", round " + std::to_string(round));
    const ProcessState before = random_state(rng);
    converge::World world{.cells = {}, .fresh_domains = {}, .now_ns = pass_now_ns};
    for (const char* cell : {"cell-0", "cell-1", "cell-2"})
      if (rng.below(2) == 0) world.cells.insert(cell);
    const bool fresh = rng.below(2) == 0;
    if (fresh) world.fresh_domains.insert("d");
    const ProcessState after = one_pass(before, world).after;
    const int32_t wanted = before.scheduling ? before.scheduling->instances() : 0;

    for (int32_t index = 0; index < pass_indexes; ++index) {
      const IndexRows& was = before.indexes.at(index);
      const IndexRows& is = after.indexes.at(index);
      const auto present = [&](const std::optional<models::ActualLRP>& row) {
        return row && world.cells.contains(row->actual_lrp_instance_key().cell_id());
      };
      if (index < wanted) {
        EXPECT_TRUE(is.ordinary) << "what is wanted has a row, fresh or not";
        if (was.ordinary && was.ordinary->state() == cf::kRunning && present(was.ordinary)) {
          EXPECT_EQ(cf::encode(*is.ordinary), cf::encode(*was.ordinary))
              << "what runs is left alone";
          EXPECT_FALSE(is.suspect);
        }
        if (is.suspect) {
          EXPECT_FALSE(present(is.suspect)) << "it would have been promoted";
        }
      } else {
        EXPECT_FALSE(is.suspect) << "surplus";
        if (was.ordinary && (!fresh || present(was.ordinary))) {
          EXPECT_TRUE(is.ordinary) << "a domain that is not fresh is never shrunk";
        }
        EXPECT_TRUE(was.ordinary || !is.ordinary) << "what is not wanted is not made";
      }
      if (is.evacuating) {
        EXPECT_TRUE(present(is.evacuating));
      }
    }
    const PassResult again = one_pass(after, world);
    EXPECT_TRUE(again.told_only);
    EXPECT_EQ(rows_text(again.after), rows_text(after)) << "a second pass writes nothing";
  }
}

TEST(Refusals, have_the_messages_that_clients_print) {
  using models::Error;
  const std::pair<Error::Type, const char*> messages[] = {
      {Error::InvalidRequest, "the request received is invalid"},
      {Error::FailedToOpenEnvelope, "could not open envelope"},
      {Error::ResourceConflict, "the requested resource is in a conflicting state"},
      {Error::ResourceExists, "the requested resource already exists"},
      {Error::ResourceNotFound, "the requested resource could not be found"},
      {Error::ActualLRPCannotBeClaimed, "cannot claim actual LRP"},
      {Error::ActualLRPCannotBeStarted, "cannot start actual LRP"},
      {Error::ActualLRPCannotBeCrashed, "cannot crash actual LRP"},
      {Error::ActualLRPCannotBeFailed, "cannot fail actual LRP"},
      {Error::ActualLRPCannotBeRemoved, "cannot remove actual LRP"},
      {Error::ActualLRPCannotBeUnclaimed, "cannot unclaim actual LRP"},
      {Error::Deserialize, "could not deserialize record"},
      {Error::LockCollision, "lock already exists"},
  };
  for (const auto& [type, message] : messages) {
    const models::Error error = to_error(refuse(type));
    EXPECT_EQ(error.type(), type);
    EXPECT_EQ(error.message(), message);
  }
}

}  // namespace
}  // namespace causeway::bbs
