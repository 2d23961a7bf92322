#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cf/wire/cell_brief.h"
#include "control/place/place.h"

namespace causeway::auctioneer {

// The cells as they were when they were asked last, and what they were given since. Asking all of
// them takes time, so their answers are kept for ten times as long as they took to come, at most
// `kept_max`: rounds that follow each other closely share them. Nothing is refused for what is only
// remembered: who finds no place is looked at again with new answers. Owner: Auctioneer, lent to
// one Auction at a time. Thread: its loop's.
class Roster {
 public:
  struct Cell {
    cf::CellBrief brief;
    std::string rep_url;
  };

  explicit Roster(Duration kept_max) : kept_max_(kept_max) {}

  // Only cells that take work; in any order.
  void set(std::vector<Cell> cells, Instant asked, Instant answered);
  // Something in it has turned out wrong.
  void forget() { cells_are_known_ = false; }
  bool may_be_used(Instant now) const { return cells_are_known_ && now < good_until_; }

  // How long requests gather before a round on it: looking at all cells costs the same for one
  // instance as for a hundred. 50 ms with a thousand cells.
  Duration gathering_time() const {
    return std::chrono::microseconds(50) * static_cast<int64_t>(briefs_.size());
  }

  place::Placement place(std::vector<place::LrpDemand> lrps, std::vector<place::TaskDemand> tasks,
                         const place::Rules& rules);
  // As place() names it.
  const std::string& cell_id(size_t cell) const { return briefs_[cell].facts.cell_id; }
  const std::string& rep_url(size_t cell) const { return rep_urls_[cell]; }

 private:
  const Duration kept_max_;
  bool cells_are_known_ = false;
  Instant good_until_{};
  std::vector<cf::CellBrief> briefs_;  // by id, so that equal rounds end equally
  std::vector<std::string> rep_urls_;
};

}  // namespace causeway::auctioneer
