#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "control/store/memory_store.h"

namespace causeway::sim {

// The Redis of one run: rows, the lock of the one who leads and its token, which every commit is
// compared with. Its last writes can be lost, as when a replica is promoted that did not have them.
// Owner: World. Thread: one.
class SimRedis {
 public:
  store::MemoryStore& rows() { return rows_; }
  uint64_t token() const { return lead_.token; }

  // The lock and the token change together.
  void take_lead(uint64_t token, Instant until);
  bool renew(uint64_t token, Instant until);
  void release(uint64_t token);
  bool has_leader(Instant now) const { return lead_.holder != 0 && lead_.until > now; }

  bool is_up() const { return is_up_; }
  void set_up(bool up) { is_up_ = up; }

  // From now on the replica hears of nothing.
  void lose_replica();
  // It is promoted: what came since is forgotten. Answers whether there was one.
  bool promote_replica();

  // A link's commands from a number on get lost on their way; those before it arrive.
  uint64_t connect() { return ++connections_; }
  void cut(uint64_t connection, uint64_t from) { cuts_[connection] = from; }
  bool has_lost(uint64_t connection, uint64_t command) const;

  // As the store's commit, for who has the token.
  Result<void> commit(uint64_t token, const store::Change& change, Instant now);
  // While the replica hears of nothing, those who wait for it are told Fault::timeout.
  void leave_unconfirmed(bool unconfirmed) { is_unconfirmed_ = unconfirmed; }
  Result<void> confirm() const;

  uint64_t changes() const { return changes_; }
  // Those that were not about domains and tasks.
  uint64_t lrp_changes() const { return lrp_changes_; }
  Instant last_change() const { return last_change_; }
  const std::string& last_changed() const { return last_changed_; }

 private:
  struct Lead {
    uint64_t token = 0;
    uint64_t holder = 0;  // of the lock: its token
    Instant until{};
  };
  void note(const store::RowChange& row, Instant now);

  store::MemoryStore rows_;
  Lead lead_;
  std::optional<Lead> replica_lead_;      // as the replica has it
  std::vector<store::RowChange> undone_;  // what leads back to the replica's rows, the last first
  bool is_up_ = true;
  bool is_unconfirmed_ = false;
  uint64_t connections_ = 0;
  std::map<uint64_t, uint64_t> cuts_;
  uint64_t changes_ = 0, lrp_changes_ = 0;
  Instant last_change_{};
  std::string last_changed_;
};

}  // namespace causeway::sim
