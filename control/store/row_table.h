#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory_resource>
#include <optional>
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
// them. An instance of 350 bytes takes 500. They lie apart from what comes and goes: among it they
// would leave the heap in pieces that everybody else had to search. Owner: a store. Thread: its.
class RowTable {
 public:
  // How pages are bounded beside kPageEntries: no process is cut, but the page ends behind it.
  static constexpr size_t kPageRows = 1'000;

  explicit RowTable(size_t shards = 1) : space_(shards) {}
  RowTable(const RowTable&) = delete;
  RowTable& operator=(const RowTable&) = delete;
  ~RowTable() { clear(); }

  static bool holds(Table table) { return table == Table::scheduling || table == Table::actual; }

  std::optional<std::string_view> find(const RowKey& key) const;
  bool has_process(std::string_view process_guid) const {
    return processes_.contains(process_guid);
  }
  // `change` as it is carried out: the row, the process's entry in its index, the row's cell.
  void write(const RowChange& change);
  // One more entry of a process that has rows.
  void list(std::string_view process_guid, std::string_view domain);
  // One entry less; with the last one the process goes.
  void unlist(std::string_view process_guid, std::string_view domain);
  void erase(std::string_view process_guid);
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
  using Text = std::pmr::string;
  using Memory = std::pmr::polymorphic_allocator<>;
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  template <class T>
  using ByName = std::pmr::unordered_map<Text, T, Hash, std::equal_to<>>;

  struct Row;
  // Rows in no order: the last one takes the place of one that goes.
  using Cell = std::pmr::vector<Row*>;
  using Cells = ByName<Cell>;
  struct Row {
    Row(std::string_view name, const Text& guid, const Memory& memory)
        : slot(name, memory), bytes(memory), process_guid(&guid) {}
    Text slot, bytes;
    const Text* process_guid;
    Cells::value_type* cell = nullptr;
    size_t place = 0;  // in the cell
  };
  struct Process {
    using allocator_type = Memory;
    explicit Process(const Memory& memory) : scheduling(memory), rows(memory), domains(memory) {}
    Text scheduling;              // "": none
    std::pmr::vector<Row*> rows;  // by slot; ours
    std::pmr::vector<const Text*> domains;
  };
  using Processes = ByName<Process>;
  struct Entry {
    size_t shard = 0;
    const Text* domain = nullptr;
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
  using Index = std::pmr::set<Entry, InOrder>;

  // Where the row is, or would be.
  static size_t place_of(const Process& process, std::string_view slot);
  static bool has_slot(const Process& process, size_t place, std::string_view slot) {
    return place < process.rows.size() && process.rows[place]->slot == slot;
  }
  void write_actual(Processes::value_type& process, const RowChange& change);
  void set_bytes(Text& row, std::string_view bytes);
  void forget_bytes(Text& row);
  void move_to(Row& row, std::string_view cell_id);
  void end(Row& row);
  void list(Processes::value_type& process, std::string_view domain);
  void erase(Processes::iterator process);
  static void copy(const Processes::value_type& process, const ProcessParts& parts,
                   ProcessRows& rows);

  KeySpace space_;
  std::pmr::unsynchronized_pool_resource pool_;
  Processes processes_{&pool_};
  Cells cells_{&pool_};
  std::pmr::set<Text, std::less<>> domains_{&pool_};  // as entries name them
  Index index_{&pool_};
  size_t rows_ = 0, row_bytes_ = 0;
};

}  // namespace causeway::store
