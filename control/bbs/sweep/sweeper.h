#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <set>
#include <string>

#include "base/clock.h"
#include "control/bbs/ledger/ledger.h"
#include "control/bbs/readers/cells.h"
#include "control/bbs/readers/domains.h"
#include "control/bbs/sweep/settled.h"
#include "control/converge/converge.h"

namespace causeway::bbs {

// One pass of convergence after the other, when it is told to: goes through everything page by
// page, finds what is wrong (control/converge) and has it put right; a page is put right before the
// next one is read. Knows no timers. Owner: Converger, or a simulation. Thread: its loop's.
class Sweeper {
 public:
  struct World {
    store::Store& store;
    Ledger& ledger;
    Cells& cells;
    Domains& domains;
    Errands& errands;
    const Clock& clock;
    const log::Logger& logger;
  };
  struct Options {
    size_t workers = 20;  // decisions under way
    converge::TaskLimits tasks;
  };
  struct Counts {
    uint64_t lrp_runs = 0, task_runs = 0, skipped = 0, tasks_pruned = 0, tasks_kicked = 0;
    Duration lrp_duration{}, task_duration{};
    converge::LrpCounts lrps;
    int64_t tasks_pending = 0, tasks_running = 0, tasks_completed = 0, tasks_resolving = 0;
    size_t cells = 0;
    Domains::Names fresh_domains;
  };
  struct Events {
    // Between two pages; `worked`: since the page before was asked for.
    std::function<void(Duration worked, std::function<void()> go_on)> rest;
    // `whole`: everything has been looked at.
    std::function<void(bool whole)> on_end;
    // Cells or domains could not be listed: nothing was done.
    std::function<void()> on_given_up;
  };

  Sweeper(const World& world, Options options, Events events)
      : to_(world), options_(options), events_(std::move(events)) {}
  Sweeper(const Sweeper&) = delete;
  Sweeper& operator=(const Sweeper&) = delete;

  // Which instances without a place are auctioned again: those that have waited for long; those
  // that found none, too, however short they have waited; all.
  enum class Again : uint8_t { stale, unplaced, all };
  // Not while a pass is running.
  void begin(Again again);
  bool is_running() const { return preparing_ || lrp_pass_.running || task_pass_.running; }

  const Counts& counts() const { return counts_; }
  Instant lrp_pass_ended() const { return lrp_pass_.ended; }

 private:
  using Work = std::function<void(std::function<void()> done)>;
  // One run over a table: pages, then work of the page, then the next page.
  struct Pass {
    bool running = false;
    std::string after;
    bool last_page = false;
    std::deque<Work> work;
    size_t under_way = 0;
    Instant started{};
    Instant page_began{};
    Instant ended{};
  };

  void begin_with(converge::World world);
  void give_up(const char* what, const Error& error);
  void next_page(Pass& pass);
  void next_lrp_page();
  void next_task_page();
  void plan(const store::ProcessRows& rows);
  bool is_settled(const store::ProcessRows& rows);
  void put_right(const std::string& process_guid, const converge::LrpAction& action);
  void plan_task(const store::NamedRow& row);
  void pump(Pass& pass);
  void end(Pass& pass, const char* failure);

  const World to_;
  const Options options_;
  const Events events_;
  bool preparing_ = false;
  bool failing_ = false;  // the last pass was given up; said once
  bool whole_ = true;     // neither half of this pass has broken off
  converge::World world_;
  converge::LrpLimits limits_;
  Pass lrp_pass_, task_pass_;
  converge::LrpCounts lrps_;
  Settled settled_;
  Counts counts_, fresh_;
};

}  // namespace causeway::bbs
