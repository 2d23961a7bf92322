// The steps of tasks.

#include <utility>

#include "cell/rep/cell_tags.h"
#include "cell/rep/operations.h"
#include "cell/rep/run_request.h"
#include "diego/bbs_client.h"
#include "log/logger.h"

namespace causeway::rep {

using executor::State;

namespace {
constexpr size_t kResultBytesMax = 51'200;  // diego.md section 13
}  // namespace

void Operations::step_task(const Container& container) {
  switch (container.state) {
    case State::reserved:
      return start_task(container);
    case State::initializing:
    case State::created:
    case State::running:
      return finish(container.guid);
    case State::completed:
      return complete_task(container);
  }
}

void Operations::start_task(const Container& container) {
  const std::string guid = container.guid;
  models::StartTaskRequest request;
  request.set_task_guid(guid);
  request.set_cell_id(identity_.cell_id);
  bbs_.start_task(request,
                  [this, guid](const Result<models::StartTaskResponse, diego::BbsError>& answer) {
                    if (!answer) refuse(guid, "task.cannot-start", answer.error());
                    bool& may_have_started = slots_[guid].may_have_started;
                    if (!answer && is_passing(answer.error())) {
                      may_have_started = true;
                      return finish_later(guid);
                    }
                    const bool was_ours = std::exchange(may_have_started, false);
                    // Told not to start what runs here already: our first start was heard.
                    if (!answer || !(answer->should_start() || was_ours)) return remove(guid);
                    run_task(guid);
                  });
}

void Operations::run_task(const std::string& guid) {
  models::TaskByGuidRequest request;
  request.set_task_guid(guid);
  bbs_.task(request, [this, guid](const Result<models::TaskResponse, diego::BbsError>& answer) {
    if (!answer) {
      refuse(guid, "task.cannot-fetch", answer.error());
      if (is_passing(answer.error())) {
        slots_[guid].may_have_started = true;
        return finish_later(guid);
      }
      return report_task(guid, true, "failed to run container", "");
    }
    Result<executor::RunRequest> run = run_request_of(answer->task());
    const Result<void> running = run ? executor_.run(*std::move(run)) : Result<void>(run.error());
    if (running) return finish(guid);
    logger_.error("task.cannot-run", running.error(), {{"guid", guid}});
    report_task(guid, true, "failed to run container: " + running.error().detail, "");
  });
}

void Operations::complete_task(const Container& container) {
  const std::string guid = container.guid;
  const executor::RunResult& result = container.result;
  if (result.failed && result.retryable) {
    models::RejectTaskRequest request;
    request.set_task_guid(guid);
    request.set_rejection_reason(result.reason);
    return bbs_.reject_task(request, [this, guid](const Result<void, diego::BbsError>& answer) {
      if (!answer) refuse(guid, "task.cannot-reject", answer.error());
      if (!answer && is_passing(answer.error())) return finish_later(guid);
      remove(guid);
    });
  }
  const auto file = container.tags.find("result_file");
  if (result.failed || result.stopped || file == container.tags.end() || file->second.empty()) {
    const bool failed = result.failed || result.stopped;
    return report_task(guid, failed,
                       failed && result.reason.empty() ? "task was cancelled" : result.reason, "");
  }
  executor_.read_file(guid, file->second, kResultBytesMax, [this, guid](Result<std::string> text) {
    if (text) return report_task(guid, false, "", *std::move(text));
    logger_.error("task.cannot-fetch-result", text.error(), {{"guid", guid}});
    report_task(guid, true, "failed to fetch result", "");
  });
}

void Operations::report_task(const std::string& guid, bool failed, const std::string& reason,
                             std::string result) {
  models::CompleteTaskRequest request;
  request.set_task_guid(guid);
  request.set_cell_id(identity_.cell_id);
  request.set_failed(failed);
  request.set_failure_reason(reason);
  request.set_result(std::move(result));
  bbs_.complete_task(request, [this, guid](const Result<void, diego::BbsError>& answer) {
    if (!answer) refuse(guid, "task.cannot-complete", answer.error());
    if (!answer && is_passing(answer.error())) return finish_later(guid);
    remove(guid);  // a refusal too: cancelled, or another cell has it
  });
}

void Operations::complete_residual_task(const std::string& guid) {
  slots_[guid].task.reset();
  logger_.info("task.completing-residual", {{"guid", guid}});
  models::CompleteTaskRequest request;
  request.set_task_guid(guid);
  request.set_cell_id(identity_.cell_id);
  request.set_failed(true);
  request.set_failure_reason("task container does not exist");
  bbs_.complete_task(request, [this, guid](const Result<void, diego::BbsError>& answer) {
    if (!answer) refuse(guid, "task.cannot-complete", answer.error());
    finish(guid);
  });
}

}  // namespace causeway::rep
