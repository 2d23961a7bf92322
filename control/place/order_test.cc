#include "control/place/order.h"

#include <gtest/gtest.h>

namespace causeway::place {
namespace {

LrpDemand lrp_of(const char* guid, int32_t index, int32_t memory_mb) {
  return {.process_guid = guid, .index = index, .demand = {.memory_mb = memory_mb}};
}

std::vector<std::string> names(const std::vector<LrpDemand>& lrps) {
  std::vector<std::string> result;
  for (const LrpDemand& lrp : lrps)
    result.push_back(lrp.process_guid + "." + std::to_string(lrp.index));
  return result;
}

TEST(PlaceOrder, first_instances_then_tasks_then_the_rest) {
  const Queue queue = order({lrp_of("small", 1, 10), lrp_of("small", 0, 10), lrp_of("big", 2, 99),
                             lrp_of("big", 0, 99), lrp_of("big", 1, 99), lrp_of("even", 0, 99)},
                            {{.task_guid = "little", .demand = {.memory_mb = 1}},
                             {.task_guid = "large", .demand = {.memory_mb = 5}},
                             {.task_guid = "last", .demand = {.memory_mb = 1}}});
  EXPECT_EQ(names(queue.first_instances), (std::vector<std::string>{"big.0", "even.0", "small.0"}));
  EXPECT_EQ(names(queue.other_instances), (std::vector<std::string>{"big.1", "small.1", "big.2"}));
  ASSERT_EQ(queue.tasks.size(), 3u);
  EXPECT_EQ(queue.tasks[0].task_guid, "large");
  EXPECT_EQ(queue.tasks[1].task_guid, "little");
  EXPECT_EQ(queue.tasks[2].task_guid, "last");
}

TEST(PlaceOrder, nothing_is_fine) {
  const Queue queue = order({}, {});
  EXPECT_TRUE(queue.first_instances.empty() && queue.tasks.empty() &&
              queue.other_instances.empty());
}

}  // namespace
}  // namespace causeway::place
