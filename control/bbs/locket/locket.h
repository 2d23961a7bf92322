#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "control/store/store.h"
#include "locket.pb.h"
#include "net/timer.h"

namespace causeway::log {
class Logger;
}

namespace causeway::bbs {

// Why Locket refuses, as its HTTP face says it.
struct LocketRefusal {
  int status = 0;  // 400, 404, 409, 503
  std::string text;
};

// What becomes of a resource: pure.
struct LocketVerdict {
  std::optional<LocketRefusal> refusal;
  std::optional<models::StoredResource> after;
};
LocketVerdict lock_rule(const std::optional<models::StoredResource>& found,
                        const models::LockRequest& request, const std::string& new_id);
LocketVerdict release_rule(const std::optional<models::StoredResource>& found,
                           const models::Resource& resource);

// Locks and presences with a time to live. They are rows without an expiry of the store's: this
// process has a timer for each, and after a restart, or when the store comes back, all of them
// start anew. So nobody loses a lock because we were away. Owner: main(). Thread: its loop's.
class Locket {
 public:
  template <class T>
  using On = std::function<void(Result<T, LocketRefusal>)>;

  Locket(net::Loop& loop, store::Store& store, const Clock& clock, const log::Logger& logger,
         std::function<std::string()> new_guid);

  void lock(const models::LockRequest& request, On<void> on_done);
  void release(const models::ReleaseRequest& request, On<void> on_done);
  void fetch(const models::FetchRequest& request, On<models::Resource> on_resource);
  void fetch_all(const models::FetchAllRequest& request,
                 On<std::vector<models::Resource>> on_resources);

  // The store is away: nothing expires until renew_all() has found out what there is, and given all
  // of it fresh timers.
  void suspend() { leases_.clear(); }
  // Asks again until the store answers (it may still be loading).
  void renew_all();
  // Called when a presence appears or goes.
  void on_presence(std::function<void(const std::string& key, bool present)> callback) {
    on_presence_ = std::move(callback);
  }

  size_t locks() const { return counted(store::Table::lock); }
  size_t presences() const { return counted(store::Table::presence); }
  uint64_t locks_expired() const { return locks_expired_; }
  uint64_t presences_expired() const { return presences_expired_; }

 private:
  using Name = std::pair<store::Table, std::string>;
  struct Lease {
    Instant ends;
    int64_t modified_index = 0;
  };
  using Rule = std::function<LocketVerdict(const std::optional<models::StoredResource>&)>;

  // Who acquired it has been told so; renewals need not wait for replicas then.
  bool is_acquired(const Name& name, std::string_view modified_id) const;
  void change(const Name& name, Rule rule, int attempts, On<void> on_done);
  void note(const Name& name, const std::optional<models::StoredResource>& before,
            const std::optional<models::StoredResource>& after);
  void read_resources(store::Table table);
  void look_for_expired();
  void expire(const Name& name, int64_t modified_index);
  size_t counted(store::Table table) const;

  store::Store& store_;
  const Clock& clock_;
  const log::Logger& logger_;
  std::function<std::string()> new_guid_;
  net::Timer tick_;
  Instant last_tick_;
  std::map<Name, Lease> leases_;
  // The modified_id, which renewals keep, of what replicas have confirmed. Outlives suspend().
  std::map<Name, std::string> acquired_;
  std::set<store::Table> unread_;  // to be asked for at the next tick
  std::function<void(const std::string&, bool)> on_presence_;
  uint64_t locks_expired_ = 0, presences_expired_ = 0;
};

}  // namespace causeway::bbs
