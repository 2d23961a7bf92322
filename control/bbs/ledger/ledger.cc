#include "control/bbs/ledger/ledger.h"

#include <iterator>
#include <utility>

#include "base/check.h"
#include "cf/models/models.h"
#include "log/logger.h"

namespace causeway::bbs {

namespace {

// A row that everybody writes at once is free again within a few rounds.
constexpr int kAttemptsMax = 16;
// Indexes of one commit: about a millisecond of Redis.
constexpr size_t kIndexesPerCommit = 128;

std::optional<std::string> bytes_of(const std::string& bytes) {
  return bytes.empty() ? std::nullopt : std::optional(bytes);
}

template <class Message>
std::optional<std::string> encoded(const std::optional<Message>& message) {
  return message ? std::optional(encode_row(*message)) : std::nullopt;
}

std::string cell_of(const std::optional<models::ActualLRP>& row) {
  return row ? row->actual_lrp_instance_key().cell_id() : "";
}

// What the caller of a decision that writes nothing is told, now that the store has confirmed or
// not what it rests on: the decision's refusal may be wrong then.
template <class Decision>
std::optional<Refusal> unwritten(Decision& decision, const Result<void>& done) {
  if (done) return decision.verdict.refusal;
  decision.unconfirmed = refusal_of(done.error());
  return decision.verdict.refusal ? decision.unconfirmed : std::nullopt;
}

store::ProcessParts parts_of(const Ledger::Selection& selection) {
  store::ProcessParts parts{.scheduling = selection.scheduling, .run = selection.run};
  if (selection.index) {
    parts.slots.reserve(std::size(kPresences));
    for (const Presence presence : kPresences)
      parts.slots.push_back(slot_name(*selection.index, presence));
  } else {
    parts.all_slots = true;
  }
  return parts;
}

// Turns a verdict into conditional writes.
class ChangePlan {
 public:
  ChangePlan(const std::string& process_guid, const StoredProcess& found, const Verdict& verdict)
      : guid_(process_guid), found_(found), verdict_(verdict) {}

  std::vector<CommitStep> steps() {
    std::vector<CommitStep> steps(1);
    CommitStep& first = steps.front();
    first.change = desired_changes();
    first.part.crashed = verdict_.crashed;
    first.part.after.scheduling = verdict_.after.scheduling;
    first.part.after.run = verdict_.after.run;
    bool writes = !first.change.empty();
    // What later commits rest on: the scheduling part as the first one leaves it.
    std::optional<store::RowChange> anchor;
    if (writes) {
      anchor = first.change.front();
      anchor->before = anchor->after;
    } else if (verdict_.rests_on_scheduling) {
      anchor = scheduling_change();
      anchor->after = anchor->before;
      first.change.push_back(*anchor);
    }
    size_t indexes = 0;
    for (const auto& [index, rows] : verdict_.after.indexes) {
      store::Change changes = index_changes(index, rows);
      const bool writes_index = has_write(changes);
      if (!writes_index && !verdict_.rests_on_all_indexes) continue;
      writes |= writes_index;
      if (++indexes > kIndexesPerCommit && !verdict_.rests_on_all_indexes) {
        steps.emplace_back();
        if (anchor) steps.back().change.push_back(*anchor);
        indexes = 1;
      }
      for (auto& change : changes) steps.back().change.push_back(std::move(change));
      steps.back().part.after.indexes[index] = rows;
    }
    if (!writes) steps.clear();
    return steps;
  }

 private:
  static bool has_write(const store::Change& changes) {
    for (const auto& change : changes)
      if (change.before != change.after) return true;
    return false;
  }

  store::RowChange scheduling_change() const {
    const auto& after = verdict_.after.scheduling;
    const auto& named = after ? after : found_.state.scheduling;
    return {.key = {store::Table::scheduling, guid_},
            .before = bytes_of(found_.scheduling_bytes),
            .after = encoded(after),
            .domain = named ? named->domain() : ""};
  }

  store::Change desired_changes() const {
    store::Change changes;
    const bool known = found_.state.scheduling || verdict_.after.scheduling;
    if (!known) return changes;
    store::RowChange scheduling = scheduling_change();
    if (scheduling.before == scheduling.after) return changes;
    changes.push_back(std::move(scheduling));
    store::RowChange run{.key = {store::Table::run, guid_},
                         .before = bytes_of(found_.run_bytes),
                         .after = encoded(verdict_.after.run)};
    if (run.before != run.after) changes.push_back(std::move(run));
    return changes;
  }

