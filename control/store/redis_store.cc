#include "control/store/redis_store.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "control/store/commit_call.h"
#include "control/store/page_place.h"

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

std::vector<std::string> with_slots(std::vector<std::string> command,
                                    const std::vector<std::string>& slots) {
  command.insert(command.end(), slots.begin(), slots.end());
  return command;
}

// Where the page after `entries` of a shard begins; "" for nowhere.
std::string next_cursor(size_t shard, size_t shards, const std::vector<redis::Value>& entries) {
  if (entries.size() == kPageEntries) return cursor_behind(shard, entries.back().text);
  return cursor_behind_shard(shard, shards);
}

}  // namespace

RedisStore::RedisStore(net::Loop& loop, const log::Logger& logger, const Options& options)
    : options_(options),
      form_(options.keys),
      client_(loop, logger, options.redis),
      commit_script_(fenced(kCommitScript)),
      prune_script_(fenced(kPruneScript)),
      mark_script_(fenced(kMarkScript)),
      confirmations_(client_,
                     {.replicas = options.wait_replicas,
                      .timeout = options.wait_timeout,
                      .mark = [this](size_t shard,
                                     redis::OnWritten on) { write_mark(shard, std::move(on)); }}),
      losses_(1),
      look_timer_(loop) {
  client_.on_link([this](bool usable) { take_link(usable); });
  look_timer_.once(options_.look_interval, [this] { look_for_losses(); });
}

void RedisStore::shards(size_t count) {
  space_ = KeySpace(count);
  confirmations_.shards(count);
  losses_ = LossWatch(count);
}

void RedisStore::fence(std::string token, std::function<void()> on_fenced) {
  token_ = std::move(token);
  on_fenced_ = std::move(on_fenced);
}

void RedisStore::on_link(std::function<void(bool)> callback) { on_link_ = std::move(callback); }

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
  std::string bytes = form_.opened(key, std::move(value.text));
  if (bytes.empty()) return std::nullopt;  // not by us
  return bytes;
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
  const auto [shard, after] = parse_cursor(query.after);
  client_.command(range_command(space_.processes(shard), query.domain, after),
                  [this, query, on_page, shard = shard](Result<redis::Value> reply) {
                    if (!reply) return on_page(std::move(reply.error()));
                    Reading reading;
                    reading.parts = query.parts;
                    reading.on_page = on_page;
                    reading.next = next_cursor(shard, space_.shards(), reply->items);
                    for (const auto& item : reply->items) {
                      const auto [domain, guid] = split_member(item.text);
                      if (!query.domain.empty() && domain != query.domain) continue;
                      if (!starts_with_one_of(guid, query.prefixes)) continue;
                      ProcessRows rows;
                      rows.domain = domain;
                      rows.process_guid = guid;
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
        const auto [guid, slot] = split_member(item.text);
        rows.push_back({std::string(guid), std::string(slot), ""});
        commands.push_back({"HGET", space_.actual(rows.back().process_guid), rows.back().slot});
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
  const auto [shard, after] = parse_cursor(query.after);
  client_.command(range_command(space_.tasks(shard), query.domain, after),
                  [this, query, on_page, shard = shard](Result<redis::Value> reply) {
                    if (!reply) return on_page(std::move(reply.error()));
                    std::string next = next_cursor(shard, space_.shards(), reply->items);
                    std::vector<NamedRow> named;
                    for (const auto& item : reply->items) {
                      const auto [domain, guid] = split_member(item.text);
                      if (query.domain.empty() || domain == query.domain)
                        named.push_back({std::string(guid), "", std::string(domain)});
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
                [this, change, on_done](const Result<redis::Value>& reply, const auto& place) {
                  take_commit(change, reply, place, on_done);
                });
}

void RedisStore::take_commit(const Change& change, const Result<redis::Value>& reply,
                             const redis::Place& place, const On<void>& on_done) {
  const size_t shard = space_.shard_of(change[0].key);
  if (!reply) {
    if (!is_surely_undone(reply.error())) {
      losses_.uncertain(shard, change);
      confirmations_.doubt(shard);
    }
    note_fenced(reply.error());
    return on_done(reply.error());
  }
  const uint64_t link = losses_.written(shard, change, place);
  confirmations_.written(shard, change, place,
                         [this, shard, change, link, on_done](const Result<void>& done) {
                           if (done) losses_.acknowledged(shard, change, link);
                           on_done(done);
                         });
}

void RedisStore::confirm_process(const std::string& process_guid, const ProcessParts& parts,
                                 On<void> on_done) {
  confirmations_.confirm(
      space_.shard_of(process_guid),
      [&](const UnconfirmedRows& rows) { return rows.has(process_guid, parts); },
      std::move(on_done));
}

void RedisStore::confirm_row(const RowKey& key, On<void> on_done) {
  confirmations_.confirm(
      space_.shard_of(key), [&](const UnconfirmedRows& rows) { return rows.has(key); },
      std::move(on_done));
}

void RedisStore::write_mark(size_t shard, redis::OnWritten on_written) {
  client_.write(mark_script_, {space_.fence(shard), space_.mark(shard)}, {token_},
                [this, on_written = std::move(on_written)](Result<redis::Value> reply,
                                                           const redis::Place& place) {
                  if (!reply) note_fenced(reply.error());
                  on_written(std::move(reply), place);
                });
}

void RedisStore::take_link(bool usable) {
  if (usable) look_for_losses();  // before anybody writes over it
  if (on_link_) on_link_(usable);
}

void RedisStore::look_for_losses() {
  look_timer_.once(options_.look_interval, [this] { look_for_losses(); });
  if (!client_.is_connected()) return;
  for (size_t shard = 0; shard < space_.shards(); ++shard) {
    const auto key = losses_.begin_look(shard);
    if (!key) continue;
    const auto [name, field] = space_.place_of(*key);
    // The fence is read behind it: who has taken over since may have written the row anew.
    send({field.empty() ? Command{"GET", name} : Command{"HGET", name, field},
          {"GET", space_.fence(shard)}},
         [this, shard, key = *key](Result<Values> values) {
           if (!values) return losses_.drop_look(shard);
           take_look(shard, key, std::move(*values));
         });
  }
}

void RedisStore::take_look(size_t shard, const RowKey& key, Values values) {
  if (!token_.empty() && values[1].text != token_) return losses_.drop_look(shard);
  if (!losses_.end_look(shard, opened(key, values[0]))) return;
  if (on_link_) {
    on_link_(false);
    on_link_(true);
  }
  if (on_loss_) on_loss_(key);
}

}  // namespace causeway::store
