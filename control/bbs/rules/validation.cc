#include "control/bbs/rules/validation.h"

#include <algorithm>

namespace causeway::bbs {

namespace {

void check_key(const models::ActualLRPKey& key, Complaints& complaints) {
  complaints.require(is_guid(key.process_guid()), "process_guid");
  complaints.require(key.index() >= 0, "index");
  complaints.require(!key.domain().empty(), "domain");
}

void check_instance(const models::ActualLRPInstanceKey& key, Complaints& complaints) {
  complaints.require(!key.cell_id().empty(), "cell_id");
  complaints.require(!key.instance_guid().empty(), "instance_guid");
}

template <class Request>
void check_request_key(const Request& request, Complaints& complaints) {
  if (!request.has_actual_lrp_key()) return complaints.field("actual_lrp_key");
  check_key(request.actual_lrp_key(), complaints);
}

template <class Request>
void check_request_instance(const Request& request, Complaints& complaints) {
  if (!request.has_actual_lrp_instance_key()) return complaints.field("actual_lrp_instance_key");
  check_instance(request.actual_lrp_instance_key(), complaints);
}

template <class Request>
void check_request_net_info(const Request& request, Complaints& complaints) {
  if (!request.has_actual_lrp_net_info()) return complaints.field("actual_lrp_net_info");
  complaints.require(!request.actual_lrp_net_info().address().empty(), "address");
}

}  // namespace

void Complaints::prefix_since(size_t mark, std::string_view name) {
  if (list_.size() > mark)
    list_.insert(list_.begin() + static_cast<ptrdiff_t>(mark),
                 "Invalid field: " + std::string(name));
}

std::string Complaints::text() const {
  std::string text;
  for (const auto& one : list_) text += (text.empty() ? "" : ", ") + one;
  return text;
}

bool is_guid(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

void check(const models::DesireLRPRequest& request, Complaints& complaints) {
  if (!request.has_desired_lrp()) return complaints.field("desired_lrp");
  check(request.desired_lrp(), complaints);
}

void check(const models::UpdateDesiredLRPRequest& request, Complaints& complaints) {
  complaints.require(is_guid(request.process_guid()), "process_guid");
  if (request.has_update()) check(request.update(), complaints);
}

void check(const models::RemoveDesiredLRPRequest& request, Complaints& complaints) {
  complaints.require(is_guid(request.process_guid()), "process_guid");
}

void check(const models::DesiredLRPByProcessGuidRequest& request, Complaints& complaints) {
  complaints.require(is_guid(request.process_guid()), "process_guid");
}

void check(const models::DesiredLRPsRequest&, Complaints&) {}

void check(const models::ClaimActualLRPRequest& request, Complaints& complaints) {
  complaints.require(is_guid(request.process_guid()), "process_guid");
  complaints.require(request.index() >= 0, "index");
  check_request_instance(request, complaints);
}

void check(const models::StartActualLRPRequest& request, Complaints& complaints) {
  check_request_key(request, complaints);
  check_request_instance(request, complaints);
  check_request_net_info(request, complaints);
}

void check(const models::CrashActualLRPRequest& request, Complaints& complaints) {
  check_request_key(request, complaints);
  check_request_instance(request, complaints);
}

void check(const models::FailActualLRPRequest& request, Complaints& complaints) {
  check_request_key(request, complaints);
  complaints.require(!request.error_message().empty(), "error_message");
}

void check(const models::RetireActualLRPRequest& request, Complaints& complaints) {
  check_request_key(request, complaints);
}

void check(const models::RemoveActualLRPRequest& request, Complaints& complaints) {
  complaints.require(is_guid(request.process_guid()), "process_guid");
  complaints.require(request.index() >= 0, "index");
}

void check(const models::RemoveEvacuatingActualLRPRequest& request, Complaints& complaints) {
  check_request_key(request, complaints);
  check_request_instance(request, complaints);
}

void check(const models::EvacuateClaimedActualLRPRequest& request, Complaints& complaints) {
  check_request_key(request, complaints);
  check_request_instance(request, complaints);
}

void check(const models::EvacuateCrashedActualLRPRequest& request, Complaints& complaints) {
  check_request_key(request, complaints);
  check_request_instance(request, complaints);
  complaints.require(!request.error_message().empty(), "error_message");
}

void check(const models::EvacuateStoppedActualLRPRequest& request, Complaints& complaints) {
  check_request_key(request, complaints);
  check_request_instance(request, complaints);
}

void check(const models::EvacuateRunningActualLRPRequest& request, Complaints& complaints) {
  check_request_key(request, complaints);
  check_request_instance(request, complaints);
  check_request_net_info(request, complaints);
}

void check(const models::ActualLRPsRequest& request, Complaints& complaints) {
  if (request.has_index()) complaints.require(request.index() >= 0, "index");
}

void check(const models::ActualLRPsByProcessGuidsRequest&, Complaints&) {}
void check(const models::ActualLRPGroupsRequest&, Complaints&) {}

void check(const models::ActualLRPGroupsByProcessGuidRequest& request, Complaints& complaints) {
  complaints.require(is_guid(request.process_guid()), "process_guid");
}

void check(const models::ActualLRPGroupByProcessGuidAndIndexRequest& request,
           Complaints& complaints) {
  complaints.require(is_guid(request.process_guid()), "process_guid");
  complaints.require(request.index() >= 0, "index");
}

void check(const models::DesireTaskRequest& request, Complaints& complaints) {
  complaints.require(is_guid(request.task_guid()), "task_guid");
  complaints.require(!request.domain().empty(), "domain");
  if (!request.has_task_definition()) return complaints.field("task_definition");
  check(request.task_definition(), complaints);
}

void check(const models::StartTaskRequest& request, Complaints& complaints) {
  complaints.require(is_guid(request.task_guid()), "task_guid");
  complaints.require(!request.cell_id().empty(), "cell_id");
}

void check(const models::FailTaskRequest& request, Complaints& complaints) {
  complaints.require(is_guid(request.task_guid()), "task_guid");
  complaints.require(!request.failure_reason().empty(), "failure_reason");
}

void check(const models::RejectTaskRequest& request, Complaints& complaints) {
  complaints.require(is_guid(request.task_guid()), "task_guid");
  complaints.require(!request.rejection_reason().empty(), "rejection_reason");
}

void check(const models::TaskGuidRequest& request, Complaints& complaints) {
  complaints.require(is_guid(request.task_guid()), "task_guid");
}

void check(const models::CompleteTaskRequest& request, Complaints& complaints) {
  complaints.require(is_guid(request.task_guid()), "task_guid");
  complaints.require(!request.cell_id().empty(), "cell_id");
}

void check(const models::TasksRequest&, Complaints&) {}

void check(const models::TaskByGuidRequest& request, Complaints& complaints) {
  complaints.require(is_guid(request.task_guid()), "task_guid");
}

void check(const models::UpsertDomainRequest& request, Complaints& complaints) {
  complaints.require(!request.domain().empty(), "domain");
}

}  // namespace causeway::bbs
