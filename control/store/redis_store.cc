#include "control/store/redis_store.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace causeway::store {

namespace {

constexpr const char* kProcesses = "bbs:processes";
constexpr const char* kTasks = "bbs:tasks";

// ARGV: number of checks; per check: key number, field ("" for a string key), bytes expected (""
// for no row). Then, up to the end: number of arguments, command, key number, arguments. PRUNE
// drops index entries of a process that has no row left.
constexpr const char* kCommitScript = R"(
local at = 2
for _ = 1, tonumber(ARGV[1]) do
  local key, field, expected, found = KEYS[tonumber(ARGV[at])], ARGV[at + 1], ARGV[at + 2], nil
  if field == '' then found = redis.call('GET', key) else found = redis.call('HGET', key, field) end
  if (found or '') ~= expected then return redis.error_reply('CONFLICT row changed') end
  at = at + 3
end
while at <= #ARGV do
  local count, command, key = tonumber(ARGV[at]), ARGV[at + 1], KEYS[tonumber(ARGV[at + 2])]
  if command == 'PRUNE' then
    if redis.call('EXISTS', KEYS[tonumber(ARGV[at + 3])], KEYS[tonumber(ARGV[at + 4])]) == 0 then
      redis.call('ZREM', key, ARGV[at + 5])
    end
  else
    redis.call(command, key, unpack(ARGV, at + 3, at + 2 + count))
  end
  at = at + 3 + count
end
return 1
)";

constexpr const char* kPruneScript = R"(
if redis.call('EXISTS', KEYS[2], KEYS[3]) == 0 then return redis.call('ZREM', KEYS[1], ARGV[1]) end
return 0
)";

std::string scheduling_key(const std::string& guid) { return "bbs:s:{" + guid + "}"; }
std::string run_key(const std::string& guid) { return "bbs:r:{" + guid + "}"; }
std::string actual_key(const std::string& guid) { return "bbs:a:{" + guid + "}"; }
std::string task_key(const std::string& guid) { return "bbs:t:{" + guid + "}"; }
std::string cell_key(const std::string& cell) { return "bbs:cell:" + cell; }
std::string cell_tasks_key(const std::string& cell) { return "bbs:celltasks:" + cell; }
std::string member(const std::string& domain, const std::string& guid) {
  return domain + "/" + guid;
}

// Where a row lives: a key, and a field for tables that are hashes.
std::pair<std::string, std::string> place_of(const RowKey& row) {
  switch (row.table) {
    case Table::scheduling:
      return {scheduling_key(row.id), ""};
    case Table::run:
      return {run_key(row.id), ""};
    case Table::actual:
      return {actual_key(row.id), row.slot};
    case Table::task:
      return {task_key(row.id), ""};
    case Table::domain:
      return {"bbs:domains", row.id};
    case Table::lock:
      return {"bbs:locks", row.id};
    case Table::presence:
      return {"bbs:presences", row.id};
  }
  check_failed(__FILE__, __LINE__, "table");
}

// Collects the keys and arguments of one commit.
class CommitCall {
 public:
  std::vector<std::string> keys, args;

  explicit CommitCall(const Change& change) {
    size_t checks = 0;
    for (const RowChange& row : change) checks += row.blind ? 0 : 1;
    args.push_back(std::to_string(checks));
    for (const RowChange& row : change) {
      if (row.blind) continue;
      CHECK(!row.before || !row.before->empty());
      const auto [name, field] = place_of(row.key);
      args.insert(args.end(), {key(name), field, row.before.value_or("")});
    }
    for (const RowChange& row : change) {
      if (row.blind || row.before != row.after) add_writes(row);
    }
    for (const RowChange& row : change) {
      const bool of_process = row.key.table == Table::scheduling || row.key.table == Table::actual;
      if (of_process && !row.after && row.before) {
        args.insert(args.end(), {"3", "PRUNE", key(kProcesses), key(scheduling_key(row.key.id)),
                                 key(actual_key(row.key.id)), member(row.domain, row.key.id)});
      }
    }
  }

 private:
  std::string key(const std::string& name) {
    const auto known = std::find(keys.begin(), keys.end(), name);
    const auto number = known - keys.begin();
    if (known == keys.end()) keys.push_back(name);
    return std::to_string(number + 1);
  }

  void write(const char* command, const std::string& name, std::vector<std::string> rest) {
    args.insert(args.end(), {std::to_string(rest.size()), command, key(name)});
    args.insert(args.end(), rest.begin(), rest.end());
  }

