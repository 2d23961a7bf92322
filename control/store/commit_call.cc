#include "control/store/commit_call.h"

#include <algorithm>

#include "base/check.h"
#include "control/store/page_place.h"

namespace causeway::store {

const char* const kCommitScript = R"(
local at = 3
for _ = 1, tonumber(ARGV[2]) do
  local key, field, forms = KEYS[tonumber(ARGV[at])], ARGV[at + 1], tonumber(ARGV[at + 2])
  local found
  if field == '' then found = redis.call('GET', key) else found = redis.call('HGET', key, field) end
  local expected = false
  for form = at + 3, at + 2 + forms do
    if ARGV[form] == (found or '') then expected = true end
  end
  if not expected then return redis.error_reply('CONFLICT row changed') end
  at = at + 3 + forms
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

const char* const kPruneScript = R"(
if redis.call('EXISTS', KEYS[3], KEYS[4]) == 0 then return redis.call('ZREM', KEYS[2], ARGV[2]) end
return 0
)";

const char* const kMarkScript = R"(
redis.call('SET', KEYS[2], ARGV[1])
return 1
)";

std::string fenced(const char* script) {
  return std::string(R"(
if ARGV[1] ~= '' and redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return redis.error_reply('FENCED another bbs leads')
end
)") + script;
}

namespace {

bool is_of_process(Table table) { return table == Table::scheduling || table == Table::actual; }

}  // namespace

CommitCall::CommitCall(const KeySpace& space, const RowForm& form, const std::string& token,
                       const Change& change)
    : space_(space), form_(form), shard_(space.shard_of(change.at(0).key)) {
  key(space_.fence(shard_));
  const auto blind =
      std::count_if(change.begin(), change.end(), [](auto& row) { return row.blind; });
  args = {token, std::to_string(static_cast<ptrdiff_t>(change.size()) - blind)};
  for (const RowChange& row : change) {
    CHECK(space_.shard_of(row.key) == shard_);
    if (!row.blind) add_check(row);
  }
  for (const RowChange& row : change) {
    if (row.blind || row.before != row.after) add_writes(row);
  }
  for (const RowChange& row : change) {
    if (!is_of_process(row.key.table) || row.after || !row.before) continue;
    const std::string& guid = row.key.id;
    write("PRUNE", space_.processes(shard_),
          {key(space_.scheduling(guid)), key(space_.actual(guid)), index_member(row.domain, guid)});
  }
}

std::string CommitCall::key(const std::string& name) {
  const auto known = std::find(keys.begin(), keys.end(), name);
  const auto number = known - keys.begin();
  if (known == keys.end()) keys.push_back(name);
  return std::to_string(number + 1);
}

void CommitCall::write(const char* command, const std::string& name,
                       std::vector<std::string> rest) {
  args.insert(args.end(), {std::to_string(rest.size()), command, key(name)});
  for (std::string& each : rest) args.push_back(std::move(each));
}

void CommitCall::add_check(const RowChange& row) {
  CHECK(!row.before || !row.before->empty());
  const auto [name, field] = space_.place_of(row.key);
  std::vector<std::string> forms{""};
  if (row.before) forms = form_.forms(row.key, *row.before);
  args.insert(args.end(), {key(name), field, std::to_string(forms.size())});
  for (std::string& one : forms) args.push_back(std::move(one));
}

void CommitCall::add_writes(const RowChange& row) {
  const auto [name, field] = space_.place_of(row.key);
  if (row.after) {
    CHECK(!row.after->empty());
    std::string bytes = form_.stored(row.key, *row.after);
    if (field.empty()) {
      write("SET", name, {std::move(bytes)});
    } else {
      write("HSET", name, {field, std::move(bytes)});
    }
  } else if (field.empty()) {
    write("DEL", name, {});
  } else {
    write("HDEL", name, {field});
  }
  add_index_writes(row);
}

void CommitCall::add_index_writes(const RowChange& row) {
  const Table table = row.key.table;
  const bool task = table == Table::task;
  const std::string member = index_member(row.domain, row.key.id);
  if (row.after && !row.before && is_of_process(table))
    write("ZADD", space_.processes(shard_), {"0", member});
  if (row.after && !row.before && task) write("ZADD", space_.tasks(shard_), {"0", member});
  if (!row.after && task) write("ZREM", space_.tasks(shard_), {member});
  if (row.cell_before == row.cell_after) return;
  const std::string entry = task ? row.key.id : row.key.id + "/" + row.key.slot;
  const auto set_of = [&](const std::string& cell) {
    return task ? space_.cell_tasks(shard_, cell) : space_.cell(shard_, cell);
  };
  if (!row.cell_before.empty()) write("SREM", set_of(row.cell_before), {entry});
  if (!row.cell_after.empty()) write("SADD", set_of(row.cell_after), {entry});
}

}  // namespace causeway::store
