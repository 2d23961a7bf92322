#include "control/bbs/ledger/task_callbacks.h"

#include "json/json.h"
#include "log/logger.h"

namespace causeway::bbs {

namespace {

constexpr int kCallbackAttemptsMax = 3;

bool is_worth_another_try(const Result<int>& status) {
  if (!status) return status.error().fault == Fault::timeout;
  return *status == 503 || *status == 504;
}

}  // namespace

std::string callback_body(const models::Task& task) {
  json::Writer writer;
  writer.object()
      .member("task_guid", std::string_view(task.task_guid()))
      .member("failed", task.failed())
      .member("failure_reason", std::string_view(task.failure_reason()))
      .member("result", std::string_view(task.result()))
      .member("annotation", std::string_view(task.task_definition().annotation()))
      .member("created_at", task.created_at())
      .end();
  return writer.take();
}

void TaskCallbacks::deliver(const models::Task& task) {
  if (under_way_ >= under_way_max_) return;
  ++under_way_;
  ledger_.decide_task(
      task.task_guid(),
      [](const auto& found, int64_t now_ns) { return resolve_task(found, now_ns); },
      [this](const TaskVerdict& verdict) {
        if (verdict.refusal) {  // somebody else resolves it
          --under_way_;
          return;
        }
        post(*verdict.after, 1);
      });
}

void TaskCallbacks::post(const models::Task& task, int attempt) {
  outbox_.call_back(
      task.task_definition().completion_callback_url(), callback_body(task),
      [this, task, attempt](const Result<int>& status) {
        if (is_worth_another_try(status)) {
          if (attempt < kCallbackAttemptsMax) return post(task, attempt + 1);
        } else if (status) {
          ledger_.decide_task(
              task.task_guid(), [](const auto& found, int64_t) { return delete_task(found); },
              [](const TaskVerdict&) {});
        }
        if (!status) {
          logger_.error("task-callback-failed", status.error(), {{"task_guid", task.task_guid()}});
        }
        --under_way_;
      });
}

}  // namespace causeway::bbs
