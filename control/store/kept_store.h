#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "control/store/row_table.h"
#include "control/store/store.h"

namespace causeway::log {
class Logger;
}

namespace causeway::store {

// A store whose scheduling and actual rows are read from memory where that is the same as reading
// them below: this process is the only one that writes, and every commit goes through here (ADR
// 0034). What is not surely known is read below, as is everything else. A process whose rows may be
// other ones than we think is forgotten and read again at once; all of them when the link comes
// back, and slowly, round after round, for what nobody told us. Where a commit ended without an
// answer it is looked some times more, in case it comes late. Owner: Service, with the store
// below it. Thread: its loop's. Ends: with its owner; reads that wait are dropped.
class KeptStore final : public Store {
 public:
  struct World {
    Store& store;
    const Clock& clock;
    const log::Logger& logger;
    std::function<void()> soon;       // run_pending() is due when the present callback has returned
    std::function<void()> next_turn;  // run_bulk() is due when others have had their turn
    // step() is due then, and not when it was said before.
    std::function<void(Duration)> rest;
    // Whether nobody else can write at this moment.
    std::function<bool()> is_sure;
    // Of a row of Table::actual.
    std::function<std::string_view(std::string_view row)> cell_of;
    // Rows had changed without us: who follows commits has missed that.
    std::function<void()> on_corrected;
  };
  struct Counts {
    uint64_t reads = 0;      // answered from memory
    uint64_t corrected = 0;  // processes that were found to be others than we thought
    uint64_t forgotten = 0;  // processes, to be read again
  };

  // `round`: the time in which all rows are read once more.
  KeptStore(World world, Duration round);

  // We lead: rows are read, and kept from now on.
  void begin(size_t shards);
  void run_pending();
  void run_bulk();
  void step();

  void read_process(const std::string& process_guid, const ProcessParts& parts,
                    On<ProcessRows> on_rows) override;
  void page_processes(const ProcessQuery& query, On<ProcessPage> on_page) override;
  void read_cell(const std::string& cell_id, On<std::vector<CellRow>> on_rows) override;
  void commit(const Change& change, On<void> on_done) override;
  void on_link(std::function<void(bool)> callback) override;

  void confirm_process(const std::string& process_guid, const ProcessParts& parts,
                       On<void> on_done) override {
    world_.store.confirm_process(process_guid, parts, std::move(on_done));
  }
  void confirm_row(const RowKey& key, On<void> on_done) override {
    world_.store.confirm_row(key, std::move(on_done));
  }
  void page_tasks(const TaskQuery& query, On<TaskPage> on_page) override {
    world_.store.page_tasks(query, std::move(on_page));
  }
  void read_cell_tasks(const std::string& cell_id, On<std::vector<NamedRow>> on_rows) override {
    world_.store.read_cell_tasks(cell_id, std::move(on_rows));
  }
  void read_row(const RowKey& key, On<std::optional<std::string>> on_row) override {
    world_.store.read_row(key, std::move(on_row));
  }
  void read_table(Table table, On<std::vector<NamedRow>> on_rows) override {
    world_.store.read_table(table, std::move(on_rows));
  }

  const RowTable& table() const { return table_; }
  // Everything is known.
  bool is_complete() const { return is_complete_ && forgotten_.empty(); }
  const Counts& counts() const { return counts_; }

