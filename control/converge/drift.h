#pragma once

#include <map>
#include <string>
#include <vector>

#include "actual_lrp.pb.h"
#include "desired_lrp.pb.h"

namespace causeway::converge {

// Host names of the route "internal-router", in the order given.
std::vector<std::string> internal_hostnames(const models::ProtoRoutes& routes);
// A desired LRP's metric tags with index and instance guid filled in.
std::map<std::string, std::string> metric_tags_of(const models::DesiredLRP& scheduling,
                                                  const models::ActualLRP& instance);
// Does the instance run with other internal routes or metric tags than its desired LRP has now?
bool has_drifted(const models::DesiredLRP& scheduling, const models::ActualLRP& instance);

}  // namespace causeway::converge
