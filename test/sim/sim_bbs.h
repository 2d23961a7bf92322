#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "control/bbs/errands/errands.h"
#include "control/bbs/events/event_streams.h"
#include "control/bbs/ledger/ledger.h"
#include "control/bbs/ledger/task_callbacks.h"
#include "control/bbs/readers/cells.h"
#include "control/bbs/readers/domains.h"
#include "control/bbs/sweep/sweeper.h"
#include "control/store/memory_store.h"
#include "log/logger.h"
#include "test/sim/timeline.h"

namespace causeway::sim {

// The store as one bbs sees it: answers take time, keep their order, and are not heard by a bbs
// that has died. Owner: SimBbs.
class Link final : public store::Store {
 public:
  Link(store::MemoryStore& store, Timeline& timeline, Rng& rng)
      : store_(store), timeline_(timeline), rng_(rng) {}

  void read_process(const std::string& guid, const store::ProcessParts& parts,
                    On<store::ProcessRows> on) override {
    store_.read_process(guid, parts, later(std::move(on)));
  }
  void page_processes(const store::ProcessQuery& query, On<store::ProcessPage> on) override {
    store_.page_processes(query, later(std::move(on)));
  }
  void read_cell(const std::string& cell, On<std::vector<store::CellRow>> on) override {
    store_.read_cell(cell, later(std::move(on)));
  }
  void page_tasks(const store::TaskQuery& query, On<store::TaskPage> on) override {
    store_.page_tasks(query, later(std::move(on)));
  }
  void read_cell_tasks(const std::string& cell, On<std::vector<store::NamedRow>> on) override {
    store_.read_cell_tasks(cell, later(std::move(on)));
  }
  void read_row(const store::RowKey& key, On<std::optional<std::string>> on) override {
    store_.read_row(key, later(std::move(on)));
  }
  void read_table(store::Table table, On<std::vector<store::NamedRow>> on) override {
    store_.read_table(table, later(std::move(on)));
  }
  void commit(const store::Change& change, On<void> on) override {
    store_.commit(change, later(std::move(on)));
  }
  void confirm_process(const std::string&, const store::ProcessParts&, On<void> on) override {
    on({});
  }
  void confirm_row(const store::RowKey&, On<void> on) override { on({}); }
  void on_link(std::function<void(bool)>) override {}

 private:
  // MemoryStore answers in the order of the calls, when it is told to: at once. What is heard is
  // heard later.
  template <class T>
  On<T> later(On<T> on) {
    timeline_.after(Duration::zero(), [&store = store_] { store.run_pending(); });
    return [this, on = std::move(on), alive = std::weak_ptr<const int>(alive_)](Result<T> result) {
      if (alive.expired()) return;
      last_answer_ = std::max(last_answer_,
                              timeline_.now() + std::chrono::microseconds(200 + rng_.below(3'000)));
      timeline_.after(last_answer_ - timeline_.now(), [on, alive, result]() mutable {
        if (!alive.expired()) on(std::move(result));
      });
    };
  }

  store::MemoryStore& store_;
  Timeline& timeline_;
  Rng& rng_;
  Instant last_answer_{};
  const std::shared_ptr<const int> alive_ = std::make_shared<const int>(0);
};

// What a bbs process is without its sockets: killed at any moment, it begins anew on what the store
// holds. Owner: World.
class SimBbs {
 public:
  struct Surroundings {
    store::MemoryStore& store;
    Timeline& timeline;
    Rng& rng;
    bbs::Outbox& outbox;
    const log::Logger& logger;
  };
  explicit SimBbs(const Surroundings& around);

  bbs::Ledger& ledger() { return ledger_; }
  bbs::Domains& domains() { return domains_; }
  bbs::Sweeper& sweeper() { return sweeper_; }
  bbs::EventStreams& streams() { return streams_; }
  store::Store& store() { return link_; }
  // A pass, soon or when the present one has ended.
  void converge(bool place_all);

 private:
  Link link_;
  Timeline& timeline_;
  uint64_t guids_ = 0;
  const std::string name_;
  bbs::Cells cells_;
  bbs::Domains domains_;
  bbs::EventStreams streams_;
  bbs::Errands errands_;
  bbs::Ledger ledger_;
  bbs::TaskCallbacks callbacks_;
  bool again_ = false;
  bbs::Sweeper sweeper_;
  const std::shared_ptr<const int> alive_ = std::make_shared<const int>(0);
};

}  // namespace causeway::sim
