#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "control/bbs/rules/refusal.h"
#include "control/converge/converge.h"
#include "task.pb.h"
#include "task_requests.pb.h"

// What happens to tasks: pure functions from the row as it is to the row as it shall be.
namespace causeway::bbs {

struct TaskVerdict {
  std::optional<Refusal> refusal;
  std::optional<models::Task> after;  // absent: removed
  bool auction = false;
  bool should_start = false;
  bool callback = false;       // completed, and somebody wants to be told
  std::string cancel_on_cell;  // tell this cell to stop it
};

using TaskRule = std::function<TaskVerdict(const std::optional<models::Task>&, int64_t now_ns)>;

TaskVerdict desire_task(const std::optional<models::Task>& task,
                        const models::DesireTaskRequest& request, int64_t now_ns);
TaskVerdict start_task(const std::optional<models::Task>& task,
                       const models::StartTaskRequest& request, int64_t now_ns);
TaskVerdict cancel_task(const std::optional<models::Task>& task, int64_t now_ns);
TaskVerdict fail_task(const std::optional<models::Task>& task, std::string_view reason,
                      int64_t now_ns);
TaskVerdict reject_task(const std::optional<models::Task>& task, std::string_view reason,
                        int32_t retries_max, int64_t now_ns);
TaskVerdict complete_task(const std::optional<models::Task>& task,
                          const models::CompleteTaskRequest& request, int64_t now_ns);
TaskVerdict resolve_task(const std::optional<models::Task>& task, int64_t now_ns);
TaskVerdict delete_task(const std::optional<models::Task>& task);
// What convergence found; a task that moved on meanwhile is left alone.
TaskVerdict carry_out_task(const std::optional<models::Task>& task, converge::TaskStep step,
                           int64_t now_ns);

// "Pending", "Running" ...
std::string_view task_state_name(models::Task::State state);

}  // namespace causeway::bbs
