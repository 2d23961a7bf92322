#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "control/auctioneer/failure_reports.h"
#include "control/auctioneer/inbox.h"
#include "control/auctioneer/parallel.h"
#include "control/auctioneer/roster.h"
#include "control/place/place.h"
#include "diego/bbs_client.h"
#include "diego/rep_client.h"
#include "log/logger.h"
#include "metrics/registry.h"
#include "net/timer.h"

namespace causeway::net {
class Loop;
}

namespace causeway::auctioneer {

// The numbers dashboards know (diego.md section 24).
struct Metrics {
  explicit Metrics(metrics::Registry& registry);

  metrics::Counter& lrp_auctions_started;
  metrics::Counter& lrp_auctions_failed;
  metrics::Counter& task_auctions_started;
  metrics::Counter& task_auctions_failed;
  metrics::Counter& failed_cell_state_requests;
  metrics::Histogram& fetch_states_duration;
  metrics::Gauge& lock_held;
};

// What rounds share. Owner: Auctioneer.
struct AuctionTools {
  net::Loop& loop;
  const log::Logger& logger;
  Metrics& metrics;
  const place::Rules& rules;
  size_t cells_at_once;
  Inbox& inbox;
  Roster& roster;
  diego::BbsClient& bbs;
  diego::RepClient& reps;
  FailureReports& reports;
};

// One round: cells from the BBS, their states, everything that waits in the inbox placed, the
// winners handed out, the losers reported. While the roster may be used the round begins with
// placing; then who loses is not reported but placed again after all cells were asked. Owner:
// Auctioneer. Thread: its loop's. Ends with on_done, its last act.
class Auction {
 public:
  Auction(AuctionTools tools, std::function<void()> on_done);
  Auction(const Auction&) = delete;
  Auction& operator=(const Auction&) = delete;

 private:
  struct Cell {
    std::string id;
    std::string rep_url;
  };

  void fetch_cells();
  void fetch_states();
  void state_came(size_t cell, Result<cf::CellBrief> state);
  void states_are_complete();
  void decide();
  void commit(place::Placement placement);
  void all_handed_out();
  void hand_out(size_t work);
  void handed_out(size_t work, Result<cf::Work> refused);
  void count_started(size_t lrps, size_t tasks);
  void lose(std::vector<place::LrpFailure> lrps, std::vector<place::TaskFailure> tasks);
  void put_back(place::Placement::CellWork work);
  void report(std::vector<place::LrpFailure> lrps, std::vector<place::TaskFailure> tasks);

  AuctionTools tools_;
  const log::Logger logger_;
  std::function<void()> on_done_;
  net::Timer pause_;
  int attempts_ = 0;
  Instant fetch_began_{};
  std::vector<Cell> cells_;
  std::vector<Roster::Cell> states_;  // of the cells that take work
  size_t answers_ = 0;                // cells that answered, with work or not
  bool asked_ = false;                // the roster is of this round
  bool has_lost_ = false;             // some are to be placed once more, with new answers
  std::vector<place::Placement::CellWork> works_;
  std::unique_ptr<Parallel> parallel_;  // states, then commits
};

}  // namespace causeway::auctioneer
