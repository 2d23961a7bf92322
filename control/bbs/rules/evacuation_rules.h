#pragma once

#include "actual_lrp_requests.pb.h"
#include "control/bbs/rules/lrp_rules.h"

// How instances leave a cell that is being drained: at no time fewer of them are routable than
// before.
namespace causeway::bbs {

Verdict evacuate_claimed(const ProcessState& state,
                         const models::EvacuateClaimedActualLRPRequest& request,
                         const Moment& moment);
Verdict evacuate_crashed(const ProcessState& state,
                         const models::EvacuateCrashedActualLRPRequest& request,
                         const Moment& moment);
Verdict evacuate_stopped(const ProcessState& state,
                         const models::EvacuateStoppedActualLRPRequest& request);
// `state` holds all indexes and the scheduling part (its update strategy decides).
Verdict evacuate_running(const ProcessState& state,
                         const models::EvacuateRunningActualLRPRequest& request,
                         const Moment& moment);
Verdict remove_evacuating(const ProcessState& state,
                          const models::RemoveEvacuatingActualLRPRequest& request);

}  // namespace causeway::bbs
