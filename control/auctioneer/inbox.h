#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cf/wire/auctioneer_messages.h"
#include "control/place/place.h"

namespace causeway::auctioneer {

// What waits for the next round. Asked twice, an instance or task waits once, with what was asked
// last. Owner: Auctioneer.
class Inbox {
 public:
  // Entries that may wait. Far above what a foundation runs; a bound all the same.
  static constexpr size_t kEntriesMax = 1'000'000;

  // False, and nothing is added, when they would not fit.
  [[nodiscard]] bool add(const std::vector<cf::LrpStartRequest>& requests);
  [[nodiscard]] bool add(const std::vector<cf::TaskStartRequest>& requests);
  // What was taken and has found no place; what was asked meanwhile knows better.
  void put_back(place::LrpDemand lrp);
  void put_back(place::TaskDemand task);
  bool empty() const { return lrps_.empty() && tasks_.empty(); }
  size_t size() const { return lrps_.size() + tasks_.size(); }

  // Hands out everything and is empty.
  std::vector<place::LrpDemand> take_lrps();
  std::vector<place::TaskDemand> take_tasks();

 private:
  std::map<std::pair<std::string, int32_t>, place::LrpDemand> lrps_;  // by process guid and index
  std::map<std::string, place::TaskDemand> tasks_;                    // by guid
};

}  // namespace causeway::auctioneer
