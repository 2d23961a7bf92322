#pragma once

#include "control/bbs/rules/lrp_rules.h"
#include "desired_lrp_requests.pb.h"

// What happens to desired LRPs and, with them, to all their instances: pure functions.
namespace causeway::bbs {

// `state` holds all indexes and both parts.
Verdict desire(const ProcessState& state, const models::DesiredLRP& lrp, const Moment& moment);
Verdict update(const ProcessState& state, const models::DesiredLRPUpdate& update,
               const Moment& moment);
Verdict remove_desired(const ProcessState& state);

}  // namespace causeway::bbs
