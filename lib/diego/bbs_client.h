#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "diego/bbs_error.h"

namespace causeway::net {
class Loop;
}
namespace causeway::rpc {
class Identity;
}
namespace models {
class ActualLRPsByProcessGuidsRequest;
class ActualLRPsByProcessGuidsResponse;
class ActualLRPsRequest;
class ActualLRPsResponse;
class CellsResponse;
class ClaimActualLRPRequest;
class CompleteTaskRequest;
class CrashActualLRPRequest;
class DesireLRPRequest;
class DesireTaskRequest;
class DesiredLRPByProcessGuidRequest;
class DesiredLRPResponse;
class DesiredLRPSchedulingInfoByProcessGuidResponse;
class DesiredLRPSchedulingInfosResponse;
class DesiredLRPsRequest;
class DesiredLRPsResponse;
class DomainsResponse;
class EvacuateClaimedActualLRPRequest;
class EvacuateCrashedActualLRPRequest;
class EvacuateRunningActualLRPRequest;
class EvacuateStoppedActualLRPRequest;
class EvacuationResponse;
class FailActualLRPRequest;
class PingResponse;
class RejectTaskRequest;
class RemoveActualLRPRequest;
class RemoveDesiredLRPRequest;
class RemoveEvacuatingActualLRPRequest;
class RetireActualLRPRequest;
class StartActualLRPRequest;
class StartTaskRequest;
class StartTaskResponse;
class TaskByGuidRequest;
class TaskGuidRequest;
class TaskResponse;
class TasksRequest;
class TasksResponse;
class UpdateDesiredLRPRequest;
class UpsertDomainRequest;
}  // namespace models

namespace causeway::diego {

// The BBS's current API (diego.md section 2; deprecated endpoints are left out). Every call is a
// POST of protobuf; failures on the way are tried again, three attempts 500 ms apart, where that is
// harmless or nothing was sent. A callback comes exactly once and never from inside the call; none
// comes after the client's end, which may happen inside a callback. Owner: a service. Thread: its
// loop's.
class BbsClient {
 public:
  struct Options {
    std::string url;                              // "https://host:port"
    Duration timeout = std::chrono::seconds(10);  // of one attempt
    int attempts = 3;
    Duration retry_wait = std::chrono::milliseconds(500);
    rpc::Identity* identity = nullptr;    // for https; outlives the client
    std::function<bool()> may_send = {};  // see rpc::Client
  };
  using OnDone = std::function<void(Result<void, BbsError>)>;
  template <class Response>
  using On = std::function<void(Result<Response, BbsError>)>;

  BbsClient(net::Loop& loop, Options options);
  BbsClient(const BbsClient&) = delete;
  BbsClient& operator=(const BbsClient&) = delete;
  ~BbsClient();

  void ping(On<models::PingResponse> on);

  void domains(On<models::DomainsResponse> on);
  void upsert_domain(const models::UpsertDomainRequest& request, OnDone on);

  void actual_lrps(const models::ActualLRPsRequest& request, On<models::ActualLRPsResponse> on);
  void actual_lrps_by_process_guids(const models::ActualLRPsByProcessGuidsRequest& request,
                                    On<models::ActualLRPsByProcessGuidsResponse> on);
  void claim_actual_lrp(const models::ClaimActualLRPRequest& request, OnDone on);
  void start_actual_lrp(const models::StartActualLRPRequest& request, OnDone on);
  void crash_actual_lrp(const models::CrashActualLRPRequest& request, OnDone on);
  // `request_id`: of the call it comes of; "" for none.
  void fail_actual_lrp(const models::FailActualLRPRequest& request, OnDone on,
                       std::string_view request_id = {});
  void remove_actual_lrp(const models::RemoveActualLRPRequest& request, OnDone on);
  void retire_actual_lrp(const models::RetireActualLRPRequest& request, OnDone on);

  void remove_evacuating_actual_lrp(const models::RemoveEvacuatingActualLRPRequest& request,
                                    OnDone on);
  void evacuate_claimed(const models::EvacuateClaimedActualLRPRequest& request,
                        On<models::EvacuationResponse> on);
  void evacuate_crashed(const models::EvacuateCrashedActualLRPRequest& request,
                        On<models::EvacuationResponse> on);
  void evacuate_stopped(const models::EvacuateStoppedActualLRPRequest& request,
                        On<models::EvacuationResponse> on);
  void evacuate_running(const models::EvacuateRunningActualLRPRequest& request,
                        On<models::EvacuationResponse> on);

  void scheduling_infos(const models::DesiredLRPsRequest& request,
                        On<models::DesiredLRPSchedulingInfosResponse> on);
  void scheduling_info(const models::DesiredLRPByProcessGuidRequest& request,
                       On<models::DesiredLRPSchedulingInfoByProcessGuidResponse> on);
  void routing_infos(const models::DesiredLRPsRequest& request, On<models::DesiredLRPsResponse> on);
  void desired_lrps(const models::DesiredLRPsRequest& request, On<models::DesiredLRPsResponse> on);
  void desired_lrp(const models::DesiredLRPByProcessGuidRequest& request,
                   On<models::DesiredLRPResponse> on);
  void desire_lrp(const models::DesireLRPRequest& request, OnDone on);
  void update_desired_lrp(const models::UpdateDesiredLRPRequest& request, OnDone on);
  void remove_desired_lrp(const models::RemoveDesiredLRPRequest& request, OnDone on);

  void tasks(const models::TasksRequest& request, On<models::TasksResponse> on);
  void task(const models::TaskByGuidRequest& request, On<models::TaskResponse> on);
  void desire_task(const models::DesireTaskRequest& request, OnDone on);
  void start_task(const models::StartTaskRequest& request, On<models::StartTaskResponse> on);
  void cancel_task(const models::TaskGuidRequest& request, OnDone on);
  void reject_task(const models::RejectTaskRequest& request, OnDone on,
                   std::string_view request_id = {});
  void complete_task(const models::CompleteTaskRequest& request, OnDone on);
  void resolving_task(const models::TaskGuidRequest& request, OnDone on);
  void delete_task(const models::TaskGuidRequest& request, OnDone on);

  void cells(On<models::CellsResponse> on);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace causeway::diego
