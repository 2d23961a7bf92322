#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actual_lrp_requests.pb.h"
#include "control/bbs/rows/rows.h"
#include "control/bbs/rules/refusal.h"
#include "events.pb.h"

// What happens to instances: pure functions from rows as they are to rows as they shall be.
namespace causeway::bbs {

// When a decision is taken, and the epoch that rows created by it get.
struct Moment {
  int64_t now_ns = 0;
  std::string epoch;
};

// What a rule decided about a process. With a refusal nothing else counts.
struct Verdict {
  std::optional<Refusal> refusal;
  ProcessState after;
  // The decision holds only if the scheduling part is still as it was read (changed parts are
  // always checked).
  bool rests_on_scheduling = false;
  // The same for all instances, not only for those of the indexes that change.
  bool rests_on_all_indexes = false;
  std::vector<models::ActualLRPCrashedEvent> crashed;
  std::vector<int32_t> auction;         // indexes to be placed
  std::vector<models::ActualLRP> stop;  // their cells are told to stop them
  std::vector<models::ActualLRP>
      update;                   // their cells are told the new internal routes and metric tags
  bool keep_container = false;  // evacuation only
};

// Decides about one process. Called again with newer rows when somebody else was faster.
using Rule = std::function<Verdict(const ProcessState&, const Moment&)>;

bool same_instance(const models::ActualLRPInstanceKey& left,
                   const models::ActualLRPInstanceKey& right);
bool has_instance(const models::ActualLRP& row);

// The table of section "allowed moves": may `row` become `state` held by `instance`?
bool may_become(const models::ActualLRP& row, std::string_view state,
                const models::ActualLRPInstanceKey& instance);

// A new row, UNCLAIMED.
models::ActualLRP unclaimed_row(const models::ActualLRPKey& key, const Moment& moment);
// `row` as it is when nobody holds it any more; crash count and reason stay.
models::ActualLRP freed_row(const models::ActualLRP& row, std::string_view state,
                            const Moment& moment);
// The modification tag's next value.
void touch(models::ActualLRP& row);

// One call each. `index` is the request's; `state` holds that index only (crash: the scheduling
// part too).
Verdict claim(const ProcessState& state, const models::ClaimActualLRPRequest& request,
              const Moment& moment);
Verdict start(const ProcessState& state, const models::StartActualLRPRequest& request,
              const Moment& moment);
Verdict crash(const ProcessState& state, const models::CrashActualLRPRequest& request,
              const Moment& moment);
Verdict fail(const ProcessState& state, const models::FailActualLRPRequest& request,
             const Moment& moment);
// Looks at the scheduling part too: what is wanted still begins anew in the same step.
Verdict remove(const ProcessState& state, const models::RemoveActualLRPRequest& request,
               const Moment& moment);

// Is the cell of the instance there? `unknown` when nobody looked yet.
enum class CellState : uint8_t { unknown, present, absent };
// Gone if nobody holds it or its cell is absent; else the cell is told (`present`), or nothing yet
// (`unknown`).
Verdict retire(const ProcessState& state, const models::ActualLRPKey& key, CellState cell);

}  // namespace causeway::bbs
