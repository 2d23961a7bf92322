// The steps of instances of long-running processes.

#include <utility>

#include "cell/rep/cell_tags.h"
#include "cell/rep/operations.h"
#include "cell/rep/run_request.h"
#include "diego/bbs_client.h"
#include "log/logger.h"

namespace causeway::rep {

using executor::State;

void Operations::step_lrp(const Container& container) {
  switch (container.state) {
    case State::reserved:
      return claim_and_run(container);
    case State::initializing:
    case State::created:
      return heart_beat_claim(container);
    case State::running:
      return report_running(container);
    case State::completed:
      return report_completed(container);
  }
}

namespace {

models::ClaimActualLRPRequest claim_of(const models::ActualLRPKey& key,
                                       const models::ActualLRPInstanceKey& instance) {
  models::ClaimActualLRPRequest request;
  request.set_process_guid(key.process_guid());
  request.set_index(key.index());
  *request.mutable_actual_lrp_instance_key() = instance;
  return request;
}

}  // namespace

void Operations::claim_and_run(const Container& container) {
  const std::string guid = container.guid;
  bbs_.claim_actual_lrp(claim_of(lrp_key_of(container), instance_key_of(guid)),
                        [this, guid](const Result<void, diego::BbsError>& answer) {
                          if (answer) return run_lrp(guid);
                          refuse(guid, "lrp.cannot-claim", answer.error());
                          if (is_passing(answer.error())) return finish_later(guid);
                          remove(guid);
                        });
}

void Operations::run_lrp(const std::string& guid) {
  const Container* container = executor_.find(guid);
  if (container == nullptr) return finish(guid);
  models::DesiredLRPByProcessGuidRequest request;
  request.set_process_guid(lrp_key_of(*container).process_guid());
  bbs_.desired_lrp(
      request, [this, guid](const Result<models::DesiredLRPResponse, diego::BbsError>& answer) {
        const Container* reserved = executor_.find(guid);
        if (reserved == nullptr) return finish(guid);
        if (!answer) {
          refuse(guid, "lrp.cannot-fetch-desired", answer.error());
          if (is_passing(answer.error())) return finish_later(guid);
          return remove(
              guid);  // undesired meanwhile: convergence retires the row, the bulk pass removes it
        }
        const models::ActualLRPKey key = lrp_key_of(*reserved);
        Result<executor::RunRequest> run = run_request_of(answer->desired_lrp(), key.index(), guid);
        Result<void> running = run ? executor_.run(*std::move(run)) : Result<void>(run.error());
        if (running) return finish(guid);
        logger_.error("lrp.cannot-run", running.error(), {{"guid", guid}});
        models::CrashActualLRPRequest crash;
        *crash.mutable_actual_lrp_key() = key;
        *crash.mutable_actual_lrp_instance_key() = instance_key_of(guid);
        crash.set_error_message("failed to run container: " + running.error().detail);
        bbs_.crash_actual_lrp(crash,
                              [this, guid](const Result<void, diego::BbsError>&) { remove(guid); });
      });
}

void Operations::heart_beat_claim(const Container& container) {
  const std::string guid = container.guid;
  bbs_.claim_actual_lrp(
      claim_of(lrp_key_of(container), instance_key_of(guid)),
      [this, guid](const Result<void, diego::BbsError>& answer) {
        if (!answer && answer.error().is_type(models::Error::ActualLRPCannotBeClaimed)) {
          refuse(guid, "lrp.cannot-claim", answer.error());
          (void)executor_.stop(guid);
          return finish(guid);
        }
        settle(guid, answer, "lrp.cannot-claim");
      });
}

// What start and evacuate_running alike say of an instance that runs.
template <class Request>
void Operations::describe(const Container& container, Request& request) const {
  *request.mutable_actual_lrp_net_info() = container.net_info;
  for (const std::string& hostname : internal_hostnames_of(container))
    request.add_actual_lrp_internal_routes()->set_hostname(hostname);
  for (const auto& [name, value] : metric_tags_of(container))
    (*request.mutable_metric_tags())[name] = value;
  request.set_routable(container.is_ready);
  request.set_availability_zone(identity_.zone);
}

void Operations::report_running(const Container& container) {
  const std::string guid = container.guid;
  models::StartActualLRPRequest request;
  *request.mutable_actual_lrp_key() = lrp_key_of(container);
  *request.mutable_actual_lrp_instance_key() = instance_key_of(guid);
  describe(container, request);
  bbs_.start_actual_lrp(request, [this, guid](const Result<void, diego::BbsError>& answer) {
    if (!answer && answer.error().is_type(models::Error::ActualLRPCannotBeStarted)) {
      refuse(guid, "lrp.cannot-start", answer.error());
      (void)executor_.stop(guid);
      return finish(guid);
    }
    settle(guid, answer, "lrp.cannot-start");
  });
}

void Operations::report_completed(const Container& container) {
  const std::string guid = container.guid;
  const auto reported = [this, guid](const Result<void, diego::BbsError>& answer) {
    if (!answer) refuse(guid, "lrp.cannot-report-end", answer.error());
    if (!answer && is_passing(answer.error())) return finish_later(guid);
    remove(guid);
  };
  const models::ActualLRPKey key = lrp_key_of(container);
  if (container.result.stopped) {
    models::RemoveActualLRPRequest request;
    request.set_process_guid(key.process_guid());
    request.set_index(key.index());
    *request.mutable_actual_lrp_instance_key() = instance_key_of(guid);
    return bbs_.remove_actual_lrp(request, reported);
  }
  models::CrashActualLRPRequest request;
  *request.mutable_actual_lrp_key() = key;
  *request.mutable_actual_lrp_instance_key() = instance_key_of(guid);
  request.set_error_message(container.result.reason);
  bbs_.crash_actual_lrp(request, reported);
}

void Operations::evacuate_running(const Container& container) {
  const std::string guid = container.guid;
  if (has_let_go_) return finish(guid);
  models::EvacuateRunningActualLRPRequest request;
  *request.mutable_actual_lrp_key() = lrp_key_of(container);
  *request.mutable_actual_lrp_instance_key() = instance_key_of(guid);
  describe(container, request);
  ++leaving_;
  bbs_.evacuate_running(request, [this, guid](const auto& answer) {
    --leaving_;
    evacuated(guid, answer, false);
    if (leaving_ == 0 && on_let_go_) std::exchange(on_let_go_, nullptr)();
  });
}

void Operations::let_go(std::function<void()> done) {
  has_let_go_ = true;
  if (leaving_ == 0) return done();
  on_let_go_ = std::move(done);
}

void Operations::evacuate_lrp(const Container& container) {
  const std::string guid = container.guid;
  const models::ActualLRPKey key = lrp_key_of(container);
  if (container.state == State::running) return evacuate_running(container);
  if (container.state == State::completed && !container.result.stopped) {
    models::EvacuateCrashedActualLRPRequest request;
    *request.mutable_actual_lrp_key() = key;
    *request.mutable_actual_lrp_instance_key() = instance_key_of(guid);
    request.set_error_message(container.result.reason);
    return bbs_.evacuate_crashed(
        request, [this, guid](const auto& answer) { evacuated(guid, answer, true); });
  }
  if (container.state == State::completed) {
    models::EvacuateStoppedActualLRPRequest request;
    *request.mutable_actual_lrp_key() = key;
    *request.mutable_actual_lrp_instance_key() = instance_key_of(guid);
    return bbs_.evacuate_stopped(
        request, [this, guid](const auto& answer) { evacuated(guid, answer, true); });
  }
  models::EvacuateClaimedActualLRPRequest request;
  *request.mutable_actual_lrp_key() = key;
  *request.mutable_actual_lrp_instance_key() = instance_key_of(guid);
  bbs_.evacuate_claimed(request,
                        [this, guid](const auto& answer) { evacuated(guid, answer, true); });
}

// `removes`: the container is of no more use; otherwise it is stopped first, unless the BBS wants
// it kept.
void Operations::evacuated(const std::string& guid,
                           const Result<models::EvacuationResponse, diego::BbsError>& answer,
                           bool removes) {
  if (!answer) refuse(guid, "lrp.cannot-evacuate", answer.error());
  // Only a row that is gone lets go of an instance that runs.
  const bool is_asked_again =
      !answer && (is_passing(answer.error()) ||
                  (!removes && !answer.error().is_type(models::Error::ResourceNotFound)));
  if (is_asked_again) return finish_later(guid);
  if (answer && answer->keep_container()) return finish(guid);
  if (removes) return remove(guid);
  (void)executor_.stop(guid);
  finish(guid);
}

void Operations::remove_residual(const std::string& guid, Slot& slot) {
  const auto row = slot.rows.begin();
  const models::ActualLRP lrp = row->second;
  slot.rows.erase(row);
  const auto removed = [this, guid](const Result<void, diego::BbsError>& answer) {
    // The other row, if any, in a step of its own; a failure waits for the next bulk pass.
    const auto found = slots_.find(guid);
    if (found != slots_.end() && !found->second.rows.empty()) found->second.is_wanted = true;
    if (!answer) refuse(guid, "lrp.cannot-remove-residual", answer.error());
    finish(guid);
  };
  logger_.info("lrp.removing-residual", {{"guid", guid},
                                         {"process_guid", lrp.actual_lrp_key().process_guid()},
                                         {"index", lrp.actual_lrp_key().index()}});
  if (lrp.presence() == models::ActualLRP::EVACUATING) {
    models::RemoveEvacuatingActualLRPRequest request;
    *request.mutable_actual_lrp_key() = lrp.actual_lrp_key();
    *request.mutable_actual_lrp_instance_key() = lrp.actual_lrp_instance_key();
    return bbs_.remove_evacuating_actual_lrp(request, removed);
  }
  models::RemoveActualLRPRequest request;
  request.set_process_guid(lrp.actual_lrp_key().process_guid());
  request.set_index(lrp.actual_lrp_key().index());
  *request.mutable_actual_lrp_instance_key() = lrp.actual_lrp_instance_key();
  bbs_.remove_actual_lrp(request, removed);
}

}  // namespace causeway::rep
