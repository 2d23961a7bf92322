#include "cell/rep/evacuation.h"

#include "cell/executor/executor.h"
#include "cell/rep/bulk.h"
#include "cell/rep/operations.h"
#include "cf/models/models.h"
#include "diego/bbs_client.h"
#include "log/logger.h"
#include "net/loop.h"

namespace causeway::rep {

namespace {
constexpr Duration kEvacuationLook = std::chrono::milliseconds(200);
}  // namespace

Evacuation::Evacuation(net::Loop& loop, const log::Logger& logger, executor::Executor& executor,
                       Operations& operations, Bulk& bulk, diego::BbsClient& bbs, Options options,
                       Events events)
    : loop_(loop),
      logger_(logger),
      executor_(executor),
      operations_(operations),
      bulk_(bulk),
      bbs_(bbs),
      options_(std::move(options)),
      on_(std::move(events)),
      watch_(loop) {}

void Evacuation::start() {
  if (is_on_) return;
  is_on_ = true;
  logger_.info("evacuation.starting", {{"containers", executor_.list().size()}});
  operations_.evacuate();
  bulk_.start(options_.polling_interval);
  deadline_ = loop_.now() + options_.timeout;
  watch_.every(kEvacuationLook, [this] { look(); });
}

void Evacuation::look() {
  const size_t left = executor_.list().size();
  if (left > 0 && loop_.now() < deadline_) return;
  watch_.disarm();
  if (left == 0) {
    logger_.info("evacuation.complete");
    return on_.on_empty();
  }
  logger_.warn("evacuation.timed-out", {{"containers", left}});
  operations_.let_go([this] { remove_rows(); });
}

// Before the containers are stopped: what is still routed to them goes elsewhere first.
void Evacuation::remove_rows() {
  models::ActualLRPsRequest request;
  request.set_cell_id(options_.cell_id);
  bbs_.actual_lrps(request, [this](
                                const Result<models::ActualLRPsResponse, diego::BbsError>& answer) {
    if (!answer) {
      logger_.error("evacuation.cannot-list-lrps", {{"error", diego::to_string(answer.error())}});
      return time_out();
    }
    removing_ = 1;  // this loop
    for (const models::ActualLRP& lrp : answer->actual_lrps()) {
      if (lrp.presence() != models::ActualLRP::EVACUATING) continue;
      ++stranded_;
      ++removing_;
      models::RemoveEvacuatingActualLRPRequest removal;
      *removal.mutable_actual_lrp_key() = lrp.actual_lrp_key();
      *removal.mutable_actual_lrp_instance_key() = lrp.actual_lrp_instance_key();
      bbs_.remove_evacuating_actual_lrp(
          removal, [this](const Result<void, diego::BbsError>& removed) {
            if (!removed)
              logger_.warn("evacuation.cannot-remove-row",
                           {{"error", diego::to_string(removed.error())}});
            on_row_removed();
          });
    }
    on_row_removed();
  });
}

void Evacuation::on_row_removed() {
  if (--removing_ == 0) time_out();
}

void Evacuation::time_out() {
  for (const executor::Container& container : executor_.list())
    executor_.say(container.guid, "reached evacuation timeout for instance " + container.guid);
  on_.on_timed_out();
}

}  // namespace causeway::rep
