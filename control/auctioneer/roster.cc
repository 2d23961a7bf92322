#include "control/auctioneer/roster.h"

#include <algorithm>
#include <utility>

namespace causeway::auctioneer {

namespace {

// At most a tenth of the time is spent asking, however many cells there are.
constexpr int kKeptPerAsked = 10;

}  // namespace

void Roster::set(std::vector<Cell> cells, Instant asked, Instant answered) {
  std::sort(cells.begin(), cells.end(), [](const Cell& left, const Cell& right) {
    return left.brief.facts.cell_id < right.brief.facts.cell_id;
  });
  briefs_.clear();
  rep_urls_.clear();
  for (Cell& cell : cells) {
    briefs_.push_back(std::move(cell.brief));
    rep_urls_.push_back(std::move(cell.rep_url));
  }
  cells_are_known_ = true;
  good_until_ = answered + std::min(kept_max_, kKeptPerAsked * (answered - asked));
}

place::Placement Roster::place(std::vector<place::LrpDemand> lrps,
                               std::vector<place::TaskDemand> tasks, const place::Rules& rules) {
  auto placement = place::place(briefs_, std::move(lrps), std::move(tasks), rules);
  for (const auto& work : placement.works) place::take_up(briefs_[work.cell], work);
  return placement;
}

}  // namespace causeway::auctioneer