  void add_writes(const RowChange& row) {
    const auto [name, field] = place_of(row.key);
    if (row.after) {
      CHECK(!row.after->empty());
      if (field.empty()) {
        write("SET", name, {*row.after});
      } else {
        write("HSET", name, {field, *row.after});
      }
    } else if (field.empty()) {
      write("DEL", name, {});
    } else {
      write("HDEL", name, {field});
    }
    const Table table = row.key.table;
    if (row.after && !row.before) {
      if (table == Table::scheduling || table == Table::actual)
        write("ZADD", kProcesses, {"0", member(row.domain, row.key.id)});
      if (table == Table::task) write("ZADD", kTasks, {"0", member(row.domain, row.key.id)});
    }
    if (!row.after && table == Table::task) write("ZREM", kTasks, {member(row.domain, row.key.id)});
    if (row.cell_before == row.cell_after) return;
    const bool task = table == Table::task;
    const std::string entry = task ? row.key.id : row.key.id + "/" + row.key.slot;
    const auto set_of = [&](const std::string& cell) {
      return task ? cell_tasks_key(cell) : cell_key(cell);
    };
    if (!row.cell_before.empty()) write("SREM", set_of(row.cell_before), {entry});
    if (!row.cell_after.empty()) write("SADD", set_of(row.cell_after), {entry});
  }
};

std::vector<std::string> range_command(const char* index, const std::string& domain,
                                       const std::string& after) {
  std::string from = "-";
  if (!after.empty()) {
    from = "(" + after;
  } else if (!domain.empty()) {
    from = "[" + domain + "/";
  }
  // '0' follows '/'.
  const std::string to = domain.empty() ? "+" : "(" + domain + "0";
  return {"ZRANGEBYLEX", index, from, to, "LIMIT", "0", std::to_string(kPageEntries)};
}

std::pair<std::string, std::string> split_member(const std::string& entry) {
  const size_t slash = entry.rfind('/');
  if (slash == std::string::npos) return {"", entry};
  return {entry.substr(0, slash), entry.substr(slash + 1)};
}

bool starts_with_one_of(const std::string& guid, const std::vector<std::string>& prefixes) {
  return prefixes.empty() || std::any_of(prefixes.begin(), prefixes.end(),
                                         [&](const auto& p) { return guid.starts_with(p); });
}

std::optional<std::string> optional_text(redis::Value& value) {
  if (value.kind != redis::Kind::string) return std::nullopt;
  return std::move(value.text);
}

void take_slots(redis::Value& value, const ProcessParts& parts, std::vector<SlotRow>& rows) {
  if (parts.all_slots) {  // HGETALL: field, value, field, value
    for (size_t i = 0; i + 1 < value.items.size(); i += 2)
      rows.push_back({std::move(value.items[i].text), std::move(value.items[i + 1].text)});
    return;
  }
  for (size_t i = 0; i < value.items.size() && i < parts.slots.size(); ++i) {
    if (auto bytes = optional_text(value.items[i]))
      rows.push_back({parts.slots[i], std::move(*bytes)});
  }
}

std::vector<std::string> with_slots(std::vector<std::string> command,
                                    const std::vector<std::string>& slots) {
  command.insert(command.end(), slots.begin(), slots.end());
  return command;
}

}  // namespace

RedisStore::RedisStore(net::Loop& loop, const log::Logger& logger, const redis::Options& options)
    : client_(loop, logger, options), commit_script_(kCommitScript), prune_script_(kPruneScript) {}

void RedisStore::on_link(std::function<void(bool)> callback) {
  client_.on_link(std::move(callback));
}

void RedisStore::send(std::vector<Command> commands, OnValues on_values) {
  CHECK(!commands.empty());
  const uint64_t id = next_batch_++;
  Batch& batch = batches_[id];
  batch.on_values = std::move(on_values);
  batch.values.reserve(commands.size());
  const size_t count = commands.size();
  for (auto& command : commands) {
    client_.command(std::move(command), [this, id, count](Result<redis::Value> reply) {
      Batch& waiting = batches_.at(id);
      if (!reply && !waiting.error) waiting.error = reply.error();
      waiting.values.push_back(reply ? std::move(*reply) : redis::Value{});
      if (waiting.values.size() < count) return;
      Batch done = std::move(waiting);
      batches_.erase(id);
      if (done.error) return done.on_values(std::move(*done.error));
      done.on_values(std::move(done.values));
    });
  }
}