  store::Change index_changes(int32_t index, const IndexRows& rows) const {
    store::Change changes;
    static const IndexRows none;
    const auto found = found_.state.indexes.find(index);
    const IndexRows& before = found == found_.state.indexes.end() ? none : found->second;
    for (const Presence presence : kPresences) {
      const std::string slot = slot_name(index, presence);
      const auto bytes = found_.actual_bytes.find(slot);
      const auto& after = rows.of(presence);
      const auto& named = after ? after : before.of(presence);
      store::RowChange change{.key = {store::Table::actual, guid_, slot},
                              .before = bytes == found_.actual_bytes.end()
                                            ? std::nullopt
                                            : std::optional(bytes->second),
                              .after = encoded(after),
                              .domain = named ? named->actual_lrp_key().domain() : ""};
      change.cell_before = cell_of(before.of(presence));
      change.cell_after = cell_of(after);
      changes.push_back(std::move(change));
    }
    return changes;
  }

  const std::string& guid_;
  const StoredProcess& found_;
  const Verdict& verdict_;
};

}  // namespace

void Ledger::decide(const std::string& process_guid, Selection selection, Rule rule,
                    std::string trace_id, OnVerdict on_verdict) {
  const uint64_t id = next_id_++;
  Decision& decision = decisions_[id];
  decision.process_guid = process_guid;
  decision.selection = std::move(selection);
  decision.rule = std::move(rule);
  decision.trace_id = std::move(trace_id);
  decision.on_verdict = std::move(on_verdict);
  read(id);
}

void Ledger::read(uint64_t id) {
  Decision& decision = decisions_.at(id);
  ++decision.attempts;
  world_.store.read_process(decision.process_guid, parts_of(decision.selection),
                            [this, id](Result<store::ProcessRows> rows) {
                              if (!rows) return finish(id, refusal_of(rows.error()));
                              rule_on(id, *rows);
                            });
}

void Ledger::rule_on(uint64_t id, const store::ProcessRows& rows) {
  Decision& decision = decisions_.at(id);
  decision.verdict = {};  // of an attempt that was overtaken
  if (decision.selection.is_settled && decision.selection.is_settled(rows))
    return answer_unwritten(id);
  StoredProcess found = decode_process(rows);
  if (found.undecodable > 0) {
    world_.logger.error("undecodable-row", {{"process_guid", decision.process_guid}});
    return finish(id, refuse(models::Error::Deserialize));
  }
  decision.verdict = decision.rule(found.state, {world_.clock.wall().unix_ns, world_.new_guid()});
  if (decision.verdict.refusal) return answer_unwritten(id);
  decision.steps = ChangePlan(decision.process_guid, found, decision.verdict).steps();
  decision.committed = 0;
  decision.before = std::move(found.state);
  if (decision.steps.empty()) return answer_unwritten(id);
  commit_next(id);
}

// What the answer rests on may be a change whose caller was told that it is not confirmed.
void Ledger::answer_unwritten(uint64_t id) {
  const Decision& asked = decisions_.at(id);
  world_.store.confirm_process(
      asked.process_guid, parts_of(asked.selection),
      [this, id](const Result<void>& done) { finish(id, unwritten(decisions_.at(id), done)); });
}

void Ledger::commit_next(uint64_t id) {
  Decision& decision = decisions_.at(id);
  if (decision.committed == decision.steps.size()) return finish(id, std::nullopt);
  world_.store.commit(decision.steps[decision.committed].change,
                      [this, id](const Result<void>& done) {
                        Decision& waiting = decisions_.at(id);
                        if (stands(done, waiting.unconfirmed)) {
                          publish(waiting, waiting.steps[waiting.committed]);
                          ++waiting.committed;
                          return commit_next(id);
                        }
                        if (waiting.committed > 0) return overtaken(id);
                        if (done.error().fault == Fault::conflict) {
                          ++conflicts_;
                          if (waiting.attempts < kAttemptsMax) return read(id);
                        }
                        finish(id, refusal_of(done.error()));
                      });
}

// Has the change been made? Replicas that are late do not undo it.
bool Ledger::stands(const Result<void>& done, std::optional<Refusal>& unconfirmed) {
  const bool late = !done && done.error().fault == Fault::timeout;
  if (late) {
    ++unconfirmed_;
    unconfirmed = refusal_of(done.error());
    if (std::exchange(is_confirmed_, false))
      world_.logger.error("commits-unconfirmed", done.error());
  } else if (done && !std::exchange(is_confirmed_, true)) {
    world_.logger.info("commits-confirmed-again");
  }
  return done || late;
}

// The rest of a very large change could not be written. Its beginning stands, so the call has
// succeeded; convergence adds what is missing.
void Ledger::overtaken(uint64_t id) {
  Decision& decision = decisions_.at(id);
  world_.logger.info("change-overtaken", {{"process_guid", decision.process_guid}});
  for (size_t step = decision.committed; step < decision.steps.size(); ++step) {
    std::erase_if(decision.verdict.auction, [&](int32_t index) {
      return decision.steps[step].part.after.indexes.contains(index);
    });
  }
  finish(id, std::nullopt);
}

void Ledger::publish(const Decision& decision, const CommitStep& step) {
  const bool first = &step == decision.steps.data();
  ProcessState without_desired;
  if (!first) without_desired.indexes = decision.before.indexes;
  world_.streams.publish(first ? decision.before : without_desired, step.part, decision.trace_id);
}

void Ledger::finish(uint64_t id, std::optional<Refusal> refusal) {
  auto node = decisions_.extract(id);
  Decision& decision = node.mapped();
  Verdict& verdict = decision.verdict;
  verdict.refusal = std::move(refusal);
  if (!verdict.refusal) {
    const auto& scheduling =
        verdict.after.scheduling ? verdict.after.scheduling : decision.before.scheduling;
    if (!verdict.auction.empty() && scheduling)
      world_.errands.place(*scheduling, verdict.auction, decision.trace_id);
    for (const auto& instance : verdict.stop) world_.errands.stop(instance, decision.trace_id);
    for (const auto& instance : verdict.update)
      world_.errands.update(*scheduling, instance, decision.trace_id);
    verdict.refusal = std::move(decision.unconfirmed);
  }
  decision.on_verdict(verdict);
}

void Ledger::decide_task(const std::string& task_guid, TaskRule rule, OnTaskVerdict on_verdict,
                         std::string trace_id) {
  const uint64_t id = next_id_++;
  TaskDecision& decision = task_decisions_[id];
  decision.task_guid = task_guid;
  decision.rule = std::move(rule);
  decision.on_verdict = std::move(on_verdict);
  decision.trace_id = std::move(trace_id);
  read_task(id);
}

void Ledger::read_task(uint64_t id) {
  TaskDecision& decision = task_decisions_.at(id);
  ++decision.attempts;
  world_.store.read_row({store::Table::task, decision.task_guid}, [this, id](const auto& row) {
    if (!row) return finish_task(id, refusal_of(row.error()));
    rule_on_task(id, *row);
  });
}

void Ledger::rule_on_task(uint64_t id, const std::optional<std::string>& row) {
  TaskDecision& decision = task_decisions_.at(id);
  std::optional<models::Task> found;
  if (row && !decode_row(*row, found.emplace()))
    return finish_task(id, refuse(models::Error::Deserialize));
  decision.before = found;
  decision.verdict = decision.rule(found, world_.clock.wall().unix_ns);
  if (decision.verdict.refusal) return answer_task_unwritten(id);
  const auto& after = decision.verdict.after;
  store::RowChange change{.key = {store::Table::task, decision.task_guid},
                          .before = row,
                          .after = encoded(after),
                          .domain = after ? after->domain() : (found ? found->domain() : "")};
  if (change.before == change.after) return answer_task_unwritten(id);
  change.cell_before = found ? found->cell_id() : "";
  change.cell_after = after ? after->cell_id() : "";
  world_.store.commit({std::move(change)}, [this, id](const Result<void>& done) {
    TaskDecision& waiting = task_decisions_.at(id);
    if (stands(done, waiting.unconfirmed)) {
      count_task(waiting);
      world_.streams.publish(waiting.before, waiting.verdict.after);
      return finish_task(id, std::nullopt);
    }
    if (done.error().fault != Fault::conflict || waiting.attempts >= kAttemptsMax)
      return finish_task(id, refusal_of(done.error()));
    ++conflicts_;
    read_task(id);
  });
}

void Ledger::answer_task_unwritten(uint64_t id) {
  world_.store.confirm_row({store::Table::task, task_decisions_.at(id).task_guid},
                           [this, id](const Result<void>& done) {
                             finish_task(id, unwritten(task_decisions_.at(id), done));
                           });
}

void Ledger::count_task(const TaskDecision& decision) {
  const auto& after = decision.verdict.after;
  const auto state_before = decision.before ? decision.before->state() : models::Task::Invalid;
  if (!after || after->state() == state_before) return;
  if (after->state() == models::Task::Running) ++tasks_.started;
  // Not those that convergence takes back from Resolving.
  if (after->state() == models::Task::Completed && state_before != models::Task::Resolving)
    ++(after->failed() ? tasks_.failed : tasks_.succeeded);
}

void Ledger::finish_task(uint64_t id, std::optional<Refusal> refusal) {
  auto node = task_decisions_.extract(id);
  TaskDecision& decision = node.mapped();
  TaskVerdict& verdict = decision.verdict;
  verdict.refusal = std::move(refusal);
  if (!verdict.refusal) {
    if (verdict.auction && verdict.after) world_.errands.place(*verdict.after, decision.trace_id);
    if (!verdict.cancel_on_cell.empty())
      world_.errands.cancel_task(verdict.cancel_on_cell, decision.task_guid, decision.trace_id);
    if (verdict.callback && verdict.after && on_callback_due_) on_callback_due_(*verdict.after);
    verdict.refusal = std::move(decision.unconfirmed);
  }
  decision.on_verdict(verdict);
}

}  // namespace causeway::bbs
