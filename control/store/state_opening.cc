#include "control/store/state_opening.h"

#include <charconv>
#include <utility>

#include "base/check.h"

namespace causeway::store {

namespace {

// Keys of schema 1 of which one is there unless there is no state at all.
constexpr const char* kOldKeys[] = {"bbs:processes", "bbs:tasks", "bbs:domains", "bbs:locks",
                                    "bbs:presences"};
constexpr const char* kKeysPerScan = "500";

// KEYS: fence, meta. ARGV: token, number of fields to drop, those, and then fields and values.
constexpr const char* kWriteScript = R"(
if ARGV[1] ~= '' and redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return redis.error_reply('FENCED another bbs leads')
end
local drops = tonumber(ARGV[2])
for at = 3, 2 + drops do redis.call('HDEL', KEYS[2], ARGV[at]) end
for at = 3 + drops, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[at], ARGV[at + 1]) end
return 1
)";

// KEYS: fence, and then from, to, from, to.
constexpr const char* kRenameScript = R"(
if ARGV[1] ~= '' and redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return redis.error_reply('FENCED another bbs leads')
end
for at = 2, #KEYS, 2 do
  if redis.call('EXISTS', KEYS[at]) == 1 then redis.call('RENAME', KEYS[at], KEYS[at + 1]) end
end
return 1
)";

template <class Number>
Number number_of(const std::string& text) {
  Number number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

StateFacts facts_of(const redis::Value& meta, bool any_old) {
  StateFacts facts;
  for (size_t i = 0; i + 1 < meta.items.size(); i += 2) {
    const std::string& field = meta.items[i].text;
    const std::string& value = meta.items[i + 1].text;
    if (field == "schema") facts.schema = number_of<int>(value);
    if (field == "shards") facts.shards = number_of<size_t>(value);
    if (field == "in_the_clear") facts.in_the_clear = true;
    if (field.starts_with("key:")) facts.key_checks[field.substr(4)] = value;
  }
  if (facts.schema == 0 && any_old) facts.schema = 1;
  if (facts.schema == 1) {
    facts.shards = 1;
    facts.in_the_clear = true;
  }
  return facts;
}

Error state_error(Fault fault, std::string detail) {
  return {.fault = fault, .detail = std::move(detail)};
}

}  // namespace

std::vector<std::string> StateFacts::labels() const {
  std::vector<std::string> labels;
  for (const auto& [label, check] : key_checks) labels.push_back(label);
  if (in_the_clear) labels.emplace_back("");
  return labels;
}

Result<void> check_state(const StateFacts& facts, const KeyRing* keys) {
  if (facts.schema > kSchemaVersion) {
    return state_error(Fault::unsupported,
                       "the state in Redis has schema version " + std::to_string(facts.schema) +
                           ", this program knows " + std::to_string(kSchemaVersion) +
                           ": start a newer one");
  }
  if (facts.schema > 0 && facts.shards == 0)
    return state_error(Fault::invalid, "the state in Redis says nothing of its shards");
  for (const auto& [label, check] : facts.key_checks) {
    if (keys == nullptr || !keys->knows(label)) {
      return state_error(Fault::invalid, "rows in Redis are sealed with the key \"" + label +
                                             "\", which is not among encryption_keys");
    }
    if (keys->check_value(label) != check) {
      return state_error(Fault::invalid, "the passphrase of the key \"" + label +
                                             "\" in encryption_keys is not the one that rows in "
                                             "Redis are sealed with");
    }
  }
  return {};
}

std::string migrated_key(const std::string& name) {
  const std::string prefix = KeySpace::prefix(0);
  if (!name.starts_with("bbs:") || name.starts_with("bbs:{")) return "";
  const std::string rest = name.substr(4);
  // "s:{guid}"
  if (rest.size() > 4 && rest[1] == ':' && rest[2] == '{' && rest.ends_with('}'))
    return prefix + rest.substr(0, 2) + rest.substr(3, rest.size() - 4);
  return prefix + rest;
}

StateOpening::StateOpening(redis::Client& client, const log::Logger& logger, const Options& options)
    : client_(client),
      logger_(logger.session("state")),
      options_(options),
      write_script_(kWriteScript),
      rename_script_(kRenameScript) {}

void StateOpening::inspect(OnFacts on_facts) {
  on_facts_ = std::move(on_facts);
  found_ = {};
  found_.missing = 1 + std::size(kOldKeys);
  client_.command({"HGETALL", KeySpace::meta()}, [this](Result<redis::Value> reply) {
    if (reply) {
      found_.meta = std::move(*reply);
    } else {
      found_.error = reply.error();
    }
    if (--found_.missing == 0) take_found();
  });
  for (const char* key : kOldKeys) {
    client_.command({"EXISTS", key}, [this](const Result<redis::Value>& reply) {
      if (!reply) found_.error = reply.error();
      found_.any_old |= reply && reply->integer > 0;
      if (--found_.missing == 0) take_found();
    });
  }
}