 private:
  // Reads that wait for their answer from memory.
  struct ProcessRead {
    std::string process_guid;
    ProcessParts parts;
    On<ProcessRows> on_rows;
  };
  struct PageRead {
    ProcessQuery query;
    On<ProcessPage> on_page;
  };
  struct CellRead {
    std::string cell_id;
    On<std::vector<CellRow>> on_rows;
  };
  using BulkRead = std::variant<PageRead, CellRead>;
  // What a commit tells of the kept rows of its process.
  struct KeptPart {
    std::string process_guid;
    Change rows;                                                    // that it writes
    std::vector<std::pair<RowKey, std::optional<size_t>>> checked;  // digests of what it expects
    std::set<std::string> domains;  // where the process is listed, carried out or not
  };
  struct Forgotten {
    std::set<std::string> domains;  // of its entries
    bool is_reading = false;
    bool is_spoiled = false;      // by an uncertain commit since the reading began
    std::vector<KeptPart> since;  // carried out since the reading began
    Instant due{};                // not read before that
  };
  // A process with a commit of which nothing is known: an engine that comes back late may carry it
  // out behind what we have read.
  struct Suspect {
    std::string process_guid;
    std::set<std::string> domains;
    size_t looks = 0;
  };
  // What happens is numbered: readings by their beginning, commits by their end.
  using Moment = uint64_t;

  bool knows(const std::string& process_guid) const;
  bool knows_all() const { return is_complete() && world_.is_sure(); }
  void call_soon();
  void answer(ProcessRead read);
  void answer(PageRead read);
  void answer(CellRead read);

  Moment begin_reading();
  void end_reading(Moment began);
  // Whether what was read since `began` is what stands.
  bool is_current(const std::string& process_guid, Moment began) const;
  void read_below(const std::string& process_guid, const ProcessParts& parts,
                  On<ProcessRows> on_rows);

  static KeptPart kept_part(const Change& change);
  void ended(const KeptPart& part, const Result<void>& done);
  void take_done(const KeptPart& part);
  void apply(const KeptPart& part);
  bool has_met(const std::string& process_guid) const;
  bool agrees(const KeptPart& part) const;
  void forget(const std::string& process_guid, std::set<std::string> domains);
  void recall(const std::string& process_guid);
  void take_recalled(const std::string& process_guid, Moment began,
                     const Result<ProcessRows>& rows);
  void recall_later(Forgotten& forgotten);
  void suspect(Suspect one, Duration after);
  void look_at_suspects();
  void take_suspect(Suspect one, Moment began, const Result<ProcessRows>& rows);
  void keep(const ProcessRows& rows, const std::set<std::string>& domains);
  bool differs(const ProcessRows& rows) const;

  void drop();
  void next_page();
  void take_page(const Result<ProcessPage>& page, Moment began, Instant asked);
  void note_read(const ProcessRows& rows, Moment began, std::set<std::string> domains = {});
  void look_for_gone(const ProcessPage& page, Moment began);
  void note_corrected(const std::string& process_guid);
  void tell_corrected();
  Duration page_rest(Duration took) const;
  void rest_until_due();

  const World world_;
  const Duration round_;
  bool leads_ = false;
  size_t shards_ = 1;
  RowTable table_;
  bool is_complete_ = false;  // all pages have been read since we lead, or since the link came back
  std::unordered_map<std::string, size_t> under_way_;  // commits, by process
  std::unordered_map<std::string, Forgotten> forgotten_;
  std::optional<Instant> recall_due_;         // of the first forgotten one that rests
  std::multimap<Instant, Suspect> suspects_;  // by when they are looked at again

  Moment now_ = 0;
  Moment dropped_ = 0;
  std::set<Moment> readings_;                          // that are under way
  std::unordered_map<std::string, Moment> committed_;  // since the first of them began
  size_t committed_max_ = 0;                           // then those before are looked for

  std::vector<ProcessRead> calls_, answering_;
  std::deque<BulkRead> bulk_;
  bool is_called_ = false;        // run_pending() is due
  bool is_bulk_resting_ = false;  // run_bulk() is due, or running

  bool is_reading_page_ = false;
  std::string after_;  // where the next page begins
  Instant page_due_{};
  bool is_corrected_ = false;  // on_corrected() is due
  Counts counts_;
  // Callbacks of what we read for ourselves may come when we have ended.
  const std::shared_ptr<const int> alive_ = std::make_shared<const int>(0);
};

}  // namespace causeway::store
