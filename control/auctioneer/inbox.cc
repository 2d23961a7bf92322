#include "control/auctioneer/inbox.h"

namespace causeway::auctioneer {

bool Inbox::add(const std::vector<cf::LrpStartRequest>& requests) {
  size_t count = 0;
  for (const cf::LrpStartRequest& request : requests) count += request.indices.size();
  if (size() + count > kEntriesMax) return false;
  for (const cf::LrpStartRequest& request : requests) {
    for (const int32_t index : request.indices) {
      lrps_[{request.process_guid, index}] = {.process_guid = request.process_guid,
                                              .index = index,
                                              .domain = request.domain,
                                              .demand = request.demand,
                                              .trace_id = request.trace_id};
    }
  }
  return true;
}

bool Inbox::add(const std::vector<cf::TaskStartRequest>& requests) {
  if (size() + requests.size() > kEntriesMax) return false;
  for (const cf::TaskStartRequest& request : requests) {
    tasks_[request.task_guid] = {.task_guid = request.task_guid,
                                 .domain = request.domain,
                                 .demand = request.demand,
                                 .trace_id = request.trace_id};
  }
  return true;
}

void Inbox::put_back(place::LrpDemand lrp) {
  std::pair key{lrp.process_guid, lrp.index};
  lrps_.try_emplace(std::move(key), std::move(lrp));
}

void Inbox::put_back(place::TaskDemand task) {
  std::string guid = task.task_guid;
  tasks_.try_emplace(std::move(guid), std::move(task));
}

std::vector<place::LrpDemand> Inbox::take_lrps() {
  std::vector<place::LrpDemand> taken;
  taken.reserve(lrps_.size());
  for (auto& [key, lrp] : lrps_) taken.push_back(std::move(lrp));
  lrps_.clear();
  return taken;
}

std::vector<place::TaskDemand> Inbox::take_tasks() {
  std::vector<place::TaskDemand> taken;
  taken.reserve(tasks_.size());
  for (auto& [key, task] : tasks_) taken.push_back(std::move(task));
  tasks_.clear();
  return taken;
}

}  // namespace causeway::auctioneer
