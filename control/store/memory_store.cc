#include "control/store/memory_store.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace causeway::store {

namespace {

Error away() { return {.fault = Fault::unavailable, .detail = "the store is away"}; }

bool has_prefix_of(const std::string& guid, const std::vector<std::string>& prefixes) {
  return prefixes.empty() || std::any_of(prefixes.begin(), prefixes.end(),
                                         [&](const auto& p) { return guid.starts_with(p); });
}

std::pair<std::string, std::string> split_cursor(const std::string& cursor) {
  const size_t slash = cursor.rfind('/');
  CHECK(slash != std::string::npos);
  return {cursor.substr(0, slash), cursor.substr(slash + 1)};
}

}  // namespace

template <class T>
void MemoryStore::answer(On<T> callback, Result<T> result) {
  if (pending_.empty() && wake_) wake_();
  if (!usable_) result = away();
  pending_.push_back([callback = std::move(callback), result = std::move(result)]() mutable {
    callback(std::move(result));
  });
}

size_t MemoryStore::run_pending() {
  size_t called = 0;
  for (; !pending_.empty(); ++called) {
    const auto next = std::move(pending_.front());
    pending_.pop_front();
    next();
  }
  return called;
}

void MemoryStore::set_usable(bool usable) {
  if (usable == usable_) return;
  usable_ = usable;
  lose_next_answer_ = false;
  if (on_link_) on_link_(usable);
}

void MemoryStore::on_link(std::function<void(bool)> callback) { on_link_ = std::move(callback); }

ProcessRows MemoryStore::process(const std::string& process_guid, const ProcessParts& parts) const {
  ProcessRows rows;
  rows.process_guid = process_guid;
  if (parts.scheduling) {
    if (const auto* bytes = find({Table::scheduling, process_guid})) rows.scheduling = *bytes;
  }
  if (parts.run) {
    if (const auto* bytes = find({Table::run, process_guid})) rows.run = *bytes;
  }
  const auto found = actual_.find(process_guid);
  if (found == actual_.end()) return rows;
  for (const auto& [slot, bytes] : found->second) {
    if (parts.all_slots ||
        std::find(parts.slots.begin(), parts.slots.end(), slot) != parts.slots.end())
      rows.actual.push_back({slot, bytes});
  }
  return rows;
}

void MemoryStore::read_process(const std::string& process_guid, const ProcessParts& parts,
                               On<ProcessRows> on_rows) {
  ++reads_;
  answer<ProcessRows>(std::move(on_rows), process(process_guid, parts));
}

void MemoryStore::page_processes(const ProcessQuery& query, On<ProcessPage> on_page) {
  ++reads_;
  if (std::exchange(fail_next_page_, false)) return answer<ProcessPage>(std::move(on_page), away());
  auto next = query.after.empty() ? processes_.lower_bound({query.domain, ""})
                                  : processes_.upper_bound(split_cursor(query.after));
  ProcessPage page;
  for (size_t entries = 0; next != processes_.end(); ++next) {
    if (!query.domain.empty() && next->first != query.domain) break;
    if (entries++ == kPageEntries) {
      const auto& last = *std::prev(next);
      page.next = last.first + "/" + last.second;
      break;
    }
    if (!has_prefix_of(next->second, query.prefixes)) continue;
    page.processes.push_back(process(next->second, query.parts));
    page.processes.back().domain = next->first;
  }
  answer<ProcessPage>(std::move(on_page), std::move(page));
}

void MemoryStore::read_cell(const std::string& cell_id, On<std::vector<CellRow>> on_rows) {
  ++reads_;
  std::vector<CellRow> rows;
  for (const auto& [guid, slot] : cells_[cell_id]) {
    if (const auto* bytes = find({Table::actual, guid, slot})) rows.push_back({guid, slot, *bytes});
  }
  answer<std::vector<CellRow>>(std::move(on_rows), std::move(rows));
}

void MemoryStore::page_tasks(const TaskQuery& query, On<TaskPage> on_page) {
  ++reads_;
  auto next = query.after.empty() ? tasks_.lower_bound({query.domain, ""})
                                  : tasks_.upper_bound(split_cursor(query.after));
  TaskPage page;
  for (; next != tasks_.end(); ++next) {
    if (!query.domain.empty() && next->first != query.domain) break;
    if (page.tasks.size() == kPageEntries) {
      const auto& last = *std::prev(next);
      page.next = last.first + "/" + last.second;
      break;
    }
    if (const auto* bytes = find({Table::task, next->second}))
      page.tasks.push_back({next->second, *bytes, next->first});
  }
  answer<TaskPage>(std::move(on_page), std::move(page));
}

