#pragma once

#include "control/bbs/rules/lrp_rules.h"
#include "control/converge/converge.h"

namespace causeway::bbs {

// Carries out what convergence found, on rows that may be newer: what does not fit any more is left
// alone. `state` holds the action's index and the scheduling part. Pure.
Verdict carry_out(const ProcessState& state, const converge::LrpAction& action,
                  const Moment& moment);

}  // namespace causeway::bbs
