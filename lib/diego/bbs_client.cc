#include "diego/bbs_client.h"

#include <utility>

#include "cf/models/models.h"
#include "diego/retrying_caller.h"

namespace causeway::diego {

struct BbsClient::State {
  State(net::Loop& loop, Options options)
      : caller(loop, {.url = std::move(options.url),
                      .timeout = options.timeout,
                      .attempts = options.attempts,
                      .wait = options.retry_wait,
                      .identity = options.identity,
                      .may_send = std::move(options.may_send)}) {}

  RetryingCaller caller;
};

namespace {

// A listing of everything: 250,000 instances are 100 MB.
constexpr size_t reply_bytes_max = size_t{1} << 30;

using Twice = RetryingCaller::Twice;

// Answers that only say how it ended; nobody reads more of them.
using Outcome = models::ActualLRPLifecycleResponse;

template <class Response>
Result<Response, BbsError> read_reply(std::string_view path, Result<rpc::Reply> reply) {
  if (!reply) return bbs_failure(std::move(reply).error());
  if (reply->status != 200) {
    return bbs_failure({.fault = Fault::protocol,
                        .side = Side::backend,
                        .detail = std::string(path) + ": status " + std::to_string(reply->status)});
  }
  Response response;
  if (!cf::decode(reply->body, response)) {
    return bbs_failure({.fault = Fault::protocol,
                        .side = Side::backend,
                        .detail = std::string(path) + ": not the expected message"});
  }
  if constexpr (requires { response.error(); }) {
    if (response.has_error())
      return bbs_answer(response.error().type(), response.error().message());
  }
  return response;
}

template <class Response>
void post(RetryingCaller& caller, std::string_view path, std::string body, Twice twice,
          BbsClient::On<Response> on, std::string_view request_id = {}) {
  rpc::Call call{.url = std::string(path),
                 .headers = {{"Content-Type", "application/x-protobuf"}},
                 .body = std::move(body),
                 .body_bytes_max = reply_bytes_max};
  if (!request_id.empty()) call.headers.emplace_back("X-Vcap-Request-Id", request_id);
  caller.send(std::move(call), twice, [path, on = std::move(on)](Result<rpc::Reply> reply) {
    on(read_reply<Response>(path, std::move(reply)));
  });
}

template <class Response>
void post(RetryingCaller& caller, std::string_view path,
          const google::protobuf::MessageLite& request, Twice twice, BbsClient::On<Response> on,
          std::string_view request_id = {}) {
  post<Response>(caller, path, request.SerializeAsString(), twice, std::move(on), request_id);
}

void post_done(RetryingCaller& caller, std::string_view path,
               const google::protobuf::MessageLite& request, Twice twice, BbsClient::OnDone on,
               std::string_view request_id = {}) {
  post<Outcome>(
      caller, path, request, twice,
      [on = std::move(on)](Result<Outcome, BbsError> outcome) {
        if (outcome) {
          on({});
        } else {
          on(std::move(outcome).error());
        }
      },
      request_id);
}

}  // namespace

BbsClient::BbsClient(net::Loop& loop, Options options)
    : state_(std::make_unique<State>(loop, std::move(options))) {}

BbsClient::~BbsClient() = default;

void BbsClient::ping(On<models::PingResponse> on) {
  post<models::PingResponse>(state_->caller, "/v1/ping", "", Twice::harmless, std::move(on));
}

void BbsClient::domains(On<models::DomainsResponse> on) {
  post<models::DomainsResponse>(state_->caller, "/v1/domains/list", "", Twice::harmless,
                                std::move(on));
}

void BbsClient::cells(On<models::CellsResponse> on) {
  post<models::CellsResponse>(state_->caller, "/v1/cells/list.r1", "", Twice::harmless,
                              std::move(on));
}

void BbsClient::upsert_domain(const models::UpsertDomainRequest& request, OnDone on) {
  post_done(state_->caller, "/v1/domains/upsert", request, Twice::harmless, std::move(on));
}

void BbsClient::actual_lrps(const models::ActualLRPsRequest& request,
                            On<models::ActualLRPsResponse> on) {
  post<models::ActualLRPsResponse>(state_->caller, "/v1/actual_lrps/list", request, Twice::harmless,
                                   std::move(on));
}

void BbsClient::actual_lrps_by_process_guids(const models::ActualLRPsByProcessGuidsRequest& request,
                                             On<models::ActualLRPsByProcessGuidsResponse> on) {
  post<models::ActualLRPsByProcessGuidsResponse>(state_->caller,
                                                 "/v1/actual_lrps/list_by_process_guids", request,
                                                 Twice::harmless, std::move(on));
}

void BbsClient::claim_actual_lrp(const models::ClaimActualLRPRequest& request, OnDone on) {
  post_done(state_->caller, "/v1/actual_lrps/claim", request, Twice::harmless, std::move(on));
}

void BbsClient::start_actual_lrp(const models::StartActualLRPRequest& request, OnDone on) {
  post_done(state_->caller, "/v1/actual_lrps/start.r1", request, Twice::harmless, std::move(on));
}

void BbsClient::crash_actual_lrp(const models::CrashActualLRPRequest& request, OnDone on) {
  post_done(state_->caller, "/v1/actual_lrps/crash", request, Twice::harmful, std::move(on));
}

void BbsClient::fail_actual_lrp(const models::FailActualLRPRequest& request, OnDone on,
                                std::string_view request_id) {
  post_done(state_->caller, "/v1/actual_lrps/fail", request, Twice::harmless, std::move(on),
            request_id);
}

void BbsClient::remove_actual_lrp(const models::RemoveActualLRPRequest& request, OnDone on) {
  post_done(state_->caller, "/v1/actual_lrps/remove", request, Twice::harmful, std::move(on));
}

void BbsClient::retire_actual_lrp(const models::RetireActualLRPRequest& request, OnDone on) {
  post_done(state_->caller, "/v1/actual_lrps/retire", request, Twice::harmful, std::move(on));
}

void BbsClient::remove_evacuating_actual_lrp(
    const models::RemoveEvacuatingActualLRPRequest& request, OnDone on) {
  post_done(state_->caller, "/v1/actual_lrps/remove_evacuating", request, Twice::harmful,
            std::move(on));
}

void BbsClient::evacuate_claimed(const models::EvacuateClaimedActualLRPRequest& request,
                                 On<models::EvacuationResponse> on) {
  post<models::EvacuationResponse>(state_->caller, "/v1/actual_lrps/evacuate_claimed", request,
                                   Twice::harmful, std::move(on));
}

void BbsClient::evacuate_crashed(const models::EvacuateCrashedActualLRPRequest& request,
                                 On<models::EvacuationResponse> on) {
  post<models::EvacuationResponse>(state_->caller, "/v1/actual_lrps/evacuate_crashed", request,
                                   Twice::harmful, std::move(on));
}

void BbsClient::evacuate_stopped(const models::EvacuateStoppedActualLRPRequest& request,
                                 On<models::EvacuationResponse> on) {
  post<models::EvacuationResponse>(state_->caller, "/v1/actual_lrps/evacuate_stopped", request,
                                   Twice::harmful, std::move(on));
}

void BbsClient::evacuate_running(const models::EvacuateRunningActualLRPRequest& request,
                                 On<models::EvacuationResponse> on) {
  post<models::EvacuationResponse>(state_->caller, "/v1/actual_lrps/evacuate_running.r1", request,
                                   Twice::harmless, std::move(on));
}

void BbsClient::scheduling_infos(const models::DesiredLRPsRequest& request,
                                 On<models::DesiredLRPSchedulingInfosResponse> on) {
  post<models::DesiredLRPSchedulingInfosResponse>(state_->caller,
                                                  "/v1/desired_lrp_scheduling_infos/list", request,
                                                  Twice::harmless, std::move(on));
}

void BbsClient::scheduling_info(const models::DesiredLRPByProcessGuidRequest& request,
                                On<models::DesiredLRPSchedulingInfoByProcessGuidResponse> on) {
  post<models::DesiredLRPSchedulingInfoByProcessGuidResponse>(
      state_->caller, "/v1/desired_lrp_scheduling_infos/get_by_process_guid", request,
      Twice::harmless, std::move(on));
}

void BbsClient::routing_infos(const models::DesiredLRPsRequest& request,
                              On<models::DesiredLRPsResponse> on) {
  post<models::DesiredLRPsResponse>(state_->caller, "/v1/desired_lrp_routing_infos/list", request,
                                    Twice::harmless, std::move(on));
}

void BbsClient::desired_lrps(const models::DesiredLRPsRequest& request,
                             On<models::DesiredLRPsResponse> on) {
  post<models::DesiredLRPsResponse>(state_->caller, "/v1/desired_lrps/list.r3", request,
                                    Twice::harmless, std::move(on));
}

void BbsClient::desired_lrp(const models::DesiredLRPByProcessGuidRequest& request,
                            On<models::DesiredLRPResponse> on) {
  post<models::DesiredLRPResponse>(state_->caller, "/v1/desired_lrps/get_by_process_guid.r3",
                                   request, Twice::harmless, std::move(on));
}

void BbsClient::desire_lrp(const models::DesireLRPRequest& request, OnDone on) {
  post_done(state_->caller, "/v1/desired_lrp/desire.r2", request, Twice::harmful, std::move(on));
}

void BbsClient::update_desired_lrp(const models::UpdateDesiredLRPRequest& request, OnDone on) {
  post_done(state_->caller, "/v1/desired_lrp/update", request, Twice::harmless, std::move(on));
}

void BbsClient::remove_desired_lrp(const models::RemoveDesiredLRPRequest& request, OnDone on) {
  post_done(state_->caller, "/v1/desired_lrp/remove", request, Twice::harmful, std::move(on));
}

void BbsClient::tasks(const models::TasksRequest& request, On<models::TasksResponse> on) {
  post<models::TasksResponse>(state_->caller, "/v1/tasks/list.r3", request, Twice::harmless,
                              std::move(on));
}

void BbsClient::task(const models::TaskByGuidRequest& request, On<models::TaskResponse> on) {
  post<models::TaskResponse>(state_->caller, "/v1/tasks/get_by_task_guid.r3", request,
                             Twice::harmless, std::move(on));
}

void BbsClient::desire_task(const models::DesireTaskRequest& request, OnDone on) {
  post_done(state_->caller, "/v1/tasks/desire.r2", request, Twice::harmful, std::move(on));
}

void BbsClient::start_task(const models::StartTaskRequest& request,
                           On<models::StartTaskResponse> on) {
  post<models::StartTaskResponse>(state_->caller, "/v1/tasks/start", request, Twice::harmful,
                                  std::move(on));
}

void BbsClient::cancel_task(const models::TaskGuidRequest& request, OnDone on) {
  post_done(state_->caller, "/v1/tasks/cancel", request, Twice::harmful, std::move(on));
}

void BbsClient::reject_task(const models::RejectTaskRequest& request, OnDone on,
                            std::string_view request_id) {
  post_done(state_->caller, "/v1/tasks/reject", request, Twice::harmful, std::move(on), request_id);
}

void BbsClient::complete_task(const models::CompleteTaskRequest& request, OnDone on) {
  post_done(state_->caller, "/v1/tasks/complete", request, Twice::harmful, std::move(on));
}

void BbsClient::resolving_task(const models::TaskGuidRequest& request, OnDone on) {
  post_done(state_->caller, "/v1/tasks/resolving", request, Twice::harmful, std::move(on));
}

void BbsClient::delete_task(const models::TaskGuidRequest& request, OnDone on) {
  post_done(state_->caller, "/v1/tasks/delete", request, Twice::harmful, std::move(on));
}

}  // namespace causeway::diego
