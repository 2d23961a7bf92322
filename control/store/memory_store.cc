#include "control/store/memory_store.h"

#include <utility>

#include "base/check.h"
#include "control/store/page_place.h"

namespace causeway::store {

namespace {

Error away(Retry retry = Retry::never) {
  return {.fault = Fault::unavailable, .retry = retry, .detail = "the store is away"};
}

Error late() { return {.fault = Fault::timeout, .detail = "no replica has confirmed"}; }

}  // namespace

template <class T>
void MemoryStore::answer(On<T> callback, Result<T> result) {
  if (pending_.empty() && wake_) wake_();
  if (!usable_) result = away(Retry::always);
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

void MemoryStore::add_run(ProcessRows& rows) const {
  if (const auto bytes = find({Table::run, rows.process_guid})) rows.run.emplace(*bytes);
}

void MemoryStore::read_process(const std::string& process_guid, const ProcessParts& parts,
                               On<ProcessRows> on_rows) {
  ++reads_;
  ProcessRows rows = table_.process(process_guid, parts);
  if (parts.run) add_run(rows);
  answer<ProcessRows>(std::move(on_rows), std::move(rows));
}

void MemoryStore::page_processes(const ProcessQuery& query, On<ProcessPage> on_page) {
  ++reads_;
  if (std::exchange(fail_next_page_, false)) return answer<ProcessPage>(std::move(on_page), away());
  ProcessPage page = table_.page(query);
  if (query.parts.run)
    for (ProcessRows& rows : page.processes) add_run(rows);
  answer<ProcessPage>(std::move(on_page), std::move(page));
}

void MemoryStore::read_cell(const std::string& cell_id, On<std::vector<CellRow>> on_rows) {
  ++reads_;
  answer<std::vector<CellRow>>(std::move(on_rows), table_.cell(cell_id));
}

void MemoryStore::page_tasks(const TaskQuery& query, On<TaskPage> on_page) {
  ++reads_;
  const std::string after = parse_cursor(query.after).after;
  auto next = after.empty()
                  ? tasks_.lower_bound({query.domain, ""})
                  : tasks_.upper_bound(std::pair<std::string, std::string>(split_member(after)));
  TaskPage page;
  for (; next != tasks_.end(); ++next) {
    if (!query.domain.empty() && next->first != query.domain) break;
    if (page.tasks.size() == kPageEntries) {
      const auto& last = *std::prev(next);
      page.next = cursor_behind(0, index_member(last.first, last.second));
      break;
    }
    if (const auto bytes = find({Table::task, next->second}))
      page.tasks.push_back({next->second, std::string(*bytes), next->first});
  }
  answer<TaskPage>(std::move(on_page), std::move(page));
}

void MemoryStore::read_cell_tasks(const std::string& cell_id, On<std::vector<NamedRow>> on_rows) {
  ++reads_;
  std::vector<NamedRow> rows;
  for (const auto& guid : cell_tasks_[cell_id]) {
    if (const auto bytes = find({Table::task, guid})) rows.push_back({guid, std::string(*bytes)});
  }
  answer<std::vector<NamedRow>>(std::move(on_rows), std::move(rows));
}

void MemoryStore::read_row(const RowKey& key, On<std::optional<std::string>> on_row) {
  ++reads_;
  CHECK(key.table >= Table::task);
  const auto bytes = find(key);
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

std::optional<std::string_view> MemoryStore::find(const RowKey& key) const {
  if (RowTable::holds(key.table)) return table_.find(key);
  const auto& rows = singles_[static_cast<size_t>(key.table)];
  const auto row = rows.find(key.id);
  if (row == rows.end()) return std::nullopt;
  return row->second;
}

void MemoryStore::write(const RowChange& change) {
  const RowKey& key = change.key;
  if (RowTable::holds(key.table)) return table_.write(change);
  CHECK(!change.after || !change.after->empty());
  auto& rows = singles_[static_cast<size_t>(key.table)];
  if (change.after) {
    rows[key.id] = *change.after;
  } else {
    rows.erase(key.id);
  }
  if (key.table != Table::task) return;
  if (change.after) {
    tasks_.insert({change.domain, key.id});
  } else {
    tasks_.erase({change.domain, key.id});
  }
  if (!change.cell_before.empty()) cell_tasks_[change.cell_before].erase(key.id);
  if (!change.cell_after.empty()) cell_tasks_[change.cell_after].insert(key.id);
}

void MemoryStore::commit(const Change& change, On<void> on_done) {
  if (before_commit_) std::exchange(before_commit_, {})();
  if (!usable_) return answer<void>(std::move(on_done), away(Retry::always));
  for (const RowChange& row : change) {
    if (!is_as_expected(row, find(row.key)))
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
  if (wrote && !is_confirming_) {
    unconfirmed_.add(change);
    return answer<void>(std::move(on_done), late());
  }
  answer<void>(std::move(on_done), {});
}

void MemoryStore::confirm_process(const std::string& process_guid, const ProcessParts& parts,
                                  On<void> on_done) {
  if (!unconfirmed_.has(process_guid, parts)) return on_done({});
  answer<void>(std::move(on_done), late());
}

void MemoryStore::confirm_row(const RowKey& key, On<void> on_done) {
  if (!unconfirmed_.has(key)) return on_done({});
  answer<void>(std::move(on_done), late());
}

}  // namespace causeway::store