void RedisStore::read_process(const std::string& process_guid, const ProcessParts& parts,
                              On<ProcessRows> on_rows) {
  CHECK(parts.scheduling || parts.run || parts.all_slots || !parts.slots.empty());
  std::vector<ProcessRows> named(1);
  named[0].process_guid = process_guid;
  read_processes(std::move(named), parts, "", [on_rows](Result<ProcessPage> page) {
    if (!page) return on_rows(std::move(page.error()));
    on_rows(std::move(page->processes[0]));
  });
}

void RedisStore::read_processes(std::vector<ProcessRows> named, const ProcessParts& parts,
                                std::string next, On<ProcessPage> on_page) {
  std::vector<Command> commands;
  if (parts.scheduling) commands.push_back({"MGET"});
  for (const auto& rows : named)
    if (parts.scheduling) commands.back().push_back(scheduling_key(rows.process_guid));
  if (parts.run) commands.push_back({"MGET"});
  for (const auto& rows : named)
    if (parts.run) commands.back().push_back(run_key(rows.process_guid));
  const bool slots = parts.all_slots || !parts.slots.empty();
  for (const auto& rows : named) {
    if (parts.all_slots) {
      commands.push_back({"HGETALL", actual_key(rows.process_guid)});
    } else if (slots) {
      commands.push_back(with_slots({"HMGET", actual_key(rows.process_guid)}, parts.slots));
    }
  }
  send(std::move(commands), [this, named = std::move(named), parts, slots, next = std::move(next),
                             on_page](Result<std::vector<redis::Value>> values) mutable {
    if (!values) return on_page(std::move(values.error()));
    size_t reply = 0;
    if (parts.scheduling) {
      for (size_t i = 0; i < named.size(); ++i)
        named[i].scheduling = optional_text((*values)[reply].items.at(i));
      ++reply;
    }
    if (parts.run) {
      for (size_t i = 0; i < named.size(); ++i)
        named[i].run = optional_text((*values)[reply].items.at(i));
      ++reply;
    }
    for (size_t i = 0; slots && i < named.size(); ++i)
      take_slots((*values)[reply++], parts, named[i].actual);
    const bool whole = parts.scheduling && parts.all_slots;
    for (const auto& rows : named) {
      const bool listed = !rows.domain.empty();
      if (whole && listed && !rows.scheduling && rows.actual.empty()) prune(rows);
    }
    on_page(ProcessPage{std::move(named), std::move(next)});
  });
}

void RedisStore::prune(const ProcessRows& empty) {
  const std::string& guid = empty.process_guid;
  client_.eval(prune_script_, {kProcesses, scheduling_key(guid), actual_key(guid)},
               {member(empty.domain, guid)}, [](const Result<redis::Value>&) {});
}

void RedisStore::page_processes(const ProcessQuery& query, On<ProcessPage> on_page) {
  CHECK(query.parts.scheduling || query.parts.all_slots);
  client_.command(range_command(kProcesses, query.domain, query.after),
                  [this, query, on_page](Result<redis::Value> reply) {
                    if (!reply) return on_page(std::move(reply.error()));
                    std::string next;
                    if (reply->items.size() == kPageEntries) next = reply->items.back().text;
                    std::vector<ProcessRows> named;
                    for (const auto& item : reply->items) {
                      auto [domain, guid] = split_member(item.text);
                      if (!query.domain.empty() && domain != query.domain) continue;
                      if (!starts_with_one_of(guid, query.prefixes)) continue;
                      ProcessRows rows;
                      rows.domain = std::move(domain);
                      rows.process_guid = std::move(guid);
                      named.push_back(std::move(rows));
                    }
                    if (named.empty()) return on_page(ProcessPage{{}, std::move(next)});
                    read_processes(std::move(named), query.parts, std::move(next), on_page);
                  });
}

