#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "control/route_emitter/emitter_metrics.h"
#include "control/route_emitter/routing_table.h"
#include "diego/bbs_client.h"
#include "diego/bbs_events.h"
#include "log/logger.h"
#include "net/timer.h"

namespace causeway::route_emitter {

// The BBS side: follows its events for ever and keeps the routing table like its rows. After each
// new subscription, and every sync_interval, it fetches all of them; events that come during a
// fetch count at once and are applied again to what was fetched. Only a fetch that succeeded takes
// away what it does not name. Owner: RouteEmitter. Thread: its loop's.
class Watcher {
 public:
  struct Options {
    std::string bbs_url;
    rpc::Identity* identity = nullptr;  // for https
    std::string cell_id = {};           // "": the instances of all cells
    Reach reach = Reach::host;
    Serves serves = {};
    Duration call_timeout = std::chrono::seconds(30);
    Duration sync_interval = std::chrono::seconds(60);
    Duration first_wait = std::chrono::milliseconds(100);  // before a next attempt; doubles
    Duration wait_max = std::chrono::seconds(2);
    size_t kept_events_max = 50'000;  // during one fetch; beyond it, everything is fetched again
  };
  using OnChanges = std::function<void(const Changes&)>;

  Watcher(net::Loop& loop, const log::Logger& logger, Options options, RoutingTable& table,
          EmitterMetrics& metrics, OnChanges on_changes);
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

 private:
  void on_open();
  void on_lost(const Error& error);
  void on_event(const diego::LrpEvent& event);

  // One fetch: domains, instances, desired LRPs, in this order.
  void sync();
  void fetch_instances();
  void fetch_desired();
  void finish_sync();
  void fail_sync(std::string_view step, const diego::BbsError& error);
  void end_sync();

  // Changes of the table.
  void apply(const diego::LrpEvent& event);
  void put_desired(const models::DesiredLRP& lrp);
  Desired read_desired(const models::DesiredLRP& lrp);
  void put_instance(Instance instance);
  void apply_change(const models::ActualLRPInstanceChangedEvent& event);
  void flush();

  // In the mode of one cell: a desired LRP whose first instance has come to the cell.
  void fetch_unknown(const std::string& process_guid);
  bool is_ours(const std::string& cell_id) const;

  const log::Logger logger_;
  const Options options_;
  RoutingTable& table_;
  EmitterMetrics& metrics_;
  const OnChanges on_changes_;
  net::Loop& loop_;

  bool is_syncing_ = false;
  bool syncs_again_ = false;  // wanted while one was under way
  Instant sync_began_{};
  Snapshot snapshot_;
  std::deque<diego::LrpEvent> kept_;  // came during the fetch
  Duration wait_;
  bool is_sync_failing_ = false;                   // logged once per time
  std::unordered_map<std::string, bool> unknown_;  // being fetched; true: changed meanwhile
  std::set<std::string> told_unserved_;

  net::Timer next_sync_;
  diego::BbsClient bbs_;
  std::unique_ptr<diego::EventFeed> feed_;
};

}  // namespace causeway::route_emitter
