#include "control/place/order.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

namespace causeway::place {

Queue order(std::vector<LrpDemand> lrps, std::vector<TaskDemand> tasks) {
  std::stable_sort(lrps.begin(), lrps.end(), [](const LrpDemand& left, const LrpDemand& right) {
    return std::tuple(left.index, -int64_t{left.demand.memory_mb}) <
           std::tuple(right.index, -int64_t{right.demand.memory_mb});
  });
  std::stable_sort(tasks.begin(), tasks.end(), [](const TaskDemand& left, const TaskDemand& right) {
    return left.demand.memory_mb > right.demand.memory_mb;
  });
  const auto others =
      std::find_if(lrps.begin(), lrps.end(), [](const LrpDemand& lrp) { return lrp.index > 0; });
  Queue queue;
  queue.first_instances.assign(std::make_move_iterator(lrps.begin()),
                               std::make_move_iterator(others));
  queue.other_instances.assign(std::make_move_iterator(others),
                               std::make_move_iterator(lrps.end()));
  queue.tasks = std::move(tasks);
  return queue;
}

}  // namespace causeway::place
