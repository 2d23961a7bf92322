#pragma once

#include <vector>

#include "control/place/place.h"

namespace causeway::place {

// The order in which a round places: instances 0, by memory descending; tasks, by memory
// descending; then the other instances by index, then memory descending. So every app gets its
// first instance before any gets its second. What is equal keeps its order.
struct Queue {
  std::vector<LrpDemand> first_instances;
  std::vector<TaskDemand> tasks;
  std::vector<LrpDemand> other_instances;
};
Queue order(std::vector<LrpDemand> lrps, std::vector<TaskDemand> tasks);

}  // namespace causeway::place
