#include "control/bbs/rules/task_rules.h"

namespace causeway::bbs {

namespace {

using models::Task;

TaskVerdict task_refused(Refusal refusal) {
  TaskVerdict verdict;
  verdict.refusal = std::move(refusal);
  return verdict;
}

TaskVerdict no_such_task() { return task_refused(refuse(models::Error::ResourceNotFound)); }

TaskVerdict cannot_move(const Task& task, Task::State to) {
  return task_refused({models::Error::InvalidStateTransition,
                       "Cannot transition from " + std::string(task_state_name(task.state())) +
                           " to " + std::string(task_state_name(to))});
}

TaskVerdict task_unchanged(const std::optional<Task>& task) {
  TaskVerdict verdict;
  verdict.after = task;
  return verdict;
}

// Every way to the end goes through here.
TaskVerdict completed(const Task& task, bool failed, std::string_view reason,
                      const std::string& result, int64_t now_ns) {
  TaskVerdict verdict = task_unchanged(task);
  Task& after = *verdict.after;
  after.set_state(Task::Completed);
  after.set_updated_at(now_ns);
  after.set_first_completed_at(now_ns);
  after.set_failed(failed);
  after.set_failure_reason(truncate_reason(reason));
  after.set_result(result);
  after.clear_cell_id();
  verdict.callback = !task.task_definition().completion_callback_url().empty();
  return verdict;
}

bool is_open(const Task& task) {
  return task.state() == Task::Pending || task.state() == Task::Running;
}

}  // namespace

std::string_view task_state_name(Task::State state) {
  switch (state) {
    case Task::Pending:
      return "Pending";
    case Task::Running:
      return "Running";
    case Task::Completed:
      return "Completed";
    case Task::Resolving:
      return "Resolving";
    default:
      return "Invalid";
  }
}

TaskVerdict desire_task(const std::optional<Task>& task, const models::DesireTaskRequest& request,
                        int64_t now_ns) {
  if (task) return task_refused(refuse(models::Error::ResourceExists));
  TaskVerdict verdict;
  Task& after = verdict.after.emplace();
  *after.mutable_task_definition() = request.task_definition();
  after.set_task_guid(request.task_guid());
  after.set_domain(request.domain());
  after.set_state(Task::Pending);
  after.set_created_at(now_ns);
  after.set_updated_at(now_ns);
  verdict.auction = true;
  return verdict;
}

TaskVerdict start_task(const std::optional<Task>& task, const models::StartTaskRequest& request,
                       int64_t now_ns) {
  if (!task) return no_such_task();
  if (task->state() == Task::Running && task->cell_id() == request.cell_id())
    return task_unchanged(task);
  if (task->state() != Task::Pending) return cannot_move(*task, Task::Running);
  TaskVerdict verdict = task_unchanged(task);
  verdict.after->set_state(Task::Running);
  verdict.after->set_cell_id(request.cell_id());
  verdict.after->set_updated_at(now_ns);
  verdict.should_start = true;
  return verdict;
}

TaskVerdict cancel_task(const std::optional<Task>& task, int64_t now_ns) {
  if (!task) return no_such_task();
  if (!is_open(*task)) return cannot_move(*task, Task::Completed);
  TaskVerdict verdict = completed(*task, true, "task was cancelled", "", now_ns);
  if (task->state() == Task::Running) verdict.cancel_on_cell = task->cell_id();
  return verdict;
}

TaskVerdict fail_task(const std::optional<Task>& task, std::string_view reason, int64_t now_ns) {
  if (!task) return no_such_task();
  if (!is_open(*task)) return cannot_move(*task, Task::Completed);
  return completed(*task, true, reason, "", now_ns);
}

TaskVerdict reject_task(const std::optional<Task>& task, std::string_view reason,
                        int32_t retries_max, int64_t now_ns) {
  if (!task) return no_such_task();
  if (!is_open(*task)) return task_refused(refuse(models::Error::InvalidRequest));
  const bool last = task->rejection_count() >= retries_max;
  TaskVerdict verdict = last ? completed(*task, true, reason, "", now_ns) : task_unchanged(task);
  Task& after = *verdict.after;
  after.set_rejection_count(task->rejection_count() + 1);
  after.set_rejection_reason(truncate_reason(reason));
  after.set_updated_at(now_ns);
  after.clear_cell_id();
  if (!last) after.set_state(Task::Pending);
  return verdict;
}

TaskVerdict complete_task(const std::optional<Task>& task,
                          const models::CompleteTaskRequest& request, int64_t now_ns) {
  if (!task) return no_such_task();
  if (task->state() != Task::Running) return cannot_move(*task, Task::Completed);
  if (task->cell_id() != request.cell_id()) {
    return task_refused({models::Error::RunningOnDifferentCell,
                         "Running on cell " + task->cell_id() + " not " + request.cell_id()});
  }
  return completed(*task, request.failed(), request.failure_reason(), request.result(), now_ns);
}

TaskVerdict resolve_task(const std::optional<Task>& task, int64_t now_ns) {
  if (!task) return no_such_task();
  if (task->state() != Task::Completed) return cannot_move(*task, Task::Resolving);
  TaskVerdict verdict = task_unchanged(task);
  verdict.after->set_state(Task::Resolving);
  verdict.after->set_updated_at(now_ns);
  return verdict;
}

TaskVerdict delete_task(const std::optional<Task>& task) {
  if (!task) return no_such_task();
  if (task->state() != Task::Resolving) return cannot_move(*task, Task::Resolving);
  return {};
}

TaskVerdict carry_out_task(const std::optional<Task>& task, converge::TaskStep step,
                           int64_t now_ns) {
  using converge::TaskStep;
  if (!task) return {};
  TaskVerdict verdict = task_unchanged(task);
  switch (step) {
    case TaskStep::none:
      break;
    case TaskStep::auction_again:
      verdict.auction = task->state() == Task::Pending;
      break;
    case TaskStep::fail_pending:
      if (task->state() == Task::Pending)
        return completed(*task, true, converge::kPendingTooLong, "", now_ns);
      break;
    case TaskStep::fail_disappeared:
      if (task->state() == Task::Running)
        return completed(*task, true, converge::kCellDisappeared, "", now_ns);
      break;
    case TaskStep::demote:
      if (task->state() != Task::Resolving) break;
      verdict.after->set_state(Task::Completed);
      verdict.after->set_updated_at(now_ns);
      break;
    case TaskStep::demote_and_remove:
      if (task->state() == Task::Resolving) verdict.after.reset();
      break;
    case TaskStep::remove:
      if (task->state() == Task::Completed) verdict.after.reset();
      break;
    case TaskStep::kick:
      verdict.callback = task->state() == Task::Completed &&
                         !task->task_definition().completion_callback_url().empty();
      break;
  }
  return verdict;
}

}  // namespace causeway::bbs
