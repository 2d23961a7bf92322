#include "control/store/kept_store.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "log/logger.h"

namespace causeway::store {

namespace {

using namespace std::chrono_literals;

// Pages and cells that are answered in a turn of the loop; then calls come first.
constexpr Duration kBulkPerTurn = 1ms;
// After a reading of our own that has failed.
constexpr Duration kRetry = 500ms;
constexpr size_t kCommittedMax = 1'000;
// Between looks at a process with a commit of which nothing is known.
constexpr Duration kLooks[] = {1s, 10s, 60s};

const ProcessParts kKeptParts{.scheduling = true, .all_slots = true};

std::optional<size_t> digest_of(const std::optional<std::string_view>& row) {
  if (!row) return std::nullopt;
  return std::hash<std::string_view>()(*row);
}

}  // namespace

KeptStore::KeptStore(World world, Duration round) : world_(std::move(world)), round_(round) {}

void KeptStore::begin(size_t shards) {
  leads_ = true;
  shards_ = shards;
  table_.reset(shards);
  drop();
}

void KeptStore::on_link(std::function<void(bool)> callback) {
  world_.store.on_link([this, callback = std::move(callback)](bool usable) {
    if (leads_) drop();
    callback(usable);
  });
}

// Whatever is known is as old as the link.
void KeptStore::drop() {
  table_.clear();
  forgotten_.clear();
  recall_due_.reset();
  is_complete_ = false;
  dropped_ = ++now_;
  after_.clear();
  page_due_ = world_.clock.now();
  rest_until_due();
}

// Reading.

bool KeptStore::knows(const std::string& process_guid) const {
  return leads_ && !under_way_.contains(process_guid) && !forgotten_.contains(process_guid) &&
         (is_complete_ || table_.has_process(process_guid)) && world_.is_sure();
}

void KeptStore::call_soon() {
  if (!std::exchange(is_called_, true)) world_.soon();
}

void KeptStore::read_process(const std::string& process_guid, const ProcessParts& parts,
                             On<ProcessRows> on_rows) {
  if (parts.run || !knows(process_guid)) return read_below(process_guid, parts, std::move(on_rows));
  calls_.push_back({process_guid, parts, std::move(on_rows)});
  call_soon();
}

void KeptStore::page_processes(const ProcessQuery& query, On<ProcessPage> on_page) {
  if (query.parts.run || !knows_all())
    return world_.store.page_processes(query, std::move(on_page));
  bulk_.push_back(PageRead{query, std::move(on_page)});
  if (!is_bulk_resting_) call_soon();
}

void KeptStore::read_cell(const std::string& cell_id, On<std::vector<CellRow>> on_rows) {
  if (!knows_all()) return world_.store.read_cell(cell_id, std::move(on_rows));
  bulk_.push_back(CellRead{cell_id, std::move(on_rows)});
  if (!is_bulk_resting_) call_soon();
}

void KeptStore::run_pending() {
  is_called_ = false;
  answering_.swap(calls_);
  for (ProcessRead& read : answering_) answer(std::move(read));
  answering_.clear();
  if (!is_bulk_resting_) run_bulk();
}

void KeptStore::run_bulk() {
  is_bulk_resting_ = true;  // what is asked meanwhile is answered here
  const Instant began = world_.clock.now();
  while (!bulk_.empty() && world_.clock.now() - began < kBulkPerTurn) {
    BulkRead next = std::move(bulk_.front());
    bulk_.pop_front();
    std::visit([this](auto& read) { answer(std::move(read)); }, next);
  }
  is_bulk_resting_ = !bulk_.empty();
  if (is_bulk_resting_) world_.next_turn();
}

// Much may have happened since it was asked: what is known now counts.
void KeptStore::answer(ProcessRead read) {
  if (!knows(read.process_guid))
    return read_below(read.process_guid, read.parts, std::move(read.on_rows));
  ++counts_.reads;
  read.on_rows(table_.process(read.process_guid, read.parts));
}

void KeptStore::answer(PageRead read) {
  if (!knows_all()) return world_.store.page_processes(read.query, std::move(read.on_page));
  ++counts_.reads;
  read.on_page(table_.page(read.query));
}

void KeptStore::answer(CellRead read) {
  if (!knows_all()) return world_.store.read_cell(read.cell_id, std::move(read.on_rows));
  ++counts_.reads;
  read.on_rows(table_.cell(read.cell_id));
}

// What is read below shows what may be kept, unless a commit came between.

KeptStore::Moment KeptStore::begin_reading() {
  readings_.insert(++now_);
  return now_;
}

void KeptStore::end_reading(Moment began) {
  readings_.erase(began);
  if (readings_.empty()) {
    committed_.clear();
  } else if (committed_.size() > committed_max_) {
    std::erase_if(committed_, [this](const auto& one) { return one.second < *readings_.begin(); });
    committed_max_ = std::max(kCommittedMax, 2 * committed_.size());
  }
}

bool KeptStore::is_current(const std::string& process_guid, Moment began) const {
  if (began < dropped_ || under_way_.contains(process_guid)) return false;
  const auto committed = committed_.find(process_guid);
  return committed == committed_.end() || committed->second < began;
}

void KeptStore::read_below(const std::string& process_guid, const ProcessParts& parts,
                           On<ProcessRows> on_rows) {
  if (!leads_ || !parts.scheduling || !parts.all_slots)
    return world_.store.read_process(process_guid, parts, std::move(on_rows));
  world_.store.read_process(
      process_guid, parts,
      [this, began = begin_reading(), on_rows = std::move(on_rows)](Result<ProcessRows> rows) {
        if (rows) note_read(*rows, began);
        end_reading(began);
        tell_corrected();
        on_rows(std::move(rows));
      });
}

// Commits.

// Rows that are only checked may be many and large: their digests tell as much.
KeptStore::KeptPart KeptStore::kept_part(const Change& change) {
  KeptPart part;
  part.process_guid = change.at(0).key.id;
  for (const RowChange& row : change) {
    if (!RowTable::holds(row.key.table)) continue;
    const bool writes = row.blind || row.before != row.after;
    if (writes) {
      part.rows.push_back(row);
    } else {
      part.checked.emplace_back(row.key, digest_of(row.before));
    }
    // The entry of a row that goes stays as long as the process has any row.
    const bool names_domain = writes || !row.domain.empty();
    if (names_domain && (row.before || row.after || row.blind)) part.domains.insert(row.domain);
  }
  return part;
}

void KeptStore::commit(const Change& change, On<void> on_done) {
  if (!leads_) return world_.store.commit(change, std::move(on_done));
  KeptPart part = kept_part(change);
  if (part.rows.empty() && part.checked.empty())
    return world_.store.commit(change, std::move(on_done));
  if (!part.rows.empty()) ++under_way_[part.process_guid];
  world_.store.commit(change, [this, part = std::move(part),
                               on_done = std::move(on_done)](const Result<void>& done) {
    ended(part, done);
    on_done(done);
  });
}

void KeptStore::ended(const KeptPart& part, const Result<void>& done) {
  const std::string& guid = part.process_guid;
  const bool writes = !part.rows.empty();
  if (writes) {
    const auto under_way = under_way_.find(guid);
    CHECK(under_way != under_way_.end());
    if (--under_way->second == 0) under_way_.erase(under_way);
    if (!readings_.empty()) committed_[guid] = ++now_;
  }
  if (done || done.error().fault == Fault::timeout) {
    take_done(part);
  } else if (done.error().fault == Fault::conflict) {
    // Not explained by what we think.
    if (!under_way_.contains(guid) && has_met(guid) && agrees(part)) forget(guid, part.domains);
  } else if (writes && !is_surely_undone(done.error())) {
    forget(guid, part.domains);
    forgotten_.at(guid).is_spoiled = true;
    suspect({guid, part.domains}, kLooks[0]);
  }
  if (forgotten_.contains(guid)) recall(guid);
}

void KeptStore::take_done(const KeptPart& part) {
  const auto forgotten = forgotten_.find(part.process_guid);
  if (forgotten == forgotten_.end() || !forgotten->second.is_reading) return apply(part);
  if (!part.rows.empty()) forgotten->second.since.push_back(part);
}

bool KeptStore::has_met(const std::string& process_guid) const {
  return !forgotten_.contains(process_guid) && (is_complete_ || table_.has_process(process_guid));
}

// Are the rows as the commit has met them?
bool KeptStore::agrees(const KeptPart& part) const {
  return std::all_of(
             part.rows.begin(), part.rows.end(),
             [this](const RowChange& row) { return is_as_expected(row, table_.find(row.key)); }) &&
         std::all_of(part.checked.begin(), part.checked.end(), [this](const auto& row) {
           return digest_of(table_.find(row.first)) == row.second;
         });
}

void KeptStore::apply(const KeptPart& part) {
  const bool is_met = has_met(part.process_guid);
  if (!is_met && part.rows.empty()) return;
  if (!is_met || !agrees(part)) return forget(part.process_guid, part.domains);
  for (const RowChange& row : part.rows) table_.write(row);
}

void KeptStore::forget(const std::string& process_guid, std::set<std::string> domains) {
  const auto [entry, is_new] = forgotten_.try_emplace(process_guid);
  if (is_new) ++counts_.forgotten;
  for (std::string& domain : table_.domains_of(process_guid)) domains.insert(std::move(domain));
  entry->second.domains.merge(domains);
  table_.erase(process_guid);
}

// Reads a forgotten process again, when no commit to it is under way.
void KeptStore::recall(const std::string& process_guid) {
  Forgotten& entry = forgotten_.at(process_guid);
  if (entry.is_reading || under_way_.contains(process_guid)) return;
  if (world_.clock.now() < entry.due) {
    recall_due_ = std::min(recall_due_.value_or(entry.due), entry.due);
    return;
  }
  entry.is_reading = true;
  entry.is_spoiled = false;
  world_.store.read_process(
      process_guid, kKeptParts,
      [this, guid = process_guid, began = begin_reading(),
       alive = std::weak_ptr<const int>(alive_)](const Result<ProcessRows>& rows) {
        if (alive.expired()) return;
        take_recalled(guid, began, rows);
        end_reading(began);
      });
}

void KeptStore::take_recalled(const std::string& process_guid, Moment began,
                              const Result<ProcessRows>& rows) {
  if (began < dropped_) return;  // who is forgotten since has a reading of its own
  const auto entry = forgotten_.find(process_guid);
  if (entry == forgotten_.end()) return;
  Forgotten& forgotten = entry->second;
  forgotten.is_reading = false;
  const std::vector<KeptPart> since = std::exchange(forgotten.since, {});
  if (!rows || forgotten.is_spoiled) {
    for (const KeptPart& part : since)
      forgotten.domains.insert(part.domains.begin(), part.domains.end());
    return recall_later(forgotten);
  }
  const std::set<std::string> domains = std::move(forgotten.domains);
  forgotten_.erase(entry);
  keep(*rows, domains);
  // A link works in order: what has ended since comes on top.
  for (const KeptPart& part : since) apply(part);
  if (const auto again = forgotten_.find(process_guid); again != forgotten_.end())
    recall_later(again->second);
}

// Not at once: it may be so again and again.
void KeptStore::recall_later(Forgotten& forgotten) {
  forgotten.due = world_.clock.now() + kRetry;
  recall_due_ = std::min(recall_due_.value_or(forgotten.due), forgotten.due);
  rest_until_due();
}

// Suspects. They outlive the link, as what was sent on it may.

void KeptStore::suspect(Suspect one, Duration after) {
  suspects_.emplace(world_.clock.now() + after, std::move(one));
  rest_until_due();
}

void KeptStore::look_at_suspects() {
  while (!suspects_.empty() && suspects_.begin()->first <= world_.clock.now()) {
    Suspect one = std::move(suspects_.begin()->second);
    suspects_.erase(suspects_.begin());
    const std::string guid = one.process_guid;
    world_.store.read_process(guid, kKeptParts,
                              [this, one = std::move(one), began = begin_reading(),
                               alive = std::weak_ptr<const int>(alive_)](const auto& rows) {
                                if (alive.expired()) return;
                                take_suspect(one, began, rows);
                                end_reading(began);
                                tell_corrected();
                              });
  }
}

void KeptStore::take_suspect(Suspect one, Moment began, const Result<ProcessRows>& rows) {
  if (!rows || !is_current(one.process_guid, began)) return suspect(std::move(one), kRetry);
  note_read(*rows, began, one.domains);
  if (++one.looks == std::size(kLooks)) return;
  const Duration after = kLooks[one.looks];
  suspect(std::move(one), after);
}

void KeptStore::keep(const ProcessRows& rows, const std::set<std::string>& domains) {
  const std::string& guid = rows.process_guid;
  table_.erase(guid);
  // Somebody else has made it: the pages tell where.
  if (domains.empty() && (rows.scheduling || !rows.actual.empty())) return drop();
  for (const std::string& domain : domains) {
    if (table_.has_process(guid)) {
      table_.list(guid, domain);
      continue;
    }
    if (rows.scheduling)
      table_.write({.key = {Table::scheduling, guid}, .after = *rows.scheduling, .domain = domain});
    for (const SlotRow& row : rows.actual)
      table_.write({.key = {Table::actual, guid, row.slot},
                    .after = row.bytes,
                    .domain = domain,
                    .cell_after = std::string(world_.cell_of(row.bytes))});
  }
}

bool KeptStore::differs(const ProcessRows& rows) const {
  const ProcessRows known = table_.process(rows.process_guid, kKeptParts);
  return known.scheduling != rows.scheduling ||
         !std::equal(known.actual.begin(), known.actual.end(), rows.actual.begin(),
                     rows.actual.end(), [](const SlotRow& a, const SlotRow& b) {
                       return a.slot == b.slot && a.bytes == b.bytes;
                     });
}

// All small rows of a process as they stand below. Who asks for one process gives no domain.
// `domains`: where it may be listed all the same.
void KeptStore::note_read(const ProcessRows& rows, Moment began, std::set<std::string> domains) {
  const std::string& guid = rows.process_guid;
  if (!is_current(guid, began)) return;
  const auto forgotten = forgotten_.find(guid);
  if (forgotten != forgotten_.end()) {
    if (!rows.domain.empty()) forgotten->second.domains.insert(rows.domain);
    return;  // it is being read
  }
  const bool is_known = table_.has_process(guid);
  if (!rows.domain.empty()) domains.insert(rows.domain);
  if (!is_known && !is_complete_ && domains.empty()) return;  // its page comes
  if ((is_known || is_complete_) && !differs(rows)) {
    if (!rows.domain.empty()) table_.list(guid, rows.domain);
    return;
  }
  if (is_known || is_complete_) note_corrected(guid);
  for (std::string& domain : table_.domains_of(guid)) domains.insert(std::move(domain));
  keep(rows, domains);
}

// All pages, in rounds.

void KeptStore::step() {
  recall_due_.reset();
  for (auto next = forgotten_.begin(); next != forgotten_.end();) recall((next++)->first);
  look_at_suspects();
  if (!is_reading_page_ && world_.clock.now() >= page_due_) next_page();
  rest_until_due();
}

// The next page is due when the one under way has come.
void KeptStore::rest_until_due() {
  std::optional<Instant> due = recall_due_;
  if (!is_reading_page_) due = std::min(due.value_or(page_due_), page_due_);
  if (!suspects_.empty()) due = std::min(due.value_or(Instant::max()), suspects_.begin()->first);
  if (due) world_.rest(std::max<Duration>(*due - world_.clock.now(), Duration::zero()));
}

void KeptStore::next_page() {
  is_reading_page_ = true;
  page_due_ = world_.clock.now();
  world_.store.page_processes({.parts = kKeptParts, .after = after_},
                              [this, began = begin_reading(), asked = page_due_,
                               alive = std::weak_ptr<const int>(alive_)](const auto& page) {
                                if (alive.expired()) return;
                                take_page(page, began, asked);
                                end_reading(began);
                              });
}

void KeptStore::take_page(const Result<ProcessPage>& page, Moment began, Instant asked) {
  is_reading_page_ = false;
  if (began < dropped_) return rest_until_due();
  const Instant now = world_.clock.now();
  if (!page) {
    page_due_ = now + kRetry;
    return rest_until_due();
  }
  for (const ProcessRows& rows : page->processes) {
    if (is_current(rows.process_guid, began)) {
      note_read(rows, began);
    } else if (!is_complete_) {
      // Nothing else tells under which domain it is listed.
      forget(rows.process_guid, {rows.domain});
      recall(rows.process_guid);
    }
  }
  if (is_complete_) look_for_gone(*page, began);
  after_ = page->next;
  if (after_.empty() && !std::exchange(is_complete_, true))
    world_.logger.info("rows-kept", {{"processes", table_.processes()}, {"rows", table_.rows()}});
  page_due_ = now + page_rest(now - asked);
  rest_until_due();
  tell_corrected();
}

// While pages are first read, half of the time belongs to others; then a round takes its time.
Duration KeptStore::page_rest(Duration took) const {
  if (!is_complete_) return std::min<Duration>(took / 2, 20ms);
  // Each shard ends with a page that is not full.
  return round_ / static_cast<int64_t>(table_.processes() / kPageEntries + shards_);
}

// What we have between the page before and the end of this one, and it has not.
void KeptStore::look_for_gone(const ProcessPage& page, Moment began) {
  std::set<std::pair<std::string_view, std::string_view>> there;
  for (const ProcessRows& rows : page.processes) there.emplace(rows.domain, rows.process_guid);
  for (const auto& [domain, guid] : table_.listed(after_, page.next)) {
    if (there.contains({domain, guid}) || !is_current(guid, began)) continue;
    table_.unlist(guid, domain);
    note_corrected(guid);
  }
}

void KeptStore::tell_corrected() {
  if (std::exchange(is_corrected_, false)) world_.on_corrected();
}

void KeptStore::note_corrected(const std::string& process_guid) {
  ++counts_.corrected;
  is_corrected_ = true;
  world_.logger.warn("kept-rows-corrected", {{"process_guid", process_guid}});
}

}  // namespace causeway::store
