#include "control/store/row_table.h"

#include <algorithm>

#include "base/check.h"
#include "control/store/page_place.h"

namespace causeway::store {

// As if both were written out.
int RowTable::InOrder::compare(const Entry& entry, const Place& place) {
  if (entry.shard != place.shard) return entry.shard < place.shard ? -1 : 1;
  const Text& domain = *entry.domain;
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

size_t RowTable::place_of(const Process& process, std::string_view slot) {
  const auto found =
      std::lower_bound(process.rows.begin(), process.rows.end(), slot,
                       [](const Row* row, std::string_view name) { return row->slot < name; });
  return static_cast<size_t>(found - process.rows.begin());
}

std::optional<std::string_view> RowTable::find(const RowKey& key) const {
  CHECK(holds(key.table));
  const auto found = processes_.find(std::string_view(key.id));
  if (found == processes_.end()) return std::nullopt;
  const Process& process = found->second;
  if (key.table == Table::scheduling) {
    if (process.scheduling.empty()) return std::nullopt;
    return process.scheduling;
  }
  const size_t place = place_of(process, key.slot);
  if (!has_slot(process, place, key.slot)) return std::nullopt;
  return process.rows[place]->bytes;
}

void RowTable::forget_bytes(Text& row) {
  if (row.empty()) return;
  --rows_;
  row_bytes_ -= row.size();
  row.clear();
}

// Assigning would leave twice the room for a row that has grown.
void RowTable::set_bytes(Text& row, std::string_view bytes) {
  forget_bytes(row);
  if (row.capacity() >= bytes.size()) {
    row = bytes;
  } else {
    row = Text(bytes, &pool_);
  }
  ++rows_;
  row_bytes_ += row.size();
}

void RowTable::move_to(Row& row, std::string_view cell_id) {
  if (row.cell != nullptr) {
    if (row.cell->first == cell_id) return;
    Cell& rows = row.cell->second;
    rows[row.place] = rows.back();
    rows[row.place]->place = row.place;
    rows.pop_back();
    if (rows.empty()) cells_.erase(cells_.find(std::string_view(row.cell->first)));
    row.cell = nullptr;
  }
  if (cell_id.empty()) return;
  row.cell = &*cells_.try_emplace(Text(cell_id, &pool_)).first;
  row.place = row.cell->second.size();
  row.cell->second.push_back(&row);
}

void RowTable::end(Row& row) {
  move_to(row, "");
  forget_bytes(row.bytes);
  Memory(&pool_).delete_object(&row);
}

void RowTable::write_actual(Processes::value_type& process, const RowChange& change) {
  auto& rows = process.second.rows;
  const size_t place = place_of(process.second, change.key.slot);
  const auto at = rows.begin() + static_cast<ptrdiff_t>(place);
  const bool is_known = has_slot(process.second, place, change.key.slot);
  if (!change.after) {
    if (!is_known) return;
    end(**at);
    rows.erase(at);
    return;
  }
  const Memory memory(&pool_);
  if (!is_known)
    rows.insert(at, Memory(memory).new_object<Row>(change.key.slot, process.first, memory));
  set_bytes(rows[place]->bytes, *change.after);
  move_to(*rows[place], change.cell_after);
}

void RowTable::write(const RowChange& change) {
  CHECK(holds(change.key.table));
  CHECK(!change.after || !change.after->empty());
  auto found = processes_.find(std::string_view(change.key.id));
  if (found == processes_.end()) {
    if (!change.after) return;
    found = processes_.try_emplace(Text(change.key.id, &pool_)).first;
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

void RowTable::list(Processes::value_type& process, std::string_view domain) {
  auto& domains = process.second.domains;
  for (const Text* known : domains)
    if (*known == domain) return;
  auto name = domains_.find(domain);
  if (name == domains_.end()) name = domains_.emplace(domain).first;
  domains.push_back(&*name);
  index_.insert({space_.shard_of(process.first), &*name, &process});
}

void RowTable::list(std::string_view process_guid, std::string_view domain) {
  const auto found = processes_.find(process_guid);
  if (found != processes_.end()) list(*found, domain);
}

void RowTable::unlist(std::string_view process_guid, std::string_view domain) {
  const auto found = processes_.find(process_guid);
  if (found == processes_.end()) return;
  auto& domains = found->second.domains;
  const auto name =
      std::find_if(domains.begin(), domains.end(), [&](const Text* one) { return *one == domain; });
  if (name == domains.end()) return;
  index_.erase(Entry{space_.shard_of(process_guid), *name, &*found});
  domains.erase(name);
  if (domains.empty()) erase(found);
}

void RowTable::erase(Processes::iterator process) {
  const size_t shard = space_.shard_of(process->first);
  for (const Text* domain : process->second.domains) index_.erase(Entry{shard, domain, &*process});
  for (Row* row : process->second.rows) end(*row);
  forget_bytes(process->second.scheduling);
  processes_.erase(process);
}

void RowTable::erase(std::string_view process_guid) {
  const auto found = processes_.find(process_guid);
  if (found != processes_.end()) erase(found);
}

void RowTable::clear() {
  index_.clear();
  cells_.clear();
  for (auto& [guid, process] : processes_)
    for (Row* row : process.rows) Memory(&pool_).delete_object(row);
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
  if (parts.scheduling && !found.scheduling.empty()) rows.scheduling.emplace(found.scheduling);
  if (parts.all_slots) rows.actual.reserve(found.rows.size());
  for (const Row* row : found.rows) {
    if (parts.all_slots || std::find(parts.slots.begin(), parts.slots.end(),
                                     std::string_view(row->slot)) != parts.slots.end())
      rows.actual.push_back({std::string(row->slot), std::string(row->bytes)});
  }
}

ProcessRows RowTable::process(const std::string& process_guid, const ProcessParts& parts) const {
  ProcessRows rows;
  rows.process_guid = process_guid;
  const auto found = processes_.find(std::string_view(process_guid));
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
    if (!domain.empty() && std::string_view(*next->domain) != domain) continue;
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
  const auto found = cells_.find(std::string_view(cell_id));
  if (found == cells_.end()) return rows;
  rows.reserve(found->second.size());
  for (const Row* row : found->second)
    rows.push_back(
        {std::string(*row->process_guid), std::string(row->slot), std::string(row->bytes)});
  return rows;
}

std::vector<std::string> RowTable::domains_of(const std::string& process_guid) const {
  std::vector<std::string> names;
  const auto found = processes_.find(std::string_view(process_guid));
  if (found == processes_.end()) return names;
  for (const Text* domain : found->second.domains) names.emplace_back(*domain);
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
    found.emplace_back(std::string(*next->domain), std::string(next->process->first));
  }
  return found;
}

}  // namespace causeway::store
