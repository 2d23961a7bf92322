#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace causeway::store {

enum class Table : uint8_t {
  scheduling,  // small part of a desired LRP, by process guid
  run,         // large part of it
  actual,      // instances of a process, by process guid and slot
  task,        // by task guid
  domain,      // by name
  lock,        // Locket's resources, by key
  presence,
};

// Names one row. The store does not look into slots: "3", "3e", "3s" are the bbs's.
struct RowKey {
  Table table{};
  std::string id;
  std::string slot = {};  // Table::actual only
  friend bool operator==(const RowKey&, const RowKey&) = default;
};

// One row as the decision found it and as it is to be left. `before` absent: there was none.
// `after` absent: there is none afterwards. Equal: only checked. Rows are never empty.
struct RowChange {
  RowKey key;
  std::optional<std::string> before = {};
  std::optional<std::string> after = {};
  bool blind = false;            // write whatever was there (`before` is not looked at)
  std::string domain = {};       // scheduling, actual, task: under which index entry it is listed
  std::string cell_before = {};  // actual, task: the cells that hold it, "" for none
  std::string cell_after = {};
};

// Rows of one process, or single rows of the other tables. All or nothing.
using Change = std::vector<RowChange>;

struct SlotRow {
  std::string slot;
  std::string bytes;
};

// Which rows of a process to read.
struct ProcessParts {
  bool scheduling = true;
  bool run = false;
  bool all_slots = false;
  std::vector<std::string> slots = {};  // these, unless all_slots
};

struct ProcessRows {
  std::string process_guid;
  std::string domain;  // pages only: the index entry it was found by
  std::optional<std::string> scheduling;
  std::optional<std::string> run;
  std::vector<SlotRow> actual;
};

// Pages go through the index in its order. A process whose rows name two domains is met once under
// each.
struct ProcessQuery {
  std::string domain = {};                 // "": all
  std::vector<std::string> prefixes = {};  // of process guids; empty: all
  ProcessParts parts = {};
  std::string after = {};  // ProcessPage::next of the page before
};
struct ProcessPage {
  std::vector<ProcessRows> processes;
  std::string next;  // "": that was the last page
};

struct CellRow {
  std::string process_guid;
  std::string slot;
  std::string bytes;
};

struct NamedRow {
  std::string id;
  std::string bytes;
  std::string domain = {};  // pages only: the index entry it was found by
};

struct TaskQuery {
  std::string domain = {};  // "": all
  std::string after = {};
};
struct TaskPage {
  std::vector<NamedRow> tasks;
  std::string next;
};

inline constexpr size_t kPageEntries = 100;

// Whether a commit that finds `found` in the row may be carried out.
inline bool is_as_expected(const RowChange& row, const std::optional<std::string_view>& found) {
  return row.blind || (found ? row.before == *found : !row.before.has_value());
}

// Of a commit that has failed: nothing was written, and nothing will be.
inline bool is_surely_undone(const Error& error) {
  return error.retry == Retry::always || error.fault == Fault::conflict ||
         error.fault == Fault::refused;
}

// Where the rows live. Callbacks come exactly once, never from inside the call; those of commits in
// the order in which they were carried out. Failures: unavailable (a commit may have been carried
// out), timeout (a commit has been carried out, but not as many replicas as configured have
// confirmed it in time), conflict (a row was not as expected: nothing was written), internal.
// Owner: main(), which ends it after its users. Thread: its loop's.
class Store {
 public:
  template <class T>
  using On = std::function<void(Result<T>)>;

  virtual ~Store() = default;

  virtual void read_process(const std::string& process_guid, const ProcessParts& parts,
                            On<ProcessRows> on_rows) = 0;
  virtual void page_processes(const ProcessQuery& query, On<ProcessPage> on_page) = 0;
  // What is indexed under a cell; some rows may name another cell by now.
  virtual void read_cell(const std::string& cell_id, On<std::vector<CellRow>> on_rows) = 0;

  virtual void page_tasks(const TaskQuery& query, On<TaskPage> on_page) = 0;
  virtual void read_cell_tasks(const std::string& cell_id, On<std::vector<NamedRow>> on_rows) = 0;

  // One row of task, domain, lock or presence.
  virtual void read_row(const RowKey& key, On<std::optional<std::string>> on_row) = 0;
  // All rows of domain, lock or presence.
  virtual void read_table(Table table, On<std::vector<NamedRow>> on_rows) = 0;

  virtual void commit(const Change& change, On<void> on_done) = 0;

  // For an answer that writes nothing: whether what stands in the rows that it rests on has been
  // confirmed as commits are; Fault::timeout as with those. Calls back at once, from inside the
  // call, when nothing need be asked, which is nearly always.
  virtual void confirm_process(const std::string& process_guid, const ProcessParts& parts,
                               On<void> on_done) = 0;
  virtual void confirm_row(const RowKey& key, On<void> on_done) = 0;

  // Called when the store becomes usable and when it stops being so. While it was away,
  // acknowledged writes may have been lost, as far as the engine's own configuration allows that.
  virtual void on_link(std::function<void(bool usable)> callback) = 0;
};

}  // namespace causeway::store
