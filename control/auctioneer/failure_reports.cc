#include "control/auctioneer/failure_reports.h"

#include <utility>

#include "actual_lrp_requests.pb.h"
#include "task_requests.pb.h"

namespace causeway::auctioneer {

namespace {

constexpr size_t kReportsAtOnce = 32;

}  // namespace

void FailureReports::add(place::LrpFailure failure) {
  waiting_.emplace_back(std::move(failure));
  send_next();
}

void FailureReports::add(place::TaskFailure failure) {
  waiting_.emplace_back(std::move(failure));
  send_next();
}

void FailureReports::send_next() {
  while (!waiting_.empty() && in_flight_ < kReportsAtOnce) {
    ++in_flight_;
    std::visit([this](const auto& failure) { send(failure); }, waiting_.front());
    waiting_.pop_front();
  }
}

void FailureReports::finished() {
  --in_flight_;
  send_next();
}

void FailureReports::send(const place::LrpFailure& failure) {
  models::FailActualLRPRequest request;
  models::ActualLRPKey& key = *request.mutable_actual_lrp_key();
  key.set_process_guid(failure.demand.process_guid);
  key.set_index(failure.demand.index);
  key.set_domain(failure.demand.domain);
  request.set_error_message(failure.reason);
  bbs_.fail_actual_lrp(
      request,
      [this, key](const Result<void, diego::BbsError>& done) {
        if (!done) {
          logger_.error("failed-to-fail-actual-lrp", done.error().cause,
                        {{"process_guid", key.process_guid()}, {"index", key.index()}});
        }
        finished();
      },
      failure.demand.trace_id);
}

void FailureReports::send(const place::TaskFailure& failure) {
  models::RejectTaskRequest request;
  request.set_task_guid(failure.demand.task_guid);
  request.set_rejection_reason(failure.reason);
  bbs_.reject_task(
      request,
      [this, guid = failure.demand.task_guid](const Result<void, diego::BbsError>& done) {
        if (!done)
          logger_.error("failed-to-reject-task", done.error().cause, {{"task_guid", guid}});
        finished();
      },
      failure.demand.trace_id);
}

}  // namespace causeway::auctioneer
