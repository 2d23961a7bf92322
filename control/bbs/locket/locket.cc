#include "control/bbs/locket/locket.h"

#include <algorithm>
#include <utility>

#include "control/bbs/rows/rows.h"
#include "log/logger.h"

namespace causeway::bbs {

namespace {

using namespace std::chrono_literals;
using store::Table;

constexpr Duration kTick = 250ms;
constexpr int kLocketAttemptsMax = 16;
constexpr int64_t kTtlSecondsMax = 24 * 3600;

LocketRefusal collision() { return {409, "lock-collision"}; }
LocketRefusal store_away(const Error& error) { return {503, to_string(error)}; }

std::string_view name_of(models::Resource::TypeCode type) {
  if (type == models::Resource::LOCK) return "lock";
  return type == models::Resource::PRESENCE ? "presence" : "";
}

// UNKNOWN for what is neither a lock nor a presence, or one by its name and the other by its code.
models::Resource::TypeCode type_of(const models::Resource& resource) {
  for (const auto type : {models::Resource::LOCK, models::Resource::PRESENCE}) {
    if (resource.type_code() == models::Resource::UNKNOWN && resource.type() == name_of(type))
      return type;
    if (resource.type_code() == type &&
        (resource.type().empty() || resource.type() == name_of(type)))
      return type;
  }
  return models::Resource::UNKNOWN;
}

Table table_of(models::Resource::TypeCode type) {
  return type == models::Resource::PRESENCE ? Table::presence : Table::lock;
}

Duration ttl_of(const models::StoredResource& stored) {
  return std::chrono::seconds(std::clamp<int64_t>(stored.ttl_in_seconds(), 1, kTtlSecondsMax));
}

}  // namespace

LocketVerdict lock_rule(const std::optional<models::StoredResource>& found,
                        const models::LockRequest& request, const std::string& new_id) {
  const models::Resource& resource = request.resource();
  const auto type = type_of(resource);
  if (type == models::Resource::UNKNOWN)
    return {.refusal = LocketRefusal{400, "invalid-type"}, .after = {}};
  if (request.ttl_in_seconds() <= 0)
    return {.refusal = LocketRefusal{400, "invalid-ttl"}, .after = {}};
  if (resource.owner().empty())
    return {.refusal = LocketRefusal{400, "invalid-owner"}, .after = {}};
  if (found && found->resource().owner() != resource.owner())
    return {.refusal = collision(), .after = {}};
  LocketVerdict verdict;
  models::StoredResource& after = verdict.after.emplace();
  *after.mutable_resource() = resource;
  after.mutable_resource()->set_type_code(type);
  after.mutable_resource()->set_type(std::string(name_of(type)));
  after.set_ttl_in_seconds(std::min(request.ttl_in_seconds(), kTtlSecondsMax));
  after.set_modified_id(found ? found->modified_id() : new_id);
  after.set_modified_index(found ? found->modified_index() + 1 : 1);
  return verdict;
}

LocketVerdict release_rule(const std::optional<models::StoredResource>& found,
                           const models::Resource& resource) {
  if (found && found->resource().owner() != resource.owner())
    return {.refusal = collision(), .after = {}};
  return {};
}

Locket::Locket(net::Loop& loop, store::Store& store, const Clock& clock, const log::Logger& logger,
               std::function<std::string()> new_guid)
    : store_(store),
      clock_(clock),
      logger_(logger),
      new_guid_(std::move(new_guid)),
      tick_(loop),
      last_tick_(clock.now()) {
  tick_.every(kTick, [this] { look_for_expired(); });
}

void Locket::change(const Name& name, Rule rule, int attempts, On<void> on_done) {
  store_.read_row({name.first, name.second}, [this, name, rule = std::move(rule), attempts,
                                              on_done = std::move(on_done)](const auto& row) {
    if (!row) return on_done(store_away(row.error()));
    std::optional<models::StoredResource> found;
    if (*row && !decode_row(**row, found.emplace()))
      found.reset();  // overwritten: it is of no use to anybody
    const LocketVerdict verdict = rule(found);
    if (verdict.refusal) return on_done(*verdict.refusal);
    store::RowChange change{
        .key = {name.first, name.second},
        .before = *row,
        .after = verdict.after ? std::optional(encode_row(*verdict.after)) : std::nullopt};
    store_.commit({std::move(change)}, [this, name, rule, attempts, on_done, found,
                                        after = verdict.after](const Result<void>& done) {
      // Replicas that are late do not undo it.
      const bool stands = done || done.error().fault == Fault::timeout;
      if (stands) note(name, found, after);
      if (done && after) acquired_[name] = after->modified_id();
      if (done || (stands && after && is_acquired(name, after->modified_id()))) return on_done({});
      // It may stand all the same: what there is now is found out at the next tick.
      if (done.error().fault == Fault::unavailable) {
        leases_.erase(name);
        unread_.insert(name.first);
      }
      if (done.error().fault != Fault::conflict || attempts >= kLocketAttemptsMax)
        return on_done(store_away(done.error()));
      this->change(name, rule, attempts + 1, on_done);
    });
  });
}

bool Locket::is_acquired(const Name& name, std::string_view modified_id) const {
  const auto found = acquired_.find(name);
  return found != acquired_.end() && found->second == modified_id;
}

void Locket::note(const Name& name, const std::optional<models::StoredResource>& before,
                  const std::optional<models::StoredResource>& after) {
  if (after) {
    leases_[name] = {clock_.now() + ttl_of(*after), after->modified_index()};
  } else {
    leases_.erase(name);
    acquired_.erase(name);
  }
  const bool changed = before.has_value() != after.has_value();
  if (changed && name.first == Table::presence && on_presence_)
    on_presence_(name.second, after.has_value());
}

void Locket::lock(const models::LockRequest& request, On<void> on_done) {
  const Name name{table_of(type_of(request.resource())), request.resource().key()};
  change(
      name,
      [request, id = new_guid_()](const auto& found) { return lock_rule(found, request, id); }, 1,
      std::move(on_done));
}

// Requests name no type that could be relied on: whichever of the two tables has the key, as the
// store knows (right after a hand-over we do not, yet).
void Locket::release(const models::ReleaseRequest& request, On<void> on_done) {
  const models::Resource& resource = request.resource();
  const std::string& key = resource.key();
  store_.read_row({Table::presence, key}, [this, resource, on_done](const auto& row) {
    if (!row) return on_done(store_away(row.error()));
    const Rule rule = [resource](const auto& found) { return release_rule(found, resource); };
    change({*row ? Table::presence : Table::lock, resource.key()}, rule, 1, on_done);
  });
}

void Locket::fetch(const models::FetchRequest& request, On<models::Resource> on_resource) {
  const auto answer = [on_resource](const std::string& row) {
    models::StoredResource stored;
    if (!decode_row(row, stored))
      return on_resource(LocketRefusal{500, "could not deserialize record"});
    on_resource(std::move(*stored.mutable_resource()));
  };
  const std::string key = request.key();
  store_.read_row({Table::lock, key}, [this, key, answer, on_resource](const auto& row) {
    if (!row) return on_resource(store_away(row.error()));
    if (*row) return answer(**row);
    store_.read_row({Table::presence, key}, [answer, on_resource](const auto& other) {
      if (!other) return on_resource(store_away(other.error()));
      if (!*other) return on_resource(LocketRefusal{404, "resource-not-found"});
      answer(**other);
    });
  });
}

void Locket::fetch_all(const models::FetchAllRequest& request,
                       On<std::vector<models::Resource>> on_resources) {
  models::Resource asked;
  asked.set_type(request.type());
  asked.set_type_code(request.type_code());
  const auto type = type_of(asked);
  if (type == models::Resource::UNKNOWN) {
    // Never from inside the call.
    return store_.read_row({Table::lock, ""}, [on_resources](const auto&) {
      on_resources(LocketRefusal{400, "invalid-type"});
    });
  }
  store_.read_table(table_of(type), [this, on_resources](const auto& rows) {
    if (!rows) return on_resources(store_away(rows.error()));
    std::vector<models::Resource> resources;
    for (const auto& row : *rows) {
      models::StoredResource stored;
      if (decode_row(row.bytes, stored)) {
        resources.push_back(std::move(*stored.mutable_resource()));
      } else {
        logger_.error("undecodable-resource", {{"key", row.id}});
      }
    }
    on_resources(std::move(resources));
  });
}

void Locket::renew_all() {
  unread_.clear();
  read_resources(Table::lock);
  read_resources(Table::presence);
}

void Locket::read_resources(Table table) {
  store_.read_table(table, [this, table](const auto& rows) {
    if (!rows) {
      unread_.insert(table);
      return;
    }
    for (const auto& row : *rows) {
      models::StoredResource stored;
      if (!decode_row(row.bytes, stored)) continue;
      // What was refreshed since the read knows better.
      leases_.try_emplace({table, row.id},
                          Lease{clock_.now() + ttl_of(stored), stored.modified_index()});
    }
  });
}

void Locket::look_for_expired() {
  // We slept, not the others (a stopped process, a machine that was suspended): their time starts
  // when ours does.
  const Instant now = clock_.now();
  const Duration slept = now - std::exchange(last_tick_, now);
  if (slept > kTick + 1s) {
    logger_.info("slept",
                 {{"milliseconds", std::chrono::duration_cast<Milliseconds>(slept).count()}});
    for (auto& [name, lease] : leases_) lease.ends += slept;
  }
  for (const Table table : std::exchange(unread_, {})) read_resources(table);
  std::vector<std::pair<Name, int64_t>> expired;
  for (auto& [name, lease] : leases_) {
    if (clock_.now() < lease.ends) continue;
    expired.emplace_back(name, lease.modified_index);
    lease.ends = clock_.now() + 1s;  // tried again if the store is away
  }
  for (const auto& [name, modified_index] : expired) expire(name, modified_index);
}

void Locket::expire(const Name& name, int64_t modified_index) {
  const Rule rule = [modified_index](const std::optional<models::StoredResource>& found) {
    LocketVerdict verdict;
    // Refreshed meanwhile: stays.
    if (found && found->modified_index() != modified_index)
      verdict.refusal = LocketRefusal{409, "refreshed"};
    return verdict;
  };
  change(name, rule, 1, [this, name](const Result<void, LocketRefusal>& done) {
    if (!done) {
      // Refreshed, or the store is away.
      return logger_.debug("not-expired", {{"key", name.second}, {"reason", done.error().text}});
    }
    const bool lock = name.first == Table::lock;
    ++(lock ? locks_expired_ : presences_expired_);
    logger_.info(lock ? "lock-expired" : "presence-expired", {{"key", name.second}});
  });
}

size_t Locket::counted(Table table) const {
  return static_cast<size_t>(
      std::count_if(leases_.begin(), leases_.end(),
                    [table](const auto& lease) { return lease.first.first == table; }));
}

}  // namespace causeway::bbs
