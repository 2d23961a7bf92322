#include "cell/executor/monitor_step.h"

#include <algorithm>
#include <utility>

#include "cell/executor/run_step.h"
#include "common.pb.h"
#include "net/loop.h"

namespace causeway::executor {

CheckPlan plan_check(const models::Check& check) {
  CheckPlan plan;
  uint64_t timeout_ms = 0, interval_ms = 0;
  if (check.has_http_check()) {
    const models::HTTPCheck& http = check.http_check();
    plan.check.kind = health::Check::Kind::http;
    plan.check.port = static_cast<uint16_t>(http.port());
    if (!http.path().empty()) plan.check.path = http.path();
    timeout_ms = http.request_timeout_ms();
    interval_ms = http.interval_ms();
  } else {
    plan.check.port = static_cast<uint16_t>(check.tcp_check().port());
    timeout_ms = check.tcp_check().connect_timeout_ms();
    interval_ms = check.tcp_check().interval_ms();
  }
  constexpr uint64_t ms_max = 86'400'000;
  if (timeout_ms > 0) plan.check.timeout = std::chrono::milliseconds(std::min(timeout_ms, ms_max));
  plan.interval = std::chrono::milliseconds(std::min(interval_ms, ms_max));
  return plan;
}

void ProbeStep::start(Done done) {
  done_ = std::move(done);
  probe_ = health::Probe::start(loop_, address_, check_, [this](Result<void> outcome) {
    Done finished = std::exchange(done_, nullptr);
    if (!finished) return;
    if (outcome) return finished(std::nullopt);
    finished(Failure{Failure::Kind::failed, outcome.error().detail});
  });
}

void ProbeStep::cancel() {
  Done finished = std::exchange(done_, nullptr);
  if (!finished) return;
  loop_.bury(std::move(probe_));
  finished(Failure{Failure::Kind::cancelled, "cancelled"});
}

MonitorStep::MonitorStep(const StepContext& context, Options options, Attempt attempt,
                         std::function<void(bool)> on_change)
    : context_(context),
      options_(std::move(options)),
      attempt_(std::move(attempt)),
      on_change_(std::move(on_change)),
      is_well_(options_.was_healthy),
      wait_(options_.first_interval),
      timer_(context.loop),
      deadline_(context.loop) {}

void MonitorStep::start(Done done) {
  done_ = std::move(done);
  if (is_well_) {
    timer_.once(options_.healthy_interval, [this] { try_once(); });
    return;
  }
  const bool is_health = options_.purpose == Purpose::health;
  context_.host.say(options_.log_source, is_health
                                             ? "Starting health monitoring of container"
                                             : "Starting readiness health monitoring of container");
  if (is_health && options_.start_timeout > Duration::zero()) {
    deadline_.once(options_.start_timeout, [this] { give_up(); });
  }
  try_once();
}

void MonitorStep::try_once() {
  const std::string place = options_.place + "." + std::to_string(++attempts_);
  running_ = attempt_(place);
  running_->start([this, place](Outcome outcome) {
    context_.host.forget(place);
    on_attempt(std::move(outcome));
  });
}

void MonitorStep::on_attempt(Outcome outcome) {
  context_.loop.bury(std::move(running_));
  if (!done_) return;
  if (is_cancelled_) return finish(Failure{Failure::Kind::cancelled, "cancelled"});
  if (!outcome) {
    become(true);
    timer_.once(options_.healthy_interval, [this] { try_once(); });
    return;
  }
  last_failure_ = outcome->message;
  if (is_well_ && options_.purpose == Purpose::health) {
    become(false);
    return finish(Failure{Failure::Kind::failed, "Instance became unhealthy: " + last_failure_});
  }
  become(false);
  timer_.once(wait_, [this] { try_once(); });
  wait_ = std::min(wait_ * 2, options_.unhealthy_interval);
}

void MonitorStep::become(bool is_well) {
  if (std::exchange(is_well_, is_well) == is_well) return;
  deadline_.disarm();
  wait_ = options_.first_interval;
  if (options_.purpose == Purpose::health) {
    context_.host.say(options_.log_source,
                      is_well ? "Container became healthy" : "Container became unhealthy",
                      !is_well);
  } else {
    context_.host.say(
        options_.log_source,
        is_well
            ? "Container passed the readiness health check. Container marked ready and added to "
              "route pool."
            : "Container failed the readiness health check. Container marked not ready and removed "
              "from route pool.",
        !is_well);
  }
  on_change_(is_well);
}

void MonitorStep::give_up() {
  const std::string limit = go_duration(options_.start_timeout);
  context_.host.say(options_.log_source,
                    "Failed after " + limit + ": startup health check never passed.", true);
  finish(Failure{Failure::Kind::failed,
                 "Instance never healthy after " + limit + ": " + last_failure_});
}

void MonitorStep::cancel() {
  if (std::exchange(is_cancelled_, true) || !done_) return;
  timer_.disarm();
  deadline_.disarm();
  if (running_) return running_->cancel();
  finish(Failure{Failure::Kind::cancelled, "cancelled"});
}

void MonitorStep::finish(Outcome outcome) {
  timer_.disarm();
  deadline_.disarm();
  if (Done done = std::exchange(done_, nullptr); done) done(std::move(outcome));
}

}  // namespace causeway::executor
