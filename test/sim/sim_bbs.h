#pragma once

#include <functional>
#include <map>
#include <string>

#include "control/bbs/errands/errands.h"
#include "control/bbs/events/event_streams.h"
#include "control/bbs/ledger/ledger.h"
#include "control/bbs/ledger/task_callbacks.h"
#include "control/bbs/readers/cells.h"
#include "control/bbs/readers/domains.h"
#include "control/bbs/sweep/sweeper.h"
#include "control/store/kept_store.h"
#include "log/logger.h"
#include "test/sim/link.h"
#include "test/sim/presences.h"

namespace causeway::sim {

// All rows by their names, "p" + process (+ "/" + slot) and "t" + task: what somebody believes that
// the store holds, byte by byte.
using Listing = std::map<std::string, std::string>;
void note_page(Listing& listing, const store::ProcessPage& page);
void note_page(Listing& listing, const store::TaskPage& page);

// What a bbs process is without its sockets: killed or stopped at any moment; the next one begins
// anew on what the store holds. It leads from the beginning: one that stands by has nothing yet.
// Owner: World.
class SimBbs {
 public:
  struct Surroundings {
    SimRedis& redis;
    Timeline& timeline;
    Rng& rng;
    bbs::Outbox& outbox;
    const log::Logger& logger;
    std::function<void()> on_fenced;
    bool keeps_rows = false;  // reads from memory what may be read there
  };
  SimBbs(const Surroundings& around, uint64_t token);

  uint64_t token() const { return token_; }
  Process& process() { return process_; }
  Link& link() { return link_; }
  bbs::Ledger& ledger() { return ledger_; }
  bbs::Domains& domains() { return domains_; }
  bbs::EventStreams& streams() { return streams_; }
  Presences& presences() { return presences_; }
  store::Store& store() { return store_; }
  // A pass, soon or when the present one has ended.
  void converge(bool place_all);
  void list(std::function<void(const Result<Listing>&)> on_listing);
  const store::KeptStore& kept() const { return kept_; }

  // Its lock has been renewed, and is good for a while.
  void renewed();
  Instant last_renewed() const { return renewed_; }
  static constexpr Duration lock_ttl = std::chrono::seconds(14);

 private:
  // What it asks of others; an answer waits while the process sleeps.
  struct Desk final : bbs::Outbox {
    Desk(bbs::Outbox& the_world, Process& the_process) : world(the_world), process(the_process) {}
    void place(cf::LrpStartRequest request) override { world.place(std::move(request)); }
    void place(cf::TaskStartRequest request) override { world.place(std::move(request)); }
    void stop(const std::string& rep_url, const std::string& process_guid,
              const std::string& instance_guid, const std::string& trace_id,
              OnDone on_done) override {
      world.stop(rep_url, process_guid, instance_guid, trace_id, std::move(on_done));
    }
    void update(const std::string& rep_url, const cf::LrpUpdate& update, OnDone on_done) override {
      world.update(rep_url, update, std::move(on_done));
    }
    void cancel_task(const std::string& rep_url, const std::string& task_guid,
                     const std::string& trace_id, OnDone on_done) override {
      world.cancel_task(rep_url, task_guid, trace_id, std::move(on_done));
    }
    void call_back(const std::string& url, std::string body,
                   std::function<void(Result<int>)> on_status) override;

    bbs::Outbox& world;
    Process& process;
  };

  store::KeptStore::World kept_world(const Surroundings& around);

  const uint64_t token_;
  Timeline& timeline_;
  Process process_;
  Link link_;
  Instant renewed_;
  uint64_t rests_ = 0;  // of the kept rows: only the last one counts
  store::KeptStore kept_;
  store::Store& store_;
  uint64_t guids_ = 0;
  Desk desk_;
  bbs::Cells cells_;
  bbs::Domains domains_;
  bbs::EventStreams streams_;
  bbs::Errands errands_;
  bbs::Ledger ledger_;
  bbs::TaskCallbacks callbacks_;
  Presences presences_;
  bool again_ = false;
  bbs::Sweeper sweeper_;
};

}  // namespace causeway::sim