void MemoryStore::read_cell_tasks(const std::string& cell_id, On<std::vector<NamedRow>> on_rows) {
  ++reads_;
  std::vector<NamedRow> rows;
  for (const auto& guid : cell_tasks_[cell_id]) {
    if (const auto* bytes = find({Table::task, guid})) rows.push_back({guid, *bytes});
  }
  answer<std::vector<NamedRow>>(std::move(on_rows), std::move(rows));
}

void MemoryStore::read_row(const RowKey& key, On<std::optional<std::string>> on_row) {
  ++reads_;
  CHECK(key.table >= Table::task);
  const auto* bytes = find(key);
  answer<std::optional<std::string>>(std::move(on_row),
                                     bytes ? std::optional<std::string>(*bytes) : std::nullopt);
}

void MemoryStore::read_table(Table table, On<std::vector<NamedRow>> on_rows) {
  ++reads_;
  CHECK(table >= Table::domain);
  if (std::exchange(fail_next_table_, false))
    return answer<std::vector<NamedRow>>(std::move(on_rows), away());
  std::vector<NamedRow> rows;
  for (const auto& [id, bytes] : singles_[static_cast<size_t>(table)]) rows.push_back({id, bytes});
  answer<std::vector<NamedRow>>(std::move(on_rows), std::move(rows));
}

const std::string* MemoryStore::find(const RowKey& key) const {
  if (key.table == Table::actual) {
    const auto process = actual_.find(key.id);
    if (process == actual_.end()) return nullptr;
    const auto row = process->second.find(key.slot);
    return row == process->second.end() ? nullptr : &row->second;
  }
  const auto& rows = singles_[static_cast<size_t>(key.table)];
  const auto row = rows.find(key.id);
  return row == rows.end() ? nullptr : &row->second;
}

void MemoryStore::write(const RowChange& change) {
  const RowKey& key = change.key;
  CHECK(!change.after || !change.after->empty());
  if (key.table == Table::actual) {
    auto& rows = actual_[key.id];
    if (change.after) {
      rows[key.slot] = *change.after;
    } else {
      rows.erase(key.slot);
    }
    if (rows.empty()) actual_.erase(key.id);
    if (!change.cell_before.empty()) cells_[change.cell_before].erase({key.id, key.slot});
    if (!change.cell_after.empty()) cells_[change.cell_after].insert({key.id, key.slot});
  } else {
    auto& rows = singles_[static_cast<size_t>(key.table)];
    if (change.after) {
      rows[key.id] = *change.after;
    } else {
      rows.erase(key.id);
    }
    if (!change.cell_before.empty()) cell_tasks_[change.cell_before].erase(key.id);
    if (!change.cell_after.empty()) cell_tasks_[change.cell_after].insert(key.id);
  }
  if (key.table == Table::scheduling || key.table == Table::actual) {
    const bool any = find({Table::scheduling, key.id}) != nullptr || actual_.contains(key.id);
    if (change.after) processes_.insert({change.domain, key.id});
    if (!any) processes_.erase({change.domain, key.id});
  } else if (key.table == Table::task) {
    if (change.after) {
      tasks_.insert({change.domain, key.id});
    } else {
      tasks_.erase({change.domain, key.id});
    }
  }
}

void MemoryStore::commit(const Change& change, On<void> on_done) {
  if (before_commit_) std::exchange(before_commit_, {})();
  if (!usable_) return answer<void>(std::move(on_done), away());
  for (const RowChange& row : change) {
    if (row.blind) continue;
    const auto* found = find(row.key);
    const bool as_expected = found ? row.before == *found : !row.before.has_value();
    if (!as_expected)
      return answer<void>(std::move(on_done),
                          Error{.fault = Fault::conflict, .detail = "row changed"});
  }
  bool wrote = false;
  for (const RowChange& row : change) {
    if (!row.blind && row.before == row.after) continue;
    write(row);
    wrote = true;
  }
  if (wrote) ++commits_;
  if (std::exchange(lose_next_answer_, false)) return answer<void>(std::move(on_done), away());
  if (wrote && unconfirmed_)
    return answer<void>(std::move(on_done),
                        Error{.fault = Fault::timeout, .detail = "no replica has confirmed"});
  answer<void>(std::move(on_done), {});
}

}  // namespace causeway::store
