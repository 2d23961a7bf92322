#include "cell/rep/bulk.h"

#include "cell/executor/executor.h"
#include "cell/rep/operations.h"
#include "cf/models/models.h"
#include "diego/bbs_client.h"
#include "log/logger.h"
#include "metrics/registry.h"
#include "net/loop.h"

namespace causeway::rep {

namespace {
constexpr Duration kBulkRetryWait =
    std::chrono::seconds(1);  // after a pass that the BBS did not answer
}  // namespace

Bulk::Bulk(net::Loop& loop, const log::Logger& logger, metrics::Registry& metrics,
           diego::BbsClient& bbs, executor::Executor& executor, Operations& operations,
           std::string cell_id)
    : loop_(loop),
      logger_(logger),
      bbs_(bbs),
      executor_(executor),
      operations_(operations),
      cell_id_(std::move(cell_id)),
      duration_(metrics.gauge("RepBulkSyncDuration",
                              "Nanoseconds that the last complete bulk pass took.")),
      next_(loop) {}

void Bulk::start(Duration interval) {
  interval_ = interval;
  if (!is_passing_) pass();
}

void Bulk::pass() {
  is_passing_ = true;
  began_ = loop_.now();
  models::ActualLRPsRequest request;
  request.set_cell_id(cell_id_);
  bbs_.actual_lrps(
      request, [this](const Result<models::ActualLRPsResponse, diego::BbsError>& answer) {
        if (!answer) {
          logger_.warn("bulk.cannot-list-lrps", {{"error", diego::to_string(answer.error())}});
          return done(false);
        }
        for (const models::ActualLRP& lrp : answer->actual_lrps()) {
          if (executor_.find(lrp.actual_lrp_instance_key().instance_guid()) == nullptr)
            operations_.take_residual(lrp);
        }
        list_tasks();
      });
}

void Bulk::list_tasks() {
  models::TasksRequest request;
  request.set_cell_id(cell_id_);
  bbs_.tasks(request, [this](const Result<models::TasksResponse, diego::BbsError>& answer) {
    if (!answer) {
      logger_.warn("bulk.cannot-list-tasks", {{"error", diego::to_string(answer.error())}});
      return done(false);
    }
    for (const models::Task& task : answer->tasks()) {
      if (executor_.find(task.task_guid()) == nullptr) operations_.take_residual(task);
    }
    for (const executor::Container& container : executor_.list()) operations_.take(container.guid);
    done(true);
  });
}

void Bulk::done(bool complete) {
  is_passing_ = false;
  if (complete) duration_.set(static_cast<double>((loop_.now() - began_).count()));
  next_.once(complete ? interval_ : kBulkRetryWait, [this] { pass(); });
}

}  // namespace causeway::rep
