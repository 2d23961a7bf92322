#pragma once

#include <cstdint>
#include <utility>

#include "base/clock.h"
#include "control/store/store.h"
#include "metrics/recent_max.h"

namespace causeway::metrics {
class Registry;
}

namespace causeway::bbs {

// A store whose questions and commits are counted under the names that Diego has for those to its
// database. Owner: Service, with the store below it. Thread: its loop's.
class MeasuredStore final : public store::Store {
 public:
  MeasuredStore(store::Store& store, const Clock& clock, metrics::Registry& registry);

  void read_process(const std::string& process_guid, const store::ProcessParts& parts,
                    On<store::ProcessRows> on_rows) override {
    store_.read_process(process_guid, parts, measured(std::move(on_rows)));
  }
  void page_processes(const store::ProcessQuery& query, On<store::ProcessPage> on_page) override {
    store_.page_processes(query, measured(std::move(on_page)));
  }
  void read_cell(const std::string& cell_id, On<std::vector<store::CellRow>> on_rows) override {
    store_.read_cell(cell_id, measured(std::move(on_rows)));
  }
  void page_tasks(const store::TaskQuery& query, On<store::TaskPage> on_page) override {
    store_.page_tasks(query, measured(std::move(on_page)));
  }
  void read_cell_tasks(const std::string& cell_id,
                       On<std::vector<store::NamedRow>> on_rows) override {
    store_.read_cell_tasks(cell_id, measured(std::move(on_rows)));
  }
  void read_row(const store::RowKey& key, On<std::optional<std::string>> on_row) override {
    store_.read_row(key, measured(std::move(on_row)));
  }
  void read_table(store::Table table, On<std::vector<store::NamedRow>> on_rows) override {
    store_.read_table(table, measured(std::move(on_rows)));
  }
  void commit(const store::Change& change, On<void> on_done) override {
    store_.commit(change, measured(std::move(on_done)));
  }
  void confirm_process(const std::string& process_guid, const store::ProcessParts& parts,
                       On<void> on_done) override {
    store_.confirm_process(process_guid, parts, std::move(on_done));
  }
  void confirm_row(const store::RowKey& key, On<void> on_done) override {
    store_.confirm_row(key, std::move(on_done));
  }
  void on_link(std::function<void(bool)> callback) override;

 private:
  template <class T>
  On<T> measured(On<T> then) {
    ++total_;
    ++in_flight_;
    return [this, began = clock_.now(), then = std::move(then)](Result<T> result) {
      // A row that has changed is an answer like any other.
      ended(began, result || result.error().fault == Fault::conflict);
      then(std::move(result));
    };
  }
  void ended(Instant began, bool good);

  store::Store& store_;
  const Clock& clock_;
  uint64_t total_ = 0, succeeded_ = 0, failed_ = 0, in_flight_ = 0;
  bool is_linked_ = false;
  metrics::RecentMax slowest_;
};

}  // namespace causeway::bbs
