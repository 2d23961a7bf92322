#pragma once

#include <cstdint>
#include <string>

#include "control/bbs/errands/outbox.h"
#include "control/bbs/ledger/ledger.h"

namespace causeway::bbs {

// Tells those who wait for a task that it is completed: marks it Resolving, posts its result,
// deletes it. A task whose receiver cannot be reached stays Resolving; convergence has it tried
// again. Owner: main(). Thread: its loop's.
class TaskCallbacks {
 public:
  TaskCallbacks(Ledger& ledger, Outbox& outbox, const log::Logger& logger, size_t under_way_max)
      : ledger_(ledger), outbox_(outbox), logger_(logger), under_way_max_(under_way_max) {}

  // Above the maximum under way: left to convergence.
  void deliver(const models::Task& task);
  size_t under_way() const { return under_way_; }

 private:
  void post(const models::Task& task, int attempt);

  Ledger& ledger_;
  Outbox& outbox_;
  const log::Logger& logger_;
  const size_t under_way_max_;
  size_t under_way_ = 0;
};

// The JSON body of a callback.
std::string callback_body(const models::Task& task);

}  // namespace causeway::bbs