void RedisStore::read_cell(const std::string& cell_id, On<std::vector<CellRow>> on_rows) {
  client_.command({"SMEMBERS", cell_key(cell_id)}, [this, on_rows](Result<redis::Value> reply) {
    if (!reply) return on_rows(std::move(reply.error()));
    std::map<std::string, std::vector<std::string>> slots;  // by process
    for (const auto& item : reply->items) {
      auto [guid, slot] = split_member(item.text);
      slots[guid].push_back(slot);
    }
    if (slots.empty()) return on_rows(std::vector<CellRow>{});
    std::vector<Command> commands;
    for (const auto& [guid, of_guid] : slots)
      commands.push_back(with_slots({"HMGET", actual_key(guid)}, of_guid));
    send(std::move(commands),
         [slots = std::move(slots), on_rows](Result<std::vector<redis::Value>> values) {
           if (!values) return on_rows(std::move(values.error()));
           std::vector<CellRow> rows;
           size_t command = 0;
           for (const auto& [guid, of_guid] : slots) {
             auto& items = (*values)[command++].items;
             for (size_t i = 0; i < items.size(); ++i) {
               if (auto bytes = optional_text(items[i]))
                 rows.push_back({guid, of_guid[i], std::move(*bytes)});
             }
           }
           on_rows(std::move(rows));
         });
  });
}

void RedisStore::read_tasks(std::vector<NamedRow> named, On<std::vector<NamedRow>> on_rows) {
  if (named.empty()) return on_rows(std::vector<NamedRow>{});
  Command command{"MGET"};
  for (const auto& row : named) command.push_back(task_key(row.id));
  client_.command(std::move(command),
                  [named = std::move(named), on_rows](Result<redis::Value> reply) {
                    if (!reply) return on_rows(std::move(reply.error()));
                    std::vector<NamedRow> rows;
                    for (size_t i = 0; i < named.size(); ++i) {
                      if (auto bytes = optional_text(reply->items.at(i)))
                        rows.push_back({named[i].id, std::move(*bytes), named[i].domain});
                    }
                    on_rows(std::move(rows));
                  });
}

void RedisStore::page_tasks(const TaskQuery& query, On<TaskPage> on_page) {
  client_.command(range_command(kTasks, query.domain, query.after),
                  [this, query, on_page](Result<redis::Value> reply) {
                    if (!reply) return on_page(std::move(reply.error()));
                    std::string next;
                    if (reply->items.size() == kPageEntries) next = reply->items.back().text;
                    std::vector<NamedRow> named;
                    for (const auto& item : reply->items) {
                      auto [domain, guid] = split_member(item.text);
                      if (query.domain.empty() || domain == query.domain)
                        named.push_back({std::move(guid), "", std::move(domain)});
                    }
                    read_tasks(std::move(named),
                               [on_page, next](Result<std::vector<NamedRow>> rows) {
                                 if (!rows) return on_page(std::move(rows.error()));
                                 on_page(TaskPage{std::move(*rows), next});
                               });
                  });
}

void RedisStore::read_cell_tasks(const std::string& cell_id, On<std::vector<NamedRow>> on_rows) {
  client_.command({"SMEMBERS", cell_tasks_key(cell_id)},
                  [this, on_rows](Result<redis::Value> reply) {
                    if (!reply) return on_rows(std::move(reply.error()));
                    std::vector<NamedRow> named;
                    for (auto& item : reply->items) named.push_back({std::move(item.text), ""});
                    read_tasks(std::move(named), on_rows);
                  });
}

void RedisStore::read_row(const RowKey& key, On<std::optional<std::string>> on_row) {
  CHECK(key.table >= Table::task);
  const auto [name, field] = place_of(key);
  Command command = field.empty() ? Command{"GET", name} : Command{"HGET", name, field};
  client_.command(std::move(command), [on_row](Result<redis::Value> reply) {
    if (!reply) return on_row(std::move(reply.error()));
    on_row(optional_text(*reply));
  });
}

void RedisStore::read_table(Table table, On<std::vector<NamedRow>> on_rows) {
  CHECK(table >= Table::domain);
  client_.command({"HGETALL", place_of({table, ""}).first}, [on_rows](Result<redis::Value> reply) {
    if (!reply) return on_rows(std::move(reply.error()));
    std::vector<NamedRow> rows;
    auto& items = reply->items;
    for (size_t i = 0; i + 1 < items.size(); i += 2)
      rows.push_back({std::move(items[i].text), std::move(items[i + 1].text)});
    on_rows(std::move(rows));
  });
}

void RedisStore::commit(const Change& change, On<void> on_done) {
  const CommitCall call(change);
  client_.eval(commit_script_, call.keys, call.args, [on_done](Result<redis::Value> reply) {
    if (!reply) return on_done(std::move(reply.error()));
    on_done({});
  });
}

}  // namespace causeway::store
