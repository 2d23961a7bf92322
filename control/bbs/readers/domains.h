#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "control/store/store.h"

namespace causeway::bbs {

// Which domains are fresh: only in those may convergence delete. Owner: main(). Thread: its loop's.
class Domains {
 public:
  explicit Domains(store::Store& store) : store_(store) {}

  // `ttl_seconds` 0: for ever.
  void upsert(const std::string& domain, uint32_t ttl_seconds, int64_t now_ns,
              store::Store::On<void> on_done);
  using Names = std::set<std::string, std::less<>>;
  void list_fresh(int64_t now_ns, store::Store::On<Names> on_names);
  // The same, and drops those that have expired.
  void sweep(int64_t now_ns, store::Store::On<Names> on_names);

 private:
  void read(int64_t now_ns, bool drop_expired, store::Store::On<Names> on_names);

  store::Store& store_;
};

}  // namespace causeway::bbs
