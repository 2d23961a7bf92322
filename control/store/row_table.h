#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "control/store/key_space.h"
#include "control/store/store.h"

namespace causeway::store {

// The rows of Table::scheduling and Table::actual in memory, with the index of their processes (in
// the order and with the cursors that RedisStore's pages have) and that of the cells that hold
// them. An instance of 350 bytes takes 480. A value that stays where it is. Owner: a store. Thread:
// its.
class RowTable {
 public:
  // How pages are bounded beside kPageEntries: no process is cut, but the page ends behind it.
  static constexpr size_t kPageRows = 1'000;

  explicit RowTable(size_t shards = 1) : space_(shards) {}
  RowTable(const RowTable&) = delete;
  RowTable& operator=(const RowTable&) = delete;

  static bool holds(Table table) { return table == Table::scheduling || table == Table::actual; }

  const std::string* find(const RowKey& key) const;
  bool has_process(const std::string& process_guid) const {
    return processes_.contains(process_guid);
  }
  // `change` as it is carried out: the row, the process's entry in its index, the row's cell.
  void write(const RowChange& change);
  // One more entry of a process that has rows.
  void list(const std::string& process_guid, const std::string& domain);
  // One entry less; with the last one the process goes.
  void unlist(const std::string& process_guid, const std::string& domain);
  void erase(const std::string& process_guid);
  void clear();
  // Empty, and cut otherwise.
  void reset(size_t shards);

  // All but `run`.
  ProcessRows process(const std::string& process_guid, const ProcessParts& parts) const;
  ProcessPage page(const ProcessQuery& query) const;
  std::vector<CellRow> cell(const std::string& cell_id) const;
  std::vector<std::string> domains_of(const std::string& process_guid) const;
  // Domain and guid of what is listed behind one cursor and up to another one of the same shard, or
  // to the end of the shard.
  std::vector<std::pair<std::string, std::string>> listed(const std::string& after,
                                                          const std::string& until) const;

  size_t processes() const { return processes_.size(); }
  size_t rows() const { return rows_; }
  size_t row_bytes() const { return row_bytes_; }

 private:
  struct Row;
  // Rows in no order: the last one takes the place of one that goes.
  using Cell = std::vector<Row*>;
  using Cells = std::unordered_map<std::string, Cell>;
  struct Row {
    std::string slot;
    std::string bytes;
    const std::string* process_guid = nullptr;
    Cells::value_type* cell = nullptr;
    size_t place = 0;  // in the cell
  };
  struct Process {
    std::string scheduling;                  // "": none
    std::vector<std::unique_ptr<Row>> rows;  // by slot
    std::vector<const std::string*> domains;
  };
  using Processes = std::unordered_map<std::string, Process>;
  struct Entry {
    size_t shard = 0;
    const std::string* domain = nullptr;
    const Processes::value_type* process = nullptr;
  };
  struct Place {
    size_t shard = 0;
    std::string_view entry;
  };
  struct InOrder {
    using is_transparent = void;
    bool operator()(const Entry& a, const Entry& b) const;
    bool operator()(const Entry& a, const Place& b) const { return compare(a, b) < 0; }
    bool operator()(const Place& a, const Entry& b) const { return compare(b, a) > 0; }
    static int compare(const Entry& entry, const Place& place);
  };
  using Index = std::set<Entry, InOrder>;

  static std::vector<std::unique_ptr<Row>>::iterator slot_of(Process& process,
                                                             std::string_view slot);
  void write_actual(Processes::value_type& process, const RowChange& change);
  void set_bytes(std::string& row, const std::string& bytes);
  void forget_bytes(std::string& row);
  void move_to(Row& row, const std::string& cell_id);
  void list(Processes::value_type& process, const std::string& domain);
  void erase(Processes::iterator process);
  static void copy(const Processes::value_type& process, const ProcessParts& parts,
                   ProcessRows& rows);

  KeySpace space_;
  Processes processes_;
  Cells cells_;
  std::set<std::string> domains_;  // as entries name them
  Index index_;
  size_t rows_ = 0, row_bytes_ = 0;
};

}  // namespace causeway::store
