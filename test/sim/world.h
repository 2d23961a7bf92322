#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/rng.h"
#include "control/bbs/errands/outbox.h"
#include "control/place/place.h"
#include "test/sim/reader.h"
#include "test/sim/sim_bbs.h"
#include "test/sim/sim_cell.h"
#include "test/sim/sim_redis.h"
#include "test/sim/timeline.h"

namespace causeway::sim {

// What a run is made of. A value.
struct Scenario {
  uint64_t seed = 0;
  bool has_faults = true;
  bool keeps_rows = false;  // the leader reads from memory
  int cells = 4;
  int processes = 4;
  Duration troubled = std::chrono::seconds(120);  // clients act and things fail
  Duration healing = std::chrono::seconds(210);   // nothing does any more
  // The last part of it: a pass and a beat, in which nothing may change.
  Duration calm = std::chrono::seconds(32);
  bool tells = false;  // prints its story
};

// Everything there is in one run. Owner: the test.
class World final : bbs::Outbox {
 public:
  World(const Scenario& scenario, const log::Logger& logger);
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World() override;

  // Empty, or what was wrong first.
  std::string run();

  // For cells.
  Timeline& timeline() { return timeline_; }
  Network& network() { return network_; }
  Rng& rng() { return rng_; }
  struct Counts {
    uint64_t containers = 0, tasks_run = 0, callbacks = 0, conflicts = 0;
    uint64_t cell_deaths = 0, cell_restarts = 0, evacuations = 0, suspects = 0;
    uint64_t bbs_deaths = 0, bbs_fenced = 0, links_broken = 0, promotions = 0;
    uint64_t memory_reads = 0, forgotten = 0;  // of a bbs that keeps rows
    uint64_t listings = 0;                     // compared with what is there
  };
  Counts& counts() { return counts_; }
  // What a bbs that has gone was asked, nobody answers.
  void decide(const std::string& process, const bbs::Ledger::Selection& selection,
              const bbs::Rule& rule, const bbs::Ledger::OnVerdict& on);
  void decide_task(const std::string& guid, const bbs::TaskRule& rule,
                   const bbs::Ledger::OnTaskVerdict& on);
  void rows_of_cell(const std::string& cell,
                    const std::function<void(const std::vector<models::ActualLRP>&)>& on);
  void tasks_of_cell(const std::string& cell,
                     const std::function<void(const std::vector<std::string>&)>& on);
  void task_runs(const std::string& guid, const std::string& cell);
  void story(const std::string& line) const;

 private:
  // A place for a bbs: down, standing by, or leading (or believing so).
  struct Machine {
    bool is_up = true;
    std::unique_ptr<SimBbs> bbs;
  };

  // Of the bbs, to others.
  void place(cf::LrpStartRequest request) override;
  void place(cf::TaskStartRequest request) override;
  void stop(const std::string& rep_url, const std::string& process_guid,
            const std::string& instance_guid, const std::string& trace_id, OnDone on_done) override;
  void update(const std::string& rep_url, const cf::LrpUpdate& update, OnDone on_done) override;
  void cancel_task(const std::string& rep_url, const std::string& task_guid,
                   const std::string& trace_id, OnDone on_done) override;
  void call_back(const std::string& url, std::string body,
                 std::function<void(Result<int>)> on_status) override;

  // Who leads: machines.cc.
  SimBbs* leader() const;
  SimBbs* asked();  // the leader; now and then one that was
  void at_bbs(const std::function<void(SimBbs&)>& action);
  void look_after_locks();
  void begin_office(Machine& machine);
  void count(SimBbs& bbs);
  void end_bbs(uint64_t token, const char* why);
  Machine* machine_of(uint64_t token);

  void every(Duration interval, const std::function<void()>& action);
  void beat_presences();
  void auction();
  void hand_out(place::Placement placement, const std::vector<cf::CellBrief>& cells);
  void client_acts();
  void desire(const std::string& guid, int32_t instances);
  void desire_task();

  // What goes wrong: trouble.cc.
  void trouble();
  void trouble_bbs(uint64_t kind);
  void trouble_redis(uint64_t kind);
  void trouble_cell(SimCell& victim, uint64_t kind);
  void break_link();
  void join_links();
  void promote_replica();
  void forget_what_is_lost(const Listing& before);
  void heal();

  // What must hold: world_checks.cc.
  Listing truth();
  void wrong(const std::string& what);
  void check();
  void check_rows(const Listing& rows);
  void check_task(const std::string& guid, const std::string& bytes);
  void check_calm();
  void check_callback(const std::string& body);
  void check_listing();
  void check_healed();
  size_t check_wanted(const models::DesiredLRP& lrp, const std::vector<models::ActualLRP>& all);
  SimCell* cell(const std::string& id);

  const Scenario scenario_;
  Rng rng_;
  Timeline timeline_;
  Network network_{timeline_, rng_};
  const log::Logger& logger_;
  SimRedis redis_;
  uint64_t tokens_ = 0;
  std::vector<std::unique_ptr<SimCell>> cells_;
  std::map<std::string, std::map<int32_t, cf::LrpStartRequest>> lrp_requests_;
  std::map<std::string, cf::TaskStartRequest> task_requests_;
  bool is_auctioning_ = false;
  std::vector<std::unique_ptr<Reader>> readers_;
  std::map<std::string, std::pair<bool, std::string>> outcomes_;  // of completed tasks
  std::map<std::string, std::string> ran_on_;                     // tasks
  // Of which Redis has lost something, or that were taken from their cell: may run once more.
  std::set<std::string> doubtful_tasks_;
  uint64_t tasks_ = 0;
  bool is_healing_ = false;
  bool upserts_domain_ = true;
  size_t most_running_ = 0;
  uint64_t changes_checked_ = 0;
  std::map<std::string, std::string> told_;  // of tasks, to clients
  std::string wrong_;
  Counts counts_;
  std::array<Machine, 2> machines_;  // ends first: knows the others
};

}  // namespace causeway::sim
