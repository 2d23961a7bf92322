#pragma once

#include <functional>
#include <map>
#include <string>

#include "control/store/store.h"
#include "test/sim/process.h"

namespace causeway::sim {

// The cells that are there: rows without an expiry, and this bbs's notion of how long each is good
// for; see bbs::Locket, which has timers of a loop. Owner: SimBbs.
class Presences {
 public:
  Presences(store::Store& store, Timeline& timeline, std::function<void()> on_change)
      : store_(store), timeline_(timeline), on_change_(std::move(on_change)) {}

  // Whoever is in the store has its full time from now on.
  void renew_all();
  // The store is away: nothing expires.
  void suspend() { good_until_.clear(); }
  // Each second of this process's.
  void look_for_expired();
  void refresh(const std::string& cell, const std::string& zone);
  bool has(const std::string& cell) const { return good_until_.contains(cell); }

 private:
  void write(const std::string& cell, const std::optional<std::string>& after);

  store::Store& store_;
  Timeline& timeline_;
  const std::function<void()> on_change_;
  std::map<std::string, Instant> good_until_;
  Instant looked_{};
};

}  // namespace causeway::sim
