#include "control/auctioneer/auction.h"

#include <algorithm>
#include <utility>

#include "cells.pb.h"
#include "net/loop.h"

namespace causeway::auctioneer {

namespace {

// Diego's: when no cell at all answers, the whole fetch is tried again.
constexpr int kFetchAttempts = 4;
constexpr Duration kFetchPause = std::chrono::milliseconds(250);
// The BBS is away: nothing can be decided, requests wait.
constexpr Duration kBbsPause = std::chrono::seconds(1);

std::vector<double> duration_bounds() {
  return {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
}

// The request id that all of it comes of; of several, none.
std::string common_trace(const place::Placement::CellWork& work) {
  const std::string& trace =
      work.lrps.empty() ? work.tasks.front().trace_id : work.lrps.front().trace_id;
  const auto is_same = [&trace](const auto& demand) { return demand.trace_id == trace; };
  const bool is_one = std::all_of(work.lrps.begin(), work.lrps.end(), is_same) &&
                      std::all_of(work.tasks.begin(), work.tasks.end(), is_same);
  return is_one ? trace : "";
}

log::Field request_id(const std::string& trace_id) {
  return log::Field::optional("request_id", trace_id);
}

cf::Work work_of(const place::Placement::CellWork& work, const std::string& cell_id) {
  cf::Work message{.cell_id = cell_id, .trace_id = common_trace(work)};
  for (const place::LrpDemand& lrp : work.lrps) {
    message.lrps.push_back({.process_guid = lrp.process_guid,
                            .index = lrp.index,
                            .domain = lrp.domain,
                            .demand = lrp.demand});
  }
  for (const place::TaskDemand& task : work.tasks) {
    message.tasks.push_back({.task_guid = task.task_guid,
                             .domain = task.domain,
                             .demand = task.demand,
                             .state = "Pending"});
  }
  return message;
}

}  // namespace

Metrics::Metrics(metrics::Registry& registry)
    : lrp_auctions_started(
          registry.counter("AuctioneerLRPAuctionsStarted", "Instances given to a cell.")),
      lrp_auctions_failed(
          registry.counter("AuctioneerLRPAuctionsFailed", "Instances that found no cell.")),
      task_auctions_started(
          registry.counter("AuctioneerTaskAuctionsStarted", "Tasks given to a cell.")),
      task_auctions_failed(
          registry.counter("AuctioneerTaskAuctionsFailed", "Tasks that found no cell.")),
      failed_cell_state_requests(registry.counter("AuctioneerFailedCellStateRequests",
                                                  "Cells that did not tell their state.")),
      fetch_states_duration(registry.histogram("AuctioneerFetchStatesDuration",
                                               "Seconds to get the states of all cells.",
                                               duration_bounds())),
      lock_held(registry.gauge("LockHeld", "1 while this process may auction.")) {}

Auction::Auction(AuctionTools tools, std::function<void()> on_done)
    : tools_(tools),
      logger_(tools.logger.session("auction")),
      on_done_(std::move(on_done)),
      pause_(tools.loop) {
  if (tools_.roster.may_be_used(tools_.loop.now())) {
    pause_.once(tools_.roster.gathering_time(), [this] { decide(); });
  } else {
    fetch_cells();
  }
}

void Auction::fetch_cells() {
  logger_.debug("fetching-cell-reps");
  tools_.bbs.cells([this](Result<models::CellsResponse, diego::BbsError> answer) {
    if (!answer) {
      logger_.error("failed-to-fetch-cell-reps", answer.error().cause);
      pause_.once(kBbsPause, [this] { fetch_cells(); });
      return;
    }
    cells_.clear();
    for (const models::CellPresence& cell : answer->cells()) {
      cells_.push_back(
          {cell.cell_id(), cell.rep_url().empty() ? cell.rep_address() : cell.rep_url()});
    }
    logger_.debug("fetched-cell-reps", {{"cell-reps-count", cells_.size()}});
    fetch_states();
  });
}

void Auction::fetch_states() {
  ++attempts_;
  answers_ = 0;
  states_.clear();
  fetch_began_ = tools_.loop.now();
  parallel_ = std::make_unique<Parallel>(
      cells_.size(), tools_.cells_at_once,
      [this](size_t cell) {
        tools_.reps.brief(cells_[cell].rep_url, [this, cell](Result<cf::CellBrief> state) {
          state_came(cell, std::move(state));
        });
      },
      [this] { states_are_complete(); });
  parallel_->go();
}

void Auction::state_came(size_t index, Result<cf::CellBrief> state) {
  const Cell& cell = cells_[index];
  if (!state) {
    tools_.metrics.failed_cell_state_requests.add();
    logger_.error("failed-to-get-state", state.error(), {{"cell-guid", cell.id}});
  } else if (!state->facts.cell_id.empty() && state->facts.cell_id != cell.id) {
    logger_.error("cell-id-mismatch", {{"cell-guid", cell.id}, {"answered", state->facts.cell_id}});
  } else {
    ++answers_;
    state->facts.cell_id = cell.id;  // older reps do not name themselves
    if (state->facts.is_evacuating) {
      logger_.info("ignored-evacuating-cell", {{"cell-guid", cell.id}});
    } else {
      states_.push_back({std::move(*state), cell.rep_url});
    }
  }
  parallel_->finished();
}

void Auction::states_are_complete() {
  const std::chrono::duration<double> took = tools_.loop.now() - fetch_began_;
  tools_.metrics.fetch_states_duration.observe(took.count());
  if (!cells_.empty() && answers_ == 0 && attempts_ < kFetchAttempts) {
    logger_.info("no-cell-answered", {{"attempt", attempts_}});
    // The BBS is asked again too: a cell may have come back elsewhere.
    pause_.once(kFetchPause, [this] { fetch_cells(); });
    return;
  }
  asked_ = true;
  tools_.roster.set(std::move(states_), fetch_began_, tools_.loop.now());
  decide();
}

void Auction::decide() {
  auto lrps = tools_.inbox.take_lrps();
  auto tasks = tools_.inbox.take_tasks();
  logger_.info("fetched-auctions",
               {{"lrp-start-auctions", lrps.size()}, {"task-auctions", tasks.size()}});
  has_lost_ = false;
  commit(tools_.roster.place(std::move(lrps), std::move(tasks), tools_.rules));
}

void Auction::commit(place::Placement placement) {
  lose(std::move(placement.failed_lrps), std::move(placement.failed_tasks));
  works_ = std::move(placement.works);
  parallel_ = std::make_unique<Parallel>(
      works_.size(), tools_.cells_at_once, [this](size_t work) { hand_out(work); },
      [this] { all_handed_out(); });
  parallel_->go();
}

void Auction::all_handed_out() {
  if (has_lost_) {
    // From a turn of its own: what ran this is replaced there.
    return pause_.once(Duration::zero(), [this] { fetch_cells(); });
  }
  logger_.debug("done");
  const std::function<void()> on_done = std::move(on_done_);
  on_done();
}

void Auction::hand_out(size_t index) {
  const place::Placement::CellWork& work = works_[index];
  for (const place::LrpDemand& lrp : work.lrps) {
    logger_.info("lrp-added-to-cell", {{"process-guid", lrp.process_guid},
                                       {"index", lrp.index},
                                       {"cell-guid", tools_.roster.cell_id(work.cell)},
                                       request_id(lrp.trace_id)});
  }
  for (const place::TaskDemand& task : work.tasks) {
    logger_.info("task-added-to-cell", {{"task-guid", task.task_guid},
                                        {"cell-guid", tools_.roster.cell_id(work.cell)},
                                        request_id(task.trace_id)});
  }
  tools_.reps.perform(
      tools_.roster.rep_url(work.cell), work_of(work, tools_.roster.cell_id(work.cell)),
      [this, index](Result<cf::Work> refused) { handed_out(index, std::move(refused)); });
}

void Auction::handed_out(size_t index, Result<cf::Work> refused) {
  place::Placement::CellWork& work = works_[index];
  if (!refused) {
    tools_.roster.forget();
    logger_.error("failed-to-commit-work", refused.error(),
                  {{"cell-guid", tools_.roster.cell_id(work.cell)}});
    // It may have been taken in part: nothing is tried again here, convergence finds out. Unless
    // it was never sent, to a cell that is only remembered.
    if (!asked_ && refused.error().retry == Retry::always) {
      put_back(std::move(work));
    } else {
      count_started(work.lrps.size(), work.tasks.size());
    }
  } else if (!refused->lrps.empty() || !refused->tasks.empty()) {
    tools_.roster.forget();
    std::vector<place::LrpFailure> lrps;
    std::vector<place::TaskFailure> tasks;
    const size_t given_lrps = work.lrps.size(), given_tasks = work.tasks.size();
    for (place::LrpDemand& lrp : work.lrps) {
      const bool is_refused =
          std::any_of(refused->lrps.begin(), refused->lrps.end(), [&](const cf::LrpWork& one) {
            return one.process_guid == lrp.process_guid && one.index == lrp.index;
          });
      if (is_refused) lrps.push_back({std::move(lrp), std::string(place::kInsufficient)});
    }
    for (place::TaskDemand& task : work.tasks) {
      const bool is_refused =
          std::any_of(refused->tasks.begin(), refused->tasks.end(),
                      [&](const cf::TaskWork& one) { return one.task_guid == task.task_guid; });
      if (is_refused) tasks.push_back({std::move(task), std::string(place::kInsufficient)});
    }
    count_started(given_lrps - lrps.size(), given_tasks - tasks.size());
    lose(std::move(lrps), std::move(tasks));
  } else {
    count_started(work.lrps.size(), work.tasks.size());
  }
  parallel_->finished();
}

// What a cell may have taken, as far as we were told.
void Auction::count_started(size_t lrps, size_t tasks) {
  tools_.metrics.lrp_auctions_started.add(lrps);
  tools_.metrics.task_auctions_started.add(tasks);
}

// Only a round that asked the cells itself may say that there is no place.
void Auction::lose(std::vector<place::LrpFailure> lrps, std::vector<place::TaskFailure> tasks) {
  if (asked_) return report(std::move(lrps), std::move(tasks));
  has_lost_ |= !lrps.empty() || !tasks.empty();
  for (place::LrpFailure& failure : lrps) tools_.inbox.put_back(std::move(failure.demand));
  for (place::TaskFailure& failure : tasks) tools_.inbox.put_back(std::move(failure.demand));
}

void Auction::put_back(place::Placement::CellWork work) {
  has_lost_ = true;
  for (place::LrpDemand& lrp : work.lrps) tools_.inbox.put_back(std::move(lrp));
  for (place::TaskDemand& task : work.tasks) tools_.inbox.put_back(std::move(task));
}

void Auction::report(std::vector<place::LrpFailure> lrps, std::vector<place::TaskFailure> tasks) {
  tools_.metrics.lrp_auctions_failed.add(lrps.size());
  tools_.metrics.task_auctions_failed.add(tasks.size());
  for (place::LrpFailure& failure : lrps) {
    logger_.info("lrp-auction-failed", {{"process-guid", failure.demand.process_guid},
                                        {"index", failure.demand.index},
                                        {"reason", failure.reason},
                                        request_id(failure.demand.trace_id)});
    tools_.reports.add(std::move(failure));
  }
  for (place::TaskFailure& failure : tasks) {
    logger_.info("task-auction-failed", {{"task-guid", failure.demand.task_guid},
                                         {"reason", failure.reason},
                                         request_id(failure.demand.trace_id)});
    tools_.reports.add(std::move(failure));
  }
}

}  // namespace causeway::auctioneer
