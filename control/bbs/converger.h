#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "control/bbs/cells.h"
#include "control/bbs/domains.h"
#include "control/bbs/ledger.h"
#include "control/converge/converge.h"
#include "net/timer.h"

namespace causeway::bbs {

// Goes through everything, finds what is wrong (control/converge) and has it put right: every
// `interval`, and soon after something happened that makes it likely (ADR 0010). Passes never
// overlap; a page is put right before the next one is read. Owner: main(). Thread: its loop's.
class Converger {
 public:
  struct Options {
    Duration interval = std::chrono::seconds(30);
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

  Converger(net::Loop& loop, store::Store& store, Ledger& ledger, Cells& cells, Domains& domains,
            Errands& errands, const Clock& clock, const log::Logger& logger, Options options);

  void start();
  // A pass as soon as possible, with every instance that waits for a place auctioned again.
  void soon(const char* reason);
  // Only that process, at once: one of its instances has gone.
  void look_at(const std::string& process_guid);

  const Counts& counts() const { return counts_; }
  bool is_running() const { return lrp_pass_.running || task_pass_.running; }

 private:
  // One run over a table: pages, then work of the page, then the next page.
  struct Pass {
    bool running = false;
    std::string after;
    bool last_page = false;
    std::deque<std::function<void(std::function<void()> done)>> work;
    size_t under_way = 0;
    Instant started{};
    Instant ended{};
  };

  void begin(const char* reason);
  void begin_with(converge::World world);
  void give_up(const char* what, const Error& error);
  void next_lrp_page();
  void next_task_page();
  void plan(const store::ProcessRows& rows, converge::LrpCounts& counts,
            std::deque<std::function<void(std::function<void()>)>>& work);
  void plan_task(const store::NamedRow& row);
  void pump(Pass& pass);
  void end(Pass& pass, const char* failure);
  void look_at_pending();

  store::Store& store_;
  Ledger& ledger_;
  Cells& cells_;
  Domains& domains_;
  Errands& errands_;
  const Clock& clock_;
  const log::Logger& logger_;
  const Options options_;
  net::Timer every_, soon_, look_;
  bool preparing_ = false;
  bool again_ = false;  // asked for while a pass was running
  bool place_all_ = true;
  bool failing_ = false;  // the last pass was given up; said once
  converge::World world_;
  converge::LrpLimits limits_;
  Pass lrp_pass_, task_pass_;
  converge::LrpCounts lrps_;
  Counts counts_, fresh_;
  std::set<std::string> look_at_;
};

}  // namespace causeway::bbs
