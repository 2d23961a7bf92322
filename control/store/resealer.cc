#include "control/store/resealer.h"

#include <algorithm>
#include <utility>

#include "control/store/row_form.h"
#include "control/store/store.h"

namespace causeway::store {

namespace {

// KEYS: fence, key. ARGV: token, field ("" for a string key), bytes expected, bytes to write.
constexpr const char* kResealScript = R"(
if ARGV[1] ~= '' and redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return redis.error_reply('FENCED another bbs leads')
end
local hash = ARGV[2] ~= ''
local found
if hash then found = redis.call('HGET', KEYS[2], ARGV[2]) else found = redis.call('GET', KEYS[2]) end
if found ~= ARGV[3] then return 0 end
if hash then redis.call('HSET', KEYS[2], ARGV[2], ARGV[4]) else redis.call('SET', KEYS[2], ARGV[4]) end
return 1
)";

constexpr Duration kRetryWait = std::chrono::seconds(5);

}  // namespace

Resealer::Resealer(net::Loop& loop, redis::Client& client, const log::Logger& logger,
                   Options options, OnEnd on_end)
    : client_(client),
      logger_(logger.session("resealer")),
      options_(std::move(options)),
      on_end_(std::move(on_end)),
      reseal_script_(kResealScript),
      timer_(loop) {
  logger_.info("started", {{"active_key", options_.keys.active_label()}});
  timer_.once(Duration::zero(), [this] { next_page(); });
}

void Resealer::next_page() {
  ++attempt_;
  const std::string index =
      in_tasks_ ? options_.space.tasks(shard_) : options_.space.processes(shard_);
  client_.command({"ZRANGEBYLEX", index, after_.empty() ? "-" : "(" + after_, "+", "LIMIT", "0",
                   std::to_string(kPageEntries)},
                  [this, attempt = attempt_](const Result<redis::Value>& reply) {
                    if (attempt != attempt_) return;
                    if (!reply) return fail(reply.error());
                    take_page(*reply);
                  });
}

void Resealer::take_page(const redis::Value& members) {
  next_after_ = members.items.size() == kPageEntries ? members.items.back().text : "";
  looked_at_ = 0;
  std::vector<Asked> rows;
  for (const auto& member : members.items) {
    const std::string guid = member.text.substr(member.text.rfind('/') + 1);
    const KeySpace& space = options_.space;
    if (in_tasks_) {
      rows.push_back({space.task(guid), RowForm::about({Table::task, guid})});
      continue;
    }
    rows.push_back({space.scheduling(guid), RowForm::about({Table::scheduling, guid})});
    rows.push_back({space.run(guid), RowForm::about({Table::run, guid})});
    rows.push_back({space.actual(guid), RowForm::about({Table::actual, guid, ""}), true});
  }
  if (rows.empty()) return rest();
  read_rows(std::move(rows));
}

void Resealer::read_rows(std::vector<Asked> rows) {
  missing_ = rows.size();
  for (auto& row : rows) {
    std::vector<std::string> command = row.is_hash ? std::vector<std::string>{"HGETALL", row.key}
                                                   : std::vector<std::string>{"GET", row.key};
    client_.command(std::move(command),
                    [this, row = std::move(row), attempt = attempt_](const auto& reply) {
                      if (attempt != attempt_) return;
                      if (!reply) return fail(reply.error());
                      take_row(row, *reply);
                      done_with_one();
                    });
  }
}

void Resealer::take_row(const Asked& row, const redis::Value& value) {
  if (!row.is_hash) {
    if (value.kind == redis::Kind::string) reseal(row.key, "", row.about, value.text);
    return;
  }
  for (size_t i = 0; i + 1 < value.items.size(); i += 2) {
    const std::string& field = value.items[i].text;
    reseal(row.key, field, row.about + field, value.items[i + 1].text);
  }
}

void Resealer::reseal(const std::string& key, const std::string& field, const std::string& about,
                      const std::string& stored) {
  ++looked_at_;
  const std::string label = label_of_row(stored);
  const KeyRing& keys = options_.keys;
  if (label == keys.active_label()) return;
  const auto text = label.empty() ? Result<std::string>(stored) : keys.open(about, stored);
  if (!text) {
    ++unreadable_;
    return logger_.error("unreadable-row", text.error(), {{"key", key}});
  }
  ++missing_;
  client_.eval(reseal_script_, {options_.space.fence(shard_), key},
               {options_.token, field, stored, keys.seal(keys.active_label(), about, *text)},
               [this, attempt = attempt_](const Result<redis::Value>& reply) {
                 if (attempt != attempt_) return;
                 if (!reply) return fail(reply.error());
                 resealed_ += static_cast<uint64_t>(reply->integer);
                 done_with_one();
               });
}

void Resealer::done_with_one() {
  if (--missing_ == 0) rest();
}

void Resealer::rest() {
  after_ = next_after_;
  if (after_.empty() && ++shard_ == options_.space.shards()) {
    shard_ = 0;
    if (std::exchange(in_tasks_, true)) {
      logger_.info("ended", {{"resealed", resealed_}, {"unreadable", unreadable_}});
      return on_end_(unreadable_ == 0);
    }
  }
  const auto pause = std::chrono::nanoseconds(std::chrono::seconds(1)) *
                     static_cast<int64_t>(looked_at_) / options_.rows_per_second;
  timer_.once(pause, [this] { next_page(); });
}

// The same page again, as a whole, when Redis is back; another leader will begin anew.
void Resealer::fail(const Error& error) {
  ++attempt_;
  if (error.fault == Fault::refused) return timer_.disarm();
  timer_.once(kRetryWait, [this] { next_page(); });
}

}  // namespace causeway::store
