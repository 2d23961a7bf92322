#include "control/bbs/api/api_call.h"
#include "control/bbs/readers/task_reader.h"
#include "control/bbs/rows/fold_layers.h"

namespace causeway::bbs {

namespace {

using TaskChanged = models::TaskLifecycleResponse;

std::function<void(const TaskVerdict&)> task_answer(std::function<void(TaskChanged&)> respond) {
  return [respond = std::move(respond)](const TaskVerdict& verdict) {
    TaskChanged response;
    if (verdict.refusal) set_refusal(response, *verdict.refusal);
    respond(response);
  };
}

}  // namespace

void Api::add_task_routes(rpc::Server& server) {
  call<models::DesireTaskRequest, TaskChanged>(
      server, "/v1/tasks/desire.r2",
      [this](const auto& request, const Caller& caller, const auto& respond) {
        services_.ledger.decide_task(
            request.task_guid(),
            [&request](const auto& task, int64_t now_ns) {
              return desire_task(task, request, now_ns);
            },
            task_answer(respond), caller.trace_id);
      });
  call<models::StartTaskRequest, models::StartTaskResponse>(
      server, "/v1/tasks/start",
      [this](const auto& request, const Caller& caller, const auto& respond) {
        services_.ledger.decide_task(
            request.task_guid(),
            [&request](const auto& task, int64_t now_ns) {
              return start_task(task, request, now_ns);
            },
            [respond](const TaskVerdict& verdict) {
              models::StartTaskResponse response;
              if (verdict.refusal) {
                set_refusal(response, *verdict.refusal);
              } else {
                response.set_should_start(verdict.should_start);
              }
              respond(response);
            },
            caller.trace_id);
      });
  call<models::TaskGuidRequest, TaskChanged>(
      server, "/v1/tasks/cancel",
      [this](const auto& request, const Caller& caller, const auto& respond) {
        services_.ledger.decide_task(
            request.task_guid(),
            [](const auto& task, int64_t now_ns) { return cancel_task(task, now_ns); },
            task_answer(respond), caller.trace_id);
      });
  call<models::FailTaskRequest, TaskChanged>(
      server, "/v1/tasks/fail",
      [this](const auto& request, const Caller& caller, const auto& respond) {
        services_.ledger.decide_task(
            request.task_guid(),
            [reason = request.failure_reason()](const auto& task, int64_t now_ns) {
              return fail_task(task, reason, now_ns);
            },
            task_answer(respond), caller.trace_id);
      });
  call<models::RejectTaskRequest, TaskChanged>(
      server, "/v1/tasks/reject",
      [this](const auto& request, const Caller& caller, const auto& respond) {
        services_.ledger.decide_task(
            request.task_guid(),
            [reason = request.rejection_reason(), retries = services_.task_retries_max](
                const auto& task, int64_t now_ns) {
              return reject_task(task, reason, retries, now_ns);
            },
            task_answer(respond), caller.trace_id);
      });
  call<models::CompleteTaskRequest, TaskChanged>(
      server, "/v1/tasks/complete",
      [this](const auto& request, const Caller& caller, const auto& respond) {
        services_.ledger.decide_task(
            request.task_guid(),
            [&request](const auto& task, int64_t now_ns) {
              return complete_task(task, request, now_ns);
            },
            task_answer(respond), caller.trace_id);
      });
  call<models::TaskGuidRequest, TaskChanged>(
      server, "/v1/tasks/resolving",
      [this](const auto& request, const Caller& caller, const auto& respond) {
        services_.ledger.decide_task(
            request.task_guid(),
            [](const auto& task, int64_t now_ns) { return resolve_task(task, now_ns); },
            task_answer(respond), caller.trace_id);
      });
  call<models::TaskGuidRequest, TaskChanged>(
      server, "/v1/tasks/delete",
      [this](const auto& request, const Caller& caller, const auto& respond) {
        services_.ledger.decide_task(
            request.task_guid(), [](const auto& task, int64_t) { return delete_task(task); },
            task_answer(respond), caller.trace_id);
      });

  for (const bool folded : {false, true}) {
    call<models::TasksRequest, models::TasksResponse>(
        server, folded ? "/v1/tasks/list.r2" : "/v1/tasks/list.r3",
        [this, folded](const auto& request, const Caller&, const auto& respond) {
          services_.task_reader.list(request.domain(), request.cell_id(),
                                     [respond, folded](auto tasks) {
                                       models::TasksResponse response;
                                       if (!tasks) {
                                         set_error(response, tasks.error());
                                         return respond(response);
                                       }
                                       for (auto& task : *tasks) {
                                         if (folded) fold_layers(task);
                                         *response.add_tasks() = std::move(task);
                                       }
                                       respond(response);
                                     });
        });
    call<models::TaskByGuidRequest, models::TaskResponse>(
        server, folded ? "/v1/tasks/get_by_task_guid.r2" : "/v1/tasks/get_by_task_guid.r3",
        [this, folded](const auto& request, const Caller&, const auto& respond) {
          services_.task_reader.find(request.task_guid(), [respond, folded](auto task) {
            models::TaskResponse response;
            if (!task) {
              set_error(response, task.error());
            } else if (!*task) {
              set_refusal(response, refuse(models::Error::ResourceNotFound));
            } else {
              if (folded) fold_layers(**task);
              *response.mutable_task() = std::move(**task);
            }
            respond(response);
          });
        });
  }
}

}  // namespace causeway::bbs
