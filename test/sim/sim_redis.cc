#include "test/sim/sim_redis.h"

#include <utility>

namespace causeway::sim {

void SimRedis::take_lead(uint64_t token, Instant until) { lead_ = {token, token, until}; }

bool SimRedis::renew(uint64_t token, Instant until) {
  if (lead_.holder != token || lead_.token != token) return false;
  lead_.until = until;
  return true;
}

void SimRedis::release(uint64_t token) {
  if (lead_.holder == token) lead_.holder = 0;
}

void SimRedis::lose_replica() {
  if (!replica_lead_) replica_lead_ = lead_;
}

bool SimRedis::promote_replica() {
  if (!replica_lead_) return false;
  lead_ = *std::exchange(replica_lead_, std::nullopt);
  for (auto row = undone_.rbegin(); row != undone_.rend(); ++row) rows_.put(*row);
  undone_.clear();
  ++changes_;
  return true;
}

bool SimRedis::has_lost(uint64_t connection, uint64_t command) const {
  const auto cut = cuts_.find(connection);
  return cut != cuts_.end() && command >= cut->second;
}

Result<void> SimRedis::commit(uint64_t token, const store::Change& change, Instant now) {
  if (token != lead_.token)
    return Error{.fault = Fault::refused, .detail = "FENCED another bbs leads"};
  store::Change found = change;
  for (store::RowChange& row : found) {
    if (!row.blind) continue;
    rows_.read_row(row.key, [&row](auto bytes) { row.before = std::move(*bytes); });
    rows_.run_pending();
  }
  std::optional<Result<void>> answer;
  const size_t before = rows_.commits();
  rows_.commit(change, [&answer](Result<void> result) { answer = std::move(result); });
  rows_.run_pending();
  if (rows_.commits() == before) return *answer;
  ++changes_;
  for (const store::RowChange& row : found) note(row, now);
  return confirm();
}

Result<void> SimRedis::confirm() const {
  if (!is_unconfirmed_) return {};
  return Error{.fault = Fault::timeout, .detail = "no replica has confirmed"};
}

void SimRedis::note(const store::RowChange& row, Instant now) {
  if (row.before == row.after) return;
  if (replica_lead_) {
    undone_.push_back({.key = row.key,
                       .before = row.after,
                       .after = row.before,
                       .domain = row.domain,
                       .cell_before = row.cell_after,
                       .cell_after = row.cell_before});
  }
  if (row.key.table == store::Table::domain || row.key.table == store::Table::task) return;
  ++lrp_changes_;
  last_change_ = now;
  last_changed_ = row.key.id + "/" + row.key.slot;
}

}  // namespace causeway::sim
