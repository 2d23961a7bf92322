#include "control/store/row_table.h"

#include <algorithm>

#include "base/check.h"
#include "control/store/page_place.h"

namespace causeway::store {

// As if both were written out.
int RowTable::InOrder::compare(const Entry& entry, const Place& place) {
  if (entry.shard != place.shard) return entry.shard < place.shard ? -1 : 1;
  const std::string& domain = *entry.domain;
  if (const int order = domain.compare(place.entry.substr(0, domain.size()))) return order;
  const std::string_view rest = place.entry.substr(domain.size());
  if (rest.empty()) return 1;
  if (rest.front() != '/') return '/' < static_cast<unsigned char>(rest.front()) ? -1 : 1;
  return entry.process->first.compare(rest.substr(1));
}

bool RowTable::InOrder::operator()(const Entry& a, const Entry& b) const {
  if (a.shard != b.shard) return a.shard < b.shard;
  if (a.domain == b.domain) return a.process->first < b.process->first;
  const size_t common = std::min(a.domain->size(), b.domain->size());
  if (const int order = a.domain->compare(0, common, *b.domain, 0, common)) return order < 0;
  return compare(a, Place{b.shard, index_member(*b.domain, b.process->first)}) < 0;
}

std::vector<std::unique_ptr<RowTable::Row>>::iterator RowTable::slot_of(Process& process,
                                                                        std::string_view slot) {
  return std::lower_bound(process.rows.begin(), process.rows.end(), slot,
                          [](const auto& row, std::string_view name) { return row->slot < name; });
}

const std::string* RowTable::find(const RowKey& key) const {
  CHECK(holds(key.table));
  const auto found = processes_.find(key.id);
  if (found == processes_.end()) return nullptr;
  const Process& process = found->second;
  if (key.table == Table::scheduling)
    return process.scheduling.empty() ? nullptr : &process.scheduling;
  const auto row =
      std::lower_bound(process.rows.begin(), process.rows.end(), key.slot,
                       [](const auto& one, std::string_view name) { return one->slot < name; });
  return row == process.rows.end() || (*row)->slot != key.slot ? nullptr : &(*row)->bytes;
}

void RowTable::forget_bytes(std::string& row) {
  if (row.empty()) return;
  --rows_;
  row_bytes_ -= row.size();
  row = {};
}

// Assigning would keep twice the room for a row that has grown.
void RowTable::set_bytes(std::string& row, const std::string& bytes) {
  forget_bytes(row);
  row = std::string(bytes);
  ++rows_;
  row_bytes_ += row.size();
}

void RowTable::move_to(Row& row, const std::string& cell_id) {
  if (row.cell != nullptr) {
    if (row.cell->first == cell_id) return;
    Cell& rows = row.cell->second;
    rows[row.place] = rows.back();
    rows[row.place]->place = row.place;
    rows.pop_back();
    if (rows.empty()) cells_.erase(cells_.find(row.cell->first));
    row.cell = nullptr;
  }
  if (cell_id.empty()) return;
  row.cell = &*cells_.try_emplace(cell_id).first;
  row.place = row.cell->second.size();
  row.cell->second.push_back(&row);
}

void RowTable::write_actual(Processes::value_type& process, const RowChange& change) {
  auto& rows = process.second.rows;
  auto at = slot_of(process.second, change.key.slot);
  const bool is_known = at != rows.end() && (*at)->slot == change.key.slot;
  if (!change.after) {
    if (!is_known) return;
    move_to(**at, "");
    forget_bytes((*at)->bytes);
    rows.erase(at);
    return;
  }
  if (!is_known) {
    at = rows.insert(at, std::make_unique<Row>());
    (*at)->slot = change.key.slot;
    (*at)->process_guid = &process.first;
  }
  set_bytes((*at)->bytes, *change.after);
  move_to(**at, change.cell_after);
}

void RowTable::write(const RowChange& change) {
  CHECK(holds(change.key.table));
  CHECK(!change.after || !change.after->empty());
  auto found = processes_.find(change.key.id);
  if (found == processes_.end()) {
    if (!change.after) return;
    found = processes_.try_emplace(change.key.id).first;
  }
  Process& process = found->second;
  if (change.key.table == Table::actual) {
    write_actual(*found, change);
  } else if (change.after) {
    set_bytes(process.scheduling, *change.after);
  } else {
    forget_bytes(process.scheduling);
  }
  if (process.scheduling.empty() && process.rows.empty()) return erase(found);
  if (change.after) list(*found, change.domain);
}

void RowTable::list(Processes::value_type& process, const std::string& domain) {
  auto& domains = process.second.domains;
  for (const std::string* known : domains)
    if (*known == domain) return;
  const std::string* name = &*domains_.insert(domain).first;
  domains.push_back(name);
  index_.insert({space_.shard_of(process.first), name, &process});
}

void RowTable::list(const std::string& process_guid, const std::string& domain) {
  const auto found = processes_.find(process_guid);
  if (found != processes_.end()) list(*found, domain);
}

void RowTable::unlist(const std::string& process_guid, const std::string& domain) {
  const auto found = processes_.find(process_guid);
  if (found == processes_.end()) return;
  auto& domains = found->second.domains;
  const auto name = std::find_if(domains.begin(), domains.end(),
                                 [&](const std::string* one) { return *one == domain; });
  if (name == domains.end()) return;
  index_.erase(Entry{space_.shard_of(process_guid), *name, &*found});
  domains.erase(name);
  if (domains.empty()) erase(found);
}

void RowTable::erase(Processes::iterator process) {
  const size_t shard = space_.shard_of(process->first);
  for (const std::string* domain : process->second.domains)
    index_.erase(Entry{shard, domain, &*process});
  for (const auto& row : process->second.rows) {
    move_to(*row, "");
    forget_bytes(row->bytes);
  }
  forget_bytes(process->second.scheduling);
  processes_.erase(process);
}

void RowTable::erase(const std::string& process_guid) {
  const auto found = processes_.find(process_guid);
  if (found != processes_.end()) erase(found);
}

void RowTable::clear() {
  index_.clear();
  cells_.clear();
  processes_.clear();
  domains_.clear();
  rows_ = row_bytes_ = 0;
}

void RowTable::reset(size_t shards) {
  clear();
  space_ = KeySpace(shards);
}

void RowTable::copy(const Processes::value_type& process, const ProcessParts& parts,
                    ProcessRows& rows) {
  const Process& found = process.second;
  if (parts.scheduling && !found.scheduling.empty()) rows.scheduling = found.scheduling;
  if (parts.all_slots) rows.actual.reserve(found.rows.size());
  for (const auto& row : found.rows) {
    if (parts.all_slots ||
        std::find(parts.slots.begin(), parts.slots.end(), row->slot) != parts.slots.end())
      rows.actual.push_back({row->slot, row->bytes});
  }
}

ProcessRows RowTable::process(const std::string& process_guid, const ProcessParts& parts) const {
  ProcessRows rows;
  rows.process_guid = process_guid;
  const auto found = processes_.find(process_guid);
  if (found != processes_.end()) copy(*found, parts, rows);
  return rows;
}

ProcessPage RowTable::page(const ProcessQuery& query) const {
  const PagePlace place = parse_cursor(query.after);
  const std::string& domain = query.domain;
  auto next = !place.after.empty()
                  ? index_.upper_bound(Place{place.shard, place.after})
                  : index_.lower_bound(Place{place.shard, domain.empty() ? "" : domain + "/"});
  // '0' follows '/'.
  const std::string end = domain + "0";
  ProcessPage page;
  size_t rows = 0;
  for (size_t entries = 0;; ++next, ++entries) {
    const bool is_over = next == index_.end() || next->shard != place.shard ||
                         (!domain.empty() && InOrder::compare(*next, {place.shard, end}) >= 0);
    if (is_over) {
      page.next = cursor_behind_shard(place.shard, space_.shards());
      return page;
    }
    if (entries == kPageEntries || rows >= kPageRows) {
      const Entry& last = *std::prev(next);
      page.next = cursor_behind(place.shard, index_member(*last.domain, last.process->first));
      return page;
    }
    const auto& [guid, process] = *next->process;
    if (!domain.empty() && *next->domain != domain) continue;
    if (!starts_with_one_of(guid, query.prefixes)) continue;
    ProcessRows& found = page.processes.emplace_back();
    found.process_guid = guid;
    found.domain = *next->domain;
    copy(*next->process, query.parts, found);
    rows += 1 + found.actual.size();
  }
}

std::vector<CellRow> RowTable::cell(const std::string& cell_id) const {
  std::vector<CellRow> rows;
  const auto found = cells_.find(cell_id);
  if (found == cells_.end()) return rows;
  rows.reserve(found->second.size());
  for (const Row* row : found->second) rows.push_back({*row->process_guid, row->slot, row->bytes});
  return rows;
}

std::vector<std::string> RowTable::domains_of(const std::string& process_guid) const {
  std::vector<std::string> names;
  const auto found = processes_.find(process_guid);
  if (found == processes_.end()) return names;
  for (const std::string* domain : found->second.domains) names.push_back(*domain);
  return names;
}

std::vector<std::pair<std::string, std::string>> RowTable::listed(const std::string& after,
                                                                  const std::string& until) const {
  const PagePlace from = parse_cursor(after);
  const PagePlace to = parse_cursor(until);
  const bool to_end = until.empty() || to.shard != from.shard;
  std::vector<std::pair<std::string, std::string>> found;
  for (auto next = index_.upper_bound(Place{from.shard, from.after});
       next != index_.end() && next->shard == from.shard; ++next) {
    if (!to_end && InOrder::compare(*next, {to.shard, to.after}) > 0) break;
    found.emplace_back(*next->domain, next->process->first);
  }
  return found;
}

}  // namespace causeway::store
