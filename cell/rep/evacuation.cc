#include "cell/rep/evacuation.h"

#include "cell/executor/executor.h"
#include "cell/rep/bulk.h"
#include "cell/rep/operations.h"
#include "log/logger.h"
#include "net/loop.h"

namespace causeway::rep {

namespace {
constexpr Duration kEvacuationLook = std::chrono::milliseconds(200);
}  // namespace

Evacuation::Evacuation(net::Loop& loop, const log::Logger& logger, executor::Executor& executor,
                       Operations& operations, Bulk& bulk, Timing timing,
                       std::function<void()> on_over)
    : loop_(loop),
      logger_(logger),
      executor_(executor),
      operations_(operations),
      bulk_(bulk),
      timing_(timing),
      on_over_(std::move(on_over)),
      watch_(loop) {}

void Evacuation::start() {
  if (is_on_) return;
  is_on_ = true;
  logger_.info("evacuation.starting", {{"containers", executor_.list().size()}});
  operations_.evacuate();
  bulk_.start(timing_.polling_interval);
  deadline_ = loop_.now() + timing_.timeout;
  watch_.every(kEvacuationLook, [this] { look(); });
}

void Evacuation::look() {
  const size_t left = executor_.list().size();
  if (left > 0 && loop_.now() < deadline_) return;
  watch_.disarm();
  if (left > 0) logger_.warn("evacuation.timed-out", {{"containers", left}});
  logger_.info("evacuation.complete");
  on_over_();
}

}  // namespace causeway::rep
