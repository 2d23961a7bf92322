#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "bench/platform_load/calls.h"
#include "bench/platform_load/messages.h"
#include "diego/lease.h"
#include "net/timer.h"
#include "rpc/server.h"

namespace causeway::log {
class Logger;
}

namespace causeway::platform {

struct FleetOptions {
  uint64_t cells = 20;
  uint64_t first_cell = 0;            // its number: several fleets have different ones
  std::string address = "127.0.0.1";  // where cells listen
  Duration presence_ttl = std::chrono::seconds(14);  // renewed three times in it
  unsigned zones = 3;
  cf::CellResources capacity = {.memory_mb = 65'536, .disk_mb = 262'144, .containers = 250};
  std::string bbs_url;
  rpc::Identity* identity = nullptr;  // present: cells speak mutual TLS; outlives them
  bool acts = true;  // claims, starts and completes what it is given; otherwise only takes it
  Duration heart_beat = {};  // every running instance is said again; 0: never
};

// What all cells have done. A value.
struct FleetCounts {
  uint64_t present = 0;  // cells whose presence is held
  uint64_t taken = 0;    // instances handed out by the auctioneer
  uint64_t refused = 0;  // for want of room
  uint64_t running = 0;  // now
  uint64_t stopped = 0;
  uint64_t tasks_done = 0;
  uint64_t states_asked = 0;
  uint64_t beats_skipped = 0;  // a cell's heart-beat was due before the last one had ended
};

// What a cell runs. Owner: SimCell. Thread: its owner's.
struct SimInstance {
  // What is said of it each time, encoded once.
  const std::string& heart_beat();
  void flip();

  InstanceName name;
  cf::LrpWork work;
  bool is_running = false;

 private:
  bool is_routable_ = true;
  std::string heart_beat_;  // empty: not made yet
};

class Fleet;

// One machine that runs nothing: a rep's API, a presence, and the calls a rep makes. Owner: Fleet.
// Thread: its loop's.
class SimCell {
 public:
  SimCell(net::Loop& loop, const log::Logger& logger, Fleet& fleet, uint64_t number);
  SimCell(const SimCell&) = delete;
  SimCell& operator=(const SimCell&) = delete;

  // Listens and becomes present.
  Result<void> start();
  void release(std::function<void()> done) { lease_->release(std::move(done)); }
  const std::map<std::string, SimInstance>& instances() const { return instances_; }  // by guid
  SimInstance* find(const std::string& instance_guid);
  void beat();

 private:
  void add_routes();
  const std::string& state();
  cf::Work take(const cf::Work& work);
  bool has_room_for(const cf::Demand& demand) const;
  void bring_up(const cf::LrpWork& work);
  void run_task(const std::string& task_guid);
  void complete_task(const std::string& task_guid);
  void forget(const std::string& instance_guid);
  void remove(const InstanceName& name);
  // Rows that name this cell, of which it knows nothing, as it finds after failures.
  void remove_leftovers(const std::string& list);

  net::Loop& loop_;
  Fleet& fleet_;
  const uint64_t number_;
  const std::string id_;
  rpc::Server server_;
  std::string url_;
  std::map<std::string, SimInstance> instances_;
  cf::CellResources free_;
  std::string state_;                         // as JSON; empty: something has changed
  std::vector<std::function<void()>> again_;  // calls nobody answered: at the next beat
  size_t beats_under_way_ = 0;
  net::Timer beat_;
  std::optional<diego::Lease> lease_;
};

// All cells of a run, and their calls. Owner: a run. Thread: its loop's.
class Fleet {
 public:
  Fleet(net::Loop& loop, const log::Logger& logger, FleetOptions options, Calls& calls);
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  Result<void> start();
  // Gives all presences up.
  void release();
  bool is_released() const { return held_ == 0; }
  void heart_beat(Duration interval) { options_.heart_beat = interval; }
  void begin_beating();
  void stop_beating() { options_.heart_beat = {}; }

  const FleetOptions& options() const { return options_; }
  const FleetCounts& counts() const { return counts_; }
  const std::vector<std::unique_ptr<SimCell>>& cells() const { return cells_; }
  Calls& calls() { return calls_; }

 private:
  friend class SimCell;
  FleetOptions options_;
  FleetCounts counts_;
  size_t held_ = 0;
  net::Loop& loop_;
  const log::Logger& logger_;
  Calls& calls_;
  std::vector<std::unique_ptr<SimCell>> cells_;
};

}  // namespace causeway::platform
