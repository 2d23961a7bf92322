#pragma once

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/converge/converge.h"
#include "control/store/store.h"

namespace causeway::bbs {

// Is a process as it shall be: all its instances running, each on a cell that is there, with the
// internal routes and metric tags of its desired LRP? That is what a pass finds nearly always, so
// it is answered from the rows' bytes. A value that is used for one process after the other.
// Thread: any one.
class Settled {
 public:
  // If not, or if that takes a closer look: converge::converge_process() tells what is to be done.
  // `scheduling` is the desired LRP of these rows.
  bool is(const models::DesiredLRP& scheduling, const std::vector<store::SlotRow>& rows,
          const converge::World& world);

 private:
  using Tag = std::pair<std::string_view, std::string_view>;
  // What an instance row says, pointing into it.
  struct Found {
    std::string_view state, cell_id, instance_guid;
    int32_t index = 0;
    bool is_ordinary = true;
  };

  bool look_into(std::string_view row, Found& found);
  bool is_settled(const store::SlotRow& row, const converge::World& world);
  bool has_wanted_tags(const Found& found) const;

  const models::DesiredLRP* scheduling_ = nullptr;
  std::vector<std::string> wanted_hostnames_;  // sorted
  std::vector<std::string_view> hostnames_;    // of the row in hand
  std::vector<Tag> tags_;
};

}  // namespace causeway::bbs
