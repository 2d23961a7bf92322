#include "control/store/redis_store.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/check.h"
#include "control/store/commit_call.h"

namespace causeway::store {

namespace {

// Instances read by one command: about a millisecond of Redis.
constexpr const char* kSlotsPerScan = "512";

std::vector<std::string> range_command(const std::string& index, const std::string& domain,
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

std::vector<std::string> with_slots(std::vector<std::string> command,
                                    const std::vector<std::string>& slots) {
  command.insert(command.end(), slots.begin(), slots.end());
  return command;
}

// Where a page begins: "SHARD:ENTRY", after that entry.
std::pair<size_t, std::string> split_cursor(const std::string& cursor) {
  size_t shard = 0;
  const size_t colon = cursor.find(':');
  if (colon == std::string::npos) return {0, ""};
  std::from_chars(cursor.data(), cursor.data() + colon, shard);
  return {shard, cursor.substr(colon + 1)};
}

// Where the page after `entries` of a shard begins; "" for nowhere.
std::string next_cursor(size_t shard, size_t shards, const std::vector<redis::Value>& entries) {
  if (entries.size() == kPageEntries) return std::to_string(shard) + ":" + entries.back().text;
  return shard + 1 < shards ? std::to_string(shard + 1) + ":" : "";
}

}  // namespace

RedisStore::RedisStore(net::Loop& loop, const log::Logger& logger, const Options& options)
    : options_(options),
      form_(options.keys),
      client_(loop, logger, options.redis),
      commit_script_(kCommitScript),
      prune_script_(kPruneScript) {}

void RedisStore::fence(std::string token, std::function<void()> on_fenced) {
  token_ = std::move(token);
  on_fenced_ = std::move(on_fenced);
}

void RedisStore::on_link(std::function<void(bool)> callback) {
  client_.on_link(std::move(callback));
}

// Replies are kept in the order of the commands, in which they need not come.
void RedisStore::send(std::vector<Command> commands, OnValues on_values) {
  CHECK(!commands.empty());
  const uint64_t id = next_batch_++;
  Batch& batch = batches_[id];
  batch.on_values = std::move(on_values);
  batch.values.resize(commands.size());
  batch.missing = commands.size();
  for (size_t place = 0; place < commands.size(); ++place) {
    client_.command(std::move(commands[place]), [this, id, place](Result<redis::Value> reply) {
      Batch& waiting = batches_.at(id);
      if (reply) {
        waiting.values[place] = std::move(*reply);
      } else if (!waiting.error) {
        waiting.error = reply.error();
      }
      if (--waiting.missing > 0) return;
      Batch done = std::move(waiting);
      batches_.erase(id);
      if (done.error) return done.on_values(std::move(*done.error));
      done.on_values(std::move(done.values));
    });
  }
}

std::optional<std::string> RedisStore::opened(const RowKey& key, redis::Value& value) {
  if (value.kind != redis::Kind::string) return std::nullopt;
  return form_.opened(key, std::move(value.text));
}

void RedisStore::read_process(const std::string& process_guid, const ProcessParts& parts,
                              On<ProcessRows> on_rows) {
  CHECK(parts.scheduling || parts.run || parts.all_slots || !parts.slots.empty());
  Reading reading;
  reading.parts = parts;
  reading.processes.resize(1);
  reading.processes[0].process_guid = process_guid;
  reading.on_page = [on_rows = std::move(on_rows)](Result<ProcessPage> page) {
    if (!page) return on_rows(std::move(page.error()));
    on_rows(std::move(page->processes[0]));
  };
  read_processes(std::move(reading));
}

// All of one shard.
void RedisStore::read_processes(Reading reading) {
  const ProcessParts& parts = reading.parts;
  std::vector<Command> commands;
  if (parts.scheduling) {
    commands.push_back({"MGET"});
    for (const auto& rows : reading.processes)
      commands.back().push_back(space_.scheduling(rows.process_guid));
  }
  if (parts.run) {
    commands.push_back({"MGET"});
    for (const auto& rows : reading.processes)
      commands.back().push_back(space_.run(rows.process_guid));
  }
  for (const auto& rows : reading.processes) {
    const std::string key = space_.actual(rows.process_guid);
    if (parts.all_slots) {
      commands.push_back({"HSCAN", key, "0", "COUNT", kSlotsPerScan});
    } else if (!parts.slots.empty()) {
      commands.push_back(with_slots({"HMGET", key}, parts.slots));
    }
  }
  send(std::move(commands), [this, reading = std::move(reading)](Result<Values> values) mutable {
    if (!values) return reading.on_page(std::move(values.error()));
    take_processes(std::move(reading), std::move(*values));
  });
}

void RedisStore::take_processes(Reading reading, Values values) {
  const ProcessParts& parts = reading.parts;
  size_t reply = 0;
  const auto take_column = [&](bool asked, Table table, auto member) {
    if (!asked) return;
    for (size_t i = 0; i < reading.processes.size(); ++i) {
      ProcessRows& rows = reading.processes[i];
      rows.*member = opened({table, rows.process_guid}, values[reply].items.at(i));
    }
    ++reply;
  };
  take_column(parts.scheduling, Table::scheduling, &ProcessRows::scheduling);
  take_column(parts.run, Table::run, &ProcessRows::run);
  for (size_t i = 0; reply < values.size(); ++i, ++reply) {
    if (parts.all_slots) {
      take_scan(reading, i, values[reply]);
      continue;
    }
    ProcessRows& rows = reading.processes[i];
    auto& items = values[reply].items;
    for (size_t slot = 0; slot < items.size(); ++slot) {
      const RowKey key{Table::actual, rows.process_guid, parts.slots[slot]};
      if (auto bytes = opened(key, items[slot]))
        rows.actual.push_back({key.slot, std::move(*bytes)});
    }
  }
  read_on(std::move(reading));
}

// HSCAN: cursor, and field, value, field, value.
void RedisStore::take_scan(Reading& reading, size_t process, redis::Value& value) {
  if (value.items.size() != 2) return;
  ProcessRows& rows = reading.processes[process];
  auto& items = value.items[1].items;
  for (size_t i = 0; i + 1 < items.size(); i += 2) {
    const RowKey key{Table::actual, rows.process_guid, std::move(items[i].text)};
    if (auto bytes = opened(key, items[i + 1]))
      rows.actual.push_back({key.slot, std::move(*bytes)});
  }
  if (value.items[0].text != "0") reading.scans.emplace_back(process, value.items[0].text);
}

// Processes with very many instances take several commands.
void RedisStore::read_on(Reading reading) {
  if (reading.scans.empty()) return finish_reading(std::move(reading));
  const auto scans = std::exchange(reading.scans, {});
  std::vector<Command> commands;
  for (const auto& [process, cursor] : scans) {
    const std::string key = space_.actual(reading.processes[process].process_guid);
    commands.push_back({"HSCAN", key, cursor, "COUNT", kSlotsPerScan});
  }
  send(std::move(commands),
       [this, scans, reading = std::move(reading)](Result<Values> values) mutable {
         if (!values) return reading.on_page(std::move(values.error()));
         for (size_t i = 0; i < scans.size(); ++i) take_scan(reading, scans[i].first, (*values)[i]);
         read_on(std::move(reading));
       });
}

void RedisStore::finish_reading(Reading reading) {
  const bool whole = reading.parts.scheduling && reading.parts.all_slots;
  for (auto& rows : reading.processes) {
    // A hash that grows while it is scanned may name a field twice.
    std::stable_sort(rows.actual.begin(), rows.actual.end(),
                     [](const auto& a, const auto& b) { return a.slot < b.slot; });
    const auto same = [](const auto& a, const auto& b) { return a.slot == b.slot; };
    rows.actual.erase(std::unique(rows.actual.begin(), rows.actual.end(), same), rows.actual.end());
    const bool listed = !rows.domain.empty();
    if (whole && listed && !rows.scheduling && rows.actual.empty()) prune(rows);
  }
  reading.on_page(ProcessPage{std::move(reading.processes), std::move(reading.next)});
}

void RedisStore::prune(const ProcessRows& empty) {
  const std::string& guid = empty.process_guid;
  const size_t shard = space_.shard_of(guid);
  client_.eval(
      prune_script_,
      {space_.fence(shard), space_.processes(shard), space_.scheduling(guid), space_.actual(guid)},
      {token_, index_member(empty.domain, guid)}, [this](const Result<redis::Value>& reply) {
        if (!reply) note_fenced(reply.error());
      });
}

void RedisStore::page_processes(const ProcessQuery& query, On<ProcessPage> on_page) {
  CHECK(query.parts.scheduling || query.parts.all_slots);
  const auto [shard, after] = split_cursor(query.after);
  client_.command(range_command(space_.processes(shard), query.domain, after),
                  [this, query, on_page, shard = shard](Result<redis::Value> reply) {
                    if (!reply) return on_page(std::move(reply.error()));
                    Reading reading;
                    reading.parts = query.parts;
                    reading.on_page = on_page;
                    reading.next = next_cursor(shard, space_.shards(), reply->items);
                    for (const auto& item : reply->items) {
                      auto [domain, guid] = split_member(item.text);
                      if (!query.domain.empty() && domain != query.domain) continue;
                      if (!starts_with_one_of(guid, query.prefixes)) continue;
                      ProcessRows rows;
                      rows.domain = std::move(domain);
                      rows.process_guid = std::move(guid);
                      reading.processes.push_back(std::move(rows));
                    }
                    if (reading.processes.empty())
                      return on_page(ProcessPage{{}, std::move(reading.next)});
                    read_processes(std::move(reading));
                  });
}

void RedisStore::read_cell(const std::string& cell_id, On<std::vector<CellRow>> on_rows) {
  std::vector<Command> sets;
  for (size_t shard = 0; shard < space_.shards(); ++shard)
    sets.push_back({"SMEMBERS", space_.cell(shard, cell_id)});
  send(std::move(sets), [this, on_rows](Result<Values> members) {
    if (!members) return on_rows(std::move(members.error()));
    // A cell seldom has two instances of a process: each row is asked for by itself.
    std::vector<CellRow> rows;
    std::vector<Command> commands;
    for (const auto& set : *members) {
      for (const auto& item : set.items) {
        auto [guid, slot] = split_member(item.text);
        commands.push_back({"HGET", space_.actual(guid), slot});
        rows.push_back({std::move(guid), std::move(slot), ""});
      }
    }
    if (rows.empty()) return on_rows(std::move(rows));
    send(std::move(commands), [this, rows = std::move(rows),
                               on_rows](Result<Values> values) mutable {
      if (!values) return on_rows(std::move(values.error()));
      for (size_t i = 0; i < rows.size(); ++i) {
        CellRow& row = rows[i];
        row.bytes = opened({Table::actual, row.process_guid, row.slot}, (*values)[i]).value_or("");
      }
      std::erase_if(rows, [](const CellRow& row) { return row.bytes.empty(); });
      on_rows(std::move(rows));
    });
  });
}

// One command for each shard.
void RedisStore::read_tasks(std::vector<NamedRow> named, On<std::vector<NamedRow>> on_rows) {
  if (named.empty()) return on_rows(std::vector<NamedRow>{});
  std::map<size_t, std::vector<size_t>> by_shard;
  for (size_t i = 0; i < named.size(); ++i) by_shard[space_.shard_of(named[i].id)].push_back(i);
  std::vector<Command> commands;
  std::vector<std::vector<size_t>> places;
  for (auto& [shard, of_shard] : by_shard) {
    commands.push_back({"MGET"});
    for (const size_t place : of_shard) commands.back().push_back(space_.task(named[place].id));
    places.push_back(std::move(of_shard));
  }
  send(std::move(commands), [this, named = std::move(named), places = std::move(places),
                             on_rows](Result<Values> values) mutable {
    if (!values) return on_rows(std::move(values.error()));
    for (size_t command = 0; command < places.size(); ++command) {
      for (size_t i = 0; i < places[command].size(); ++i) {
        NamedRow& row = named[places[command][i]];
        row.bytes = opened({Table::task, row.id}, (*values)[command].items.at(i)).value_or("");
      }
    }
    std::erase_if(named, [](const auto& row) { return row.bytes.empty(); });
    on_rows(std::move(named));
  });
}

void RedisStore::page_tasks(const TaskQuery& query, On<TaskPage> on_page) {
  const auto [shard, after] = split_cursor(query.after);
  client_.command(range_command(space_.tasks(shard), query.domain, after),
                  [this, query, on_page, shard = shard](Result<redis::Value> reply) {
                    if (!reply) return on_page(std::move(reply.error()));
                    std::string next = next_cursor(shard, space_.shards(), reply->items);
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
  std::vector<Command> sets;
  for (size_t shard = 0; shard < space_.shards(); ++shard)
    sets.push_back({"SMEMBERS", space_.cell_tasks(shard, cell_id)});
  send(std::move(sets), [this, on_rows](Result<Values> members) {
    if (!members) return on_rows(std::move(members.error()));
    std::vector<NamedRow> named;
    for (auto& set : *members)
      for (auto& item : set.items) named.push_back({std::move(item.text), ""});
    read_tasks(std::move(named), on_rows);
  });
}

void RedisStore::read_row(const RowKey& key, On<std::optional<std::string>> on_row) {
  CHECK(key.table >= Table::task);
  const auto [name, field] = space_.place_of(key);
  Command command = field.empty() ? Command{"GET", name} : Command{"HGET", name, field};
  client_.command(std::move(command), [this, key, on_row](Result<redis::Value> reply) {
    if (!reply) return on_row(std::move(reply.error()));
    on_row(opened(key, *reply));
  });
}

void RedisStore::read_table(Table table, On<std::vector<NamedRow>> on_rows) {
  CHECK(table >= Table::domain);
  client_.command({"HGETALL", space_.place_of({table, ""}).first},
                  [on_rows](Result<redis::Value> reply) {
                    if (!reply) return on_rows(std::move(reply.error()));
                    std::vector<NamedRow> rows;
                    auto& items = reply->items;
                    for (size_t i = 0; i + 1 < items.size(); i += 2)
                      rows.push_back({std::move(items[i].text), std::move(items[i + 1].text)});
                    on_rows(std::move(rows));
                  });
}

void RedisStore::note_fenced(const Error& error) {
  if (error.fault == Fault::refused && on_fenced_) std::exchange(on_fenced_, {})();
}

void RedisStore::commit(const Change& change, On<void> on_done) {
  CommitCall call(space_, form_, token_, change);
  client_.write(commit_script_, call.keys, call.args,
                [this, on_done](Result<redis::Value> reply, const redis::Place& place) {
                  if (reply) return acknowledge(place, on_done);
                  note_fenced(reply.error());
                  on_done(std::move(reply.error()));
                });
}

// A link answers in order, and WAIT covers all that it has written before it: what is answered
// before the WAIT under way is covered by that one too. More than one would only hold the link up,
// each for the whole timeout; on any other link it would confirm nothing.
void RedisStore::acknowledge(const redis::Place& place, On<void> on_done) {
  if (options_.wait_replicas == 0) return on_done({});
  auto& waiting = unconfirmed_[place];
  waiting.push_back(std::move(on_done));
  if (waiting.size() > 1) return;
  client_.confirm(place, options_.wait_replicas, options_.wait_timeout,
                  [this, place](const Result<redis::Value>& reply) {
                    const auto covered = std::move(unconfirmed_.extract(place).mapped());
                    const auto verdict = verdict_of(reply);
                    for (const auto& each : covered) each(verdict);
                  });
}

// What is not confirmed is written all the same.
Result<void> RedisStore::verdict_of(const Result<redis::Value>& reply) const {
  if (reply && reply->integer >= options_.wait_replicas) return {};
  return Error{
      .fault = Fault::timeout,
      .side = Side::backend,
      .detail = reply ? "only " + std::to_string(reply->integer) +
                            " replicas have confirmed the write in time"
                      // Demoted, or the link broke.
                      : "it is not known whether replicas have the write: " + reply.error().detail};
}

}  // namespace causeway::store
