#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <memory_resource>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "control/bbs/errands/errands.h"
#include "control/bbs/events/event_streams.h"
#include "control/bbs/rows/stored_process.h"
#include "control/bbs/rules/lrp_rules.h"
#include "control/bbs/rules/task_rules.h"
#include "control/store/store.h"

namespace causeway::bbs {

// One commit of a decision and the state it leads to: what its events are made of.
struct CommitStep {
  store::Change change;
  Verdict part;
};

// Writes what rules decide. Reads the rows a rule needs, has it decide, and commits its decision on
// the condition that the rows are still what it saw; somebody else was faster: again. Then events
// go to the subscribers and errands are sent, and the caller hears of it. What stands without its
// replicas' confirmation is told to all of them likewise, as later decisions rest on it; only the
// caller is refused. What may stand because the link broke, subscribers learn by reading anew
// (service.cc). Owner: main(). Thread: its loop's. Ends: decisions under way are dropped, committed
// or not.
class Ledger {
 public:
  struct World {
    store::Store& store;
    const Clock& clock;
    std::function<std::string()> new_guid;
    EventStreams& streams;
    Errands& errands;
    const log::Logger& logger;
  };
  // Which rows of the process a rule sees.
  struct Selection {
    std::optional<int32_t> index = {};  // absent: all
    bool scheduling = false;
    bool run = false;
    // Are they as the rule would leave them? Asked first, as it may tell without decoding them.
    std::function<bool(const store::ProcessRows&)> is_settled = {};
  };
  using OnVerdict = std::function<void(const Verdict&)>;
  using OnTaskVerdict = std::function<void(const TaskVerdict&)>;

  explicit Ledger(World world) : world_(std::move(world)) {}
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  // A failing store is a refusal like any other.
  void decide(const std::string& process_guid, Selection selection, Rule rule, std::string trace_id,
              OnVerdict on_verdict);
  void decide_task(const std::string& task_guid, TaskRule rule, OnTaskVerdict on_verdict,
                   std::string trace_id = {});

  // Told of tasks that are completed and have a callback.
  void on_callback_due(std::function<void(const models::Task&)> callback) {
    on_callback_due_ = std::move(callback);
  }
  uint64_t conflicts() const { return conflicts_; }
  // Changes that stand, but not on as many replicas as they should.
  uint64_t unconfirmed() const { return unconfirmed_; }
  // Tasks that have begun and ended, however that came.
  struct TaskCounts {
    uint64_t started = 0, succeeded = 0, failed = 0;
  };
  const TaskCounts& tasks() const { return tasks_; }
  size_t under_way() const { return decisions_.size() + task_decisions_.size(); }

 private:
  struct Decision {
    std::string process_guid;
    Selection selection;
    Rule rule;
    std::string trace_id;
    OnVerdict on_verdict;
    int attempts = 0;
    ProcessState before;
    Verdict verdict;
    std::vector<CommitStep> steps;  // in this order; more than one only for very many instances
    size_t committed = 0;
    std::optional<Refusal> unconfirmed;  // what the caller is told although it stands
  };
  struct TaskDecision {
    std::string task_guid;
    TaskRule rule;
    OnTaskVerdict on_verdict;
    std::string trace_id;
    int attempts = 0;
    std::optional<models::Task> before;
    TaskVerdict verdict;
    std::optional<Refusal> unconfirmed;
  };

  void read(uint64_t id);
  void rule_on(uint64_t id, const store::ProcessRows& rows);
  void answer_unwritten(uint64_t id);
  void commit_next(uint64_t id);
  void publish(const Decision& decision, const CommitStep& step);
  void overtaken(uint64_t id);
  void finish(uint64_t id, std::optional<Refusal> refusal);

  void read_task(uint64_t id);
  void rule_on_task(uint64_t id, const std::optional<std::string>& row);
  void answer_task_unwritten(uint64_t id);
  void count_task(const TaskDecision& decision);
  void finish_task(uint64_t id, std::optional<Refusal> refusal);
  bool stands(const Result<void>& done, std::optional<Refusal>& unconfirmed);

  World world_;
  // Decisions are large and come with each call: their memory is used again.
  static constexpr std::pmr::pool_options kPool{.max_blocks_per_chunk = 64,
                                                .largest_required_pool_block = 4096};
  std::pmr::unsynchronized_pool_resource memory_{kPool};
  std::pmr::map<uint64_t, Decision> decisions_{&memory_};
  std::pmr::map<uint64_t, TaskDecision> task_decisions_{&memory_};
  uint64_t next_id_ = 0;
  uint64_t conflicts_ = 0;
  uint64_t unconfirmed_ = 0;
  TaskCounts tasks_;
  bool is_confirmed_ = true;  // the last commit was
  std::function<void(const models::Task&)> on_callback_due_;
};

}  // namespace causeway::bbs
