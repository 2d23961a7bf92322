#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "base/rng.h"
#include "control/bbs/errands/outbox.h"
#include "control/place/place.h"
#include "test/sim/sim_bbs.h"
#include "test/sim/sim_cell.h"
#include "test/sim/timeline.h"

namespace causeway::sim {

// What a run is made of. A value.
struct Scenario {
  uint64_t seed = 0;
  bool has_faults = true;
  int cells = 4;
  int processes = 4;
  Duration troubled = std::chrono::seconds(120);  // clients act and things fail
  Duration healing = std::chrono::seconds(210);   // nothing does any more
  bool tells = false;                             // prints its story
};

// Somebody who follows all instance events: subscribes, reads, and knows from then on what events
// say. Begins anew when it is cut off. Owner: World.
struct Reader {
  using Name = std::tuple<std::string, int32_t, std::string>;  // process, index, instance
  std::set<Name> running;
  uint64_t subscription = 0;  // counts them: what an old one still delivers is void
  bool is_subscribed = false;
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
    uint64_t containers = 0;
    uint64_t bbs_deaths = 0, cell_deaths = 0, tasks_run = 0, callbacks = 0, conflicts = 0;
  };
  Counts& counts() { return counts_; }
  void decide(const std::string& process, const bbs::Ledger::Selection& selection,
              const bbs::Rule& rule, bbs::Ledger::OnVerdict on);
  void decide_task(const SimCell& cell, const std::string& guid, const bbs::TaskRule& rule,
                   const bbs::Ledger::OnTaskVerdict& on);
  void rows_of_cell(const std::string& cell,
                    const std::function<void(const std::vector<models::ActualLRP>&)>& on);
  void tasks_of_cell(const std::string& cell,
                     const std::function<void(const std::vector<std::string>&)>& on);
  void task_runs(const std::string& guid, const std::string& cell);
  bool has_run(const std::string& guid, const std::string& cell) const;
  void story(const std::string& line) const;

 private:
  struct StreamEnd;

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

  void start_bbs();
  void kill_bbs();
  void every(Duration interval, const std::function<void()>& action);
  void beat_presences();
  void expire_presences();
  void auction();
  void hand_out(place::Placement placement, const std::vector<cf::CellBrief>& cells);
  void client_acts();
  void desire(const std::string& guid, int32_t instances);
  void desire_task();
  void trouble();
  void heal();
  void subscribe(Reader& reader);
  void hear(Reader& reader, std::string_view type, const std::string& data);

  std::vector<models::ActualLRP> rows();
  std::vector<models::DesiredLRP> desired();
  void wrong(const std::string& what);
  void check_rows();
  void check_tasks();
  void check_calm();
  void check_healed();
  SimCell* cell(const std::string& id);

  const Scenario scenario_;
  Rng rng_;
  Timeline timeline_;
  Network network_{timeline_, rng_};
  const log::Logger& logger_;
  store::MemoryStore store_;
  std::unique_ptr<SimBbs> bbs_;  // null: dead
  std::vector<std::unique_ptr<SimCell>> cells_;
  std::map<std::string, Instant> present_until_;
  std::map<std::string, std::map<int32_t, cf::LrpStartRequest>> lrp_requests_;
  std::map<std::string, cf::TaskStartRequest> task_requests_;
  bool is_auctioning_ = false;
  std::vector<std::unique_ptr<Reader>> readers_;
  std::map<std::string, std::pair<bool, std::string>> outcomes_;  // of completed tasks
  std::map<std::string, std::string> ran_on_;                     // tasks
  uint64_t tasks_ = 0;
  bool is_healing_ = false;
  bool upserts_domain_ = true;
  size_t most_running_ = 0;
  size_t commits_checked_ = 0;
  std::string wrong_;
  Counts counts_;
};

}  // namespace causeway::sim
