#include "cell/rep/operations.h"

#include "cell/rep/cell_tags.h"
#include "diego/bbs_client.h"
#include "log/logger.h"
#include "net/loop.h"

namespace causeway::rep {

namespace {
constexpr Duration kOperationRetryWait = std::chrono::seconds(1);
}  // namespace

Operations::Operations(net::Loop& loop, const log::Logger& logger, executor::Executor& executor,
                       diego::BbsClient& bbs, Identity identity)
    : loop_(loop),
      logger_(logger),
      executor_(executor),
      bbs_(bbs),
      identity_(std::move(identity)),
      later_timer_(loop) {}

void Operations::on_container(const Container& container) { take(container.guid); }

void Operations::take(const std::string& guid) {
  Slot& slot = slots_[guid];
  if (slot.is_busy) {
    slot.is_wanted = true;
    return;
  }
  begin(guid, slot);
}

void Operations::take_residual(const models::ActualLRP& lrp) {
  const std::string& guid = lrp.actual_lrp_instance_key().instance_guid();
  slots_[guid].rows[lrp.presence()] = lrp;
  take(guid);
}

void Operations::take_residual(const models::Task& task) {
  slots_[task.task_guid()].task = task;
  take(task.task_guid());
}

void Operations::begin(const std::string& guid, Slot& slot) {
  slot.is_busy = true;
  slot.is_wanted = false;
  const Container* container = executor_.find(guid);
  if (container == nullptr) {
    if (!slot.rows.empty()) return remove_residual(guid, slot);
    if (slot.task && slot.task->state() == models::Task::Running)
      return complete_residual_task(guid);
    return finish(guid);
  }
  slot.rows.clear();
  slot.task.reset();
  if (lifecycle_of(*container) == Lifecycle::task) return step_task(*container);
  if (is_evacuating_) return evacuate_lrp(*container);
  step_lrp(*container);
}

void Operations::finish(const std::string& guid) {
  const auto found = slots_.find(guid);
  if (found == slots_.end()) return;
  found->second.is_busy = false;
  if (found->second.is_wanted) return begin(guid, found->second);
  if (found->second.rows.empty() && !found->second.task && !later_.contains(guid))
    slots_.erase(found);
}

bool is_passing(const diego::BbsError& error) {
  return !error.is_answer || error.is_type(models::Error::UnknownError) ||
         error.is_type(models::Error::ResourceConflict);
}

void Operations::finish_later(const std::string& guid) {
  later_.insert(guid);
  if (!later_timer_.is_armed()) {
    later_timer_.once(kOperationRetryWait, [this] {
      std::set<std::string> guids;
      guids.swap(later_);
      for (const std::string& one : guids) take(one);
    });
  }
  finish(guid);
}

void Operations::settle(const std::string& guid, const Result<void, diego::BbsError>& answer,
                        const char* message) {
  if (answer) return finish(guid);
  refuse(guid, message, answer.error());
  if (is_passing(answer.error())) return finish_later(guid);
  finish(guid);
}

void Operations::refuse(const std::string& guid, const char* message,
                        const diego::BbsError& error) {
  logger_.warn(message, {{"guid", guid}, {"error", diego::to_string(error)}});
}

models::ActualLRPInstanceKey Operations::instance_key_of(const std::string& guid) const {
  models::ActualLRPInstanceKey key;
  key.set_instance_guid(guid);
  key.set_cell_id(identity_.cell_id);
  return key;
}

void Operations::remove(const std::string& guid) {
  executor_.remove(guid, [this, guid](const Result<void>& removed) {
    if (removed) return finish(guid);
    logger_.error("container.cannot-remove", removed.error(), {{"guid", guid}});
    finish_later(guid);
  });
}

}  // namespace causeway::rep