void StateOpening::take_found() {
  if (found_.error) return fail(std::move(*found_.error));
  facts_ = facts_of(found_.meta, found_.any_old);
  if (auto good = check_state(facts_, options_.keys); !good) return fail(std::move(good.error()));
  if (facts_.schema == 0) facts_.shards = options_.shards;
  if (options_.insists_on_shards && facts_.shards != options_.shards) {
    return fail(
        state_error(Fault::invalid,
                    "redis.shards is " + std::to_string(options_.shards) +
                        ", but the state in Redis was begun with " + std::to_string(facts_.shards) +
                        ": rows lie where that number says, and it stays; set redis.shards to " +
                        std::to_string(facts_.shards) +
                        ", leave it out, or begin a new state (doc/durability.md)"));
  }
  std::exchange(on_facts_, {})(facts_);
}

void StateOpening::fail(Error error) { std::exchange(on_facts_, {})(std::move(error)); }

void StateOpening::prepare(const std::string& token, OnFacts on_facts) {
  inspect([this, token, on_facts = std::move(on_facts)](Result<StateFacts> facts) mutable {
    if (!facts) return on_facts(std::move(facts));
    on_facts_ = std::move(on_facts);
    if (facts_.schema == 1) return begin_migration(token);
    write_meta(token);
  });
}

// What it is is written down first: the keys that it is known by are moved among others, and who
// goes on after an interruption may find none of them.
void StateOpening::begin_migration(const std::string& token) {
  logger_.info("migrating", {{"from", 1}, {"to", kSchemaVersion}});
  client_.eval(write_script_, {KeySpace(1).fence(0), KeySpace::meta()}, {token, "0", "schema", "1"},
               [this, token](const Result<redis::Value>& reply) {
                 if (!reply) return fail(reply.error());
                 migrate(token, "0");
               });
}

void StateOpening::write_meta(const std::string& token) {
  facts_.schema = kSchemaVersion;
  std::vector<std::string> args{
      token, "0", "schema", std::to_string(facts_.schema), "shards", std::to_string(facts_.shards)};
  if (options_.keys != nullptr) {
    const std::string& label = options_.keys->active_label();
    const std::string check = options_.keys->check_value(label);
    facts_.key_checks[label] = check;
    args.insert(args.end(), {"key:" + label, check});
  } else {
    facts_.in_the_clear = true;
  }
  if (facts_.in_the_clear) args.insert(args.end(), {"in_the_clear", "1"});
  client_.eval(write_script_, {KeySpace(1).fence(0), KeySpace::meta()}, args,
               [this](const Result<redis::Value>& reply) {
                 if (!reply) return fail(reply.error());
                 std::exchange(on_facts_, {})(facts_);
               });
}

void StateOpening::forget_other_keys(const std::string& token,
                                     std::function<void(Result<void>)> on_done) {
  CHECK(options_.keys != nullptr);
  std::vector<std::string> drops{"in_the_clear"};
  for (const auto& [label, check] : facts_.key_checks) {
    if (label != options_.keys->active_label()) drops.push_back("key:" + label);
  }
  std::vector<std::string> args{token, std::to_string(drops.size())};
  args.insert(args.end(), drops.begin(), drops.end());
  client_.eval(write_script_, {KeySpace(1).fence(0), KeySpace::meta()}, args,
               [on_done = std::move(on_done)](const Result<redis::Value>& reply) {
                 if (!reply) return on_done(reply.error());
                 on_done({});
               });
}

void StateOpening::migrate(const std::string& token, const std::string& cursor) {
  client_.command({"SCAN", cursor, "MATCH", "bbs:*", "COUNT", kKeysPerScan},
                  [this, token](const Result<redis::Value>& reply) {
                    if (!reply) return fail(reply.error());
                    std::vector<std::string> names;
                    for (const auto& item : reply->items.at(1).items) names.push_back(item.text);
                    rename(token, names, reply->items.at(0).text);
                  });
}

void StateOpening::rename(const std::string& token, const std::vector<std::string>& names,
                          const std::string& cursor) {
  const auto go_on = [this, token, cursor] {
    if (cursor != "0") return migrate(token, cursor);
    logger_.info("migrated", {{"keys", keys_migrated_}});
    write_meta(token);
  };
  std::vector<std::string> keys{KeySpace(1).fence(0)};
  for (const std::string& name : names) {
    const std::string now = migrated_key(name);
    if (!now.empty()) keys.insert(keys.end(), {name, now});
  }
  if (keys.size() == 1) return go_on();
  client_.eval(rename_script_, keys, {token},
               [this, go_on, count = keys.size() / 2](const Result<redis::Value>& reply) {
                 if (!reply) return fail(reply.error());
                 keys_migrated_ += count;
                 go_on();
               });
}

}  // namespace causeway::store
