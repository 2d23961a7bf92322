#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "control/store/row_table.h"
#include "control/store/store.h"
#include "control/store/unconfirmed_rows.h"

namespace causeway::store {

// A store in this process's memory, for tests and simulations: same contract as the one on Redis,
// plus failures on demand. Callbacks wait until the test (or its loop) calls run_pending().
class MemoryStore final : public Store {
 public:
  // `wake` is called when callbacks start to wait: a loop defers run_pending() then.
  explicit MemoryStore(std::function<void()> wake = {}) : wake_(std::move(wake)) {}

  void read_process(const std::string& process_guid, const ProcessParts& parts,
                    On<ProcessRows> on_rows) override;
  void page_processes(const ProcessQuery& query, On<ProcessPage> on_page) override;
  void read_cell(const std::string& cell_id, On<std::vector<CellRow>> on_rows) override;
  void page_tasks(const TaskQuery& query, On<TaskPage> on_page) override;
  void read_cell_tasks(const std::string& cell_id, On<std::vector<NamedRow>> on_rows) override;
  void read_row(const RowKey& key, On<std::optional<std::string>> on_row) override;
  void read_table(Table table, On<std::vector<NamedRow>> on_rows) override;
  void commit(const Change& change, On<void> on_done) override;
  void confirm_process(const std::string& process_guid, const ProcessParts& parts,
                       On<void> on_done) override;
  void confirm_row(const RowKey& key, On<void> on_done) override;
  void on_link(std::function<void(bool)> callback) override;

  // Calls what waits, also what is added meanwhile; answers how many callbacks there were.
  size_t run_pending();
  // While away everything fails with Fault::unavailable.
  void set_usable(bool usable);
  // The next commit, if it comes before set_usable(), is carried out, but its caller is told
  // Fault::unavailable.
  void lose_next_answer() { lose_next_answer_ = true; }
  // The next read of a whole table, or page of processes, is told Fault::unavailable.
  void fail_next_table() { fail_next_table_ = true; }
  void fail_next_page() { fail_next_page_ = true; }
  // While so, commits are carried out and their callers told Fault::timeout, as are those who
  // want them confirmed.
  void leave_unconfirmed(bool unconfirmed) {
    is_confirming_ = !unconfirmed;
    if (is_confirming_) unconfirmed_.clear();
  }
  // Runs once, right before the next commit is looked at: another writer that comes first.
  void before_next_commit(std::function<void()> action) { before_commit_ = std::move(action); }
  // Writes at once and without a check (behind the back of whoever uses the store).
  void put(const RowChange& change) { write(change); }
  size_t commits() const { return commits_; }  // that wrote something
  size_t reads() const { return reads_; }

 private:
  template <class T>
  void answer(On<T> callback, Result<T> result);
  void add_run(ProcessRows& rows) const;
  std::optional<std::string_view> find(const RowKey& key) const;
  void write(const RowChange& change);

  std::function<void()> wake_;
  std::deque<std::function<void()>> pending_;
  RowTable table_;
  std::map<std::string, std::string> singles_[7];        // by table, those that it does not hold
  std::set<std::pair<std::string, std::string>> tasks_;  // domain, guid
  std::map<std::string, std::set<std::string>> cell_tasks_;
  std::function<void(bool)> on_link_;
  std::function<void()> before_commit_;
  bool usable_ = true;
  bool lose_next_answer_ = false;
  bool fail_next_table_ = false, fail_next_page_ = false;
  bool is_confirming_ = true;
  UnconfirmedRows unconfirmed_;
  size_t commits_ = 0;
  size_t reads_ = 0;
};

}  // namespace causeway::store
