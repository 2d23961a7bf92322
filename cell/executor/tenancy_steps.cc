// What a tenancy does inside its container: setup, action and sidecars beside their monitors.

#include <algorithm>
#include <utility>

#include "cell/executor/composite_steps.h"
#include "cell/executor/monitor_step.h"
#include "cell/executor/tenancy.h"
#include "cell/network/allocator.h"
#include "log/logger.h"
#include "net/loop.h"

namespace causeway::executor {

namespace {

bool has_content(const models::Action& action) { return action.ByteSizeLong() > 0; }

// The shortest interval that a check of them wants, or the cell's own.
Duration shortest_interval(const std::vector<CheckPlan>& plans, Duration own) {
  for (const CheckPlan& plan : plans) {
    if (plan.interval > Duration::zero()) own = std::min(own, plan.interval);
  }
  return own;
}

template <class Checks>
std::vector<CheckPlan> plans_of(const Checks& checks) {
  std::vector<CheckPlan> plans;
  for (const models::Check& check : checks) plans.push_back(plan_check(check));
  return plans;
}

}  // namespace

// One attempt at all of them. What fails before an instance has been well is no failure of it.
std::unique_ptr<Step> Tenancy::build_probes(const std::vector<CheckPlan>& plans,
                                            bool is_readiness) {
  Steps probes;
  const std::string address = network::format_address(site_->attachment.address);
  for (const CheckPlan& plan : plans) {
    const bool is_http = plan.check.kind == health::Check::Kind::http;
    Tally& tally = ground_.tally;
    uint64_t& readiness = is_http ? tally.http_readiness_failed : tally.tcp_readiness_failed;
    uint64_t& liveness = is_http ? tally.http_liveness_failed : tally.tcp_liveness_failed;
    uint64_t& failed = is_readiness ? readiness : liveness;
    probes.push_back(std::make_unique<ToldStep>(
        std::make_unique<ProbeStep>(ground_.loop, address, plan.check),
        [this, is_readiness, &failed](const Outcome& outcome) {
          const bool is_counted = is_readiness || container_.state == State::running;
          if (is_counted && outcome && outcome->kind == Failure::Kind::failed) ++failed;
        }));
  }
  return std::make_unique<ConcurrentSteps>(ConcurrentSteps::Kind::parallel, std::move(probes));
}

std::unique_ptr<Step> Tenancy::build_monitor(bool was_running) {
  const RunRequest& request = record_request_;
  Attempt attempt;
  MonitorStep::Options options;
  options.healthy_interval = ground_.options.healthy_interval;
  if (request.checks.checks_size() > 0) {
    const std::vector<CheckPlan> plans = plans_of(request.checks.checks());
    options.healthy_interval = shortest_interval(plans, options.healthy_interval);
    attempt = [this, plans](const std::string&) { return build_probes(plans, false); };
  } else if (has_content(request.monitor)) {
    attempt = [this](const std::string& place) {
      return build_step(record_request_.monitor, context_, place);
    };
  } else {
    return nullptr;
  }
  options.place = "monitor";
  options.log_source = request.checks.log_source().empty() ? "HEALTH" : request.checks.log_source();
  options.unhealthy_interval = ground_.options.unhealthy_interval;
  options.start_timeout = std::chrono::milliseconds(request.start_timeout_ms);
  options.was_healthy = was_running;
  return std::make_unique<MonitorStep>(context_, std::move(options), std::move(attempt),
                                       [this](bool is_well) {
                                         if (is_well) become(State::running);
                                       });
}

std::unique_ptr<Step> Tenancy::build_readiness() {
  if (record_request_.checks.readiness_checks_size() == 0) return nullptr;
  const std::vector<CheckPlan> plans = plans_of(record_request_.checks.readiness_checks());
  MonitorStep::Options options;
  options.healthy_interval = shortest_interval(plans, ground_.options.healthy_interval);
  options.purpose = MonitorStep::Purpose::readiness;
  options.place = "readiness";
  options.log_source = "HEALTH";
  options.unhealthy_interval = ground_.options.unhealthy_interval;
  options.was_healthy = container_.is_ready;
  Attempt attempt = [this, plans](const std::string&) { return build_probes(plans, true); };
  return std::make_unique<MonitorStep>(context_, std::move(options), std::move(attempt),
                                       [this](bool is_ready) {
                                         container_.is_ready = is_ready;
                                         save();
                                         ground_.on_changed(container_.guid);
                                       });
}

// serial(setup, action beside its sidecars and monitors)
std::unique_ptr<Step> Tenancy::build_steps(bool was_running) {
  Steps sequence;
  if (has_content(record_request_.setup)) {
    sequence.push_back(std::make_unique<ToldStep>(
        build_step(record_request_.setup, context_, "setup"), [this](const Outcome& outcome) {
          if (began_ != Instant{}) on_setup_end(!outcome);
        }));
  }
  Steps beside;
  first_done_ = nullptr;
  const auto add = [&](const models::Action& action, const std::string& place) {
    beside.push_back(std::make_unique<ToldStep>(build_step(action, context_, place),
                                                [this, &action](const Outcome& outcome) {
                                                  if (!outcome && first_done_ == nullptr)
                                                    first_done_ = &action;
                                                }));
  };
  add(record_request_.action, "action");
  for (size_t i = 0; i < record_request_.sidecars.size(); ++i)
    add(record_request_.sidecars[i], "sidecar." + std::to_string(i));
  if (auto monitor = build_monitor(was_running)) {
    has_health_ = true;
    beside.push_back(std::move(monitor));
  }
  if (auto readiness = build_readiness()) beside.push_back(std::move(readiness));
  if (record_request_.is_long_running || beside.size() > 1) {
    sequence.push_back(
        std::make_unique<ConcurrentSteps>(ConcurrentSteps::Kind::codependent, std::move(beside)));
  } else {
    sequence.push_back(std::move(beside.front()));
  }
  return std::make_unique<SerialStep>(std::move(sequence));
}

void Tenancy::start_steps(bool was_running) {
  if (began_ != Instant{} && !has_content(record_request_.setup)) on_setup_end(true);
  steps_ = build_steps(was_running);
  are_steps_running_ = true;
  steps_->start([this](Outcome outcome) { on_steps_end(std::move(outcome)); });
}

// Also forgets the processes: what is still told of them would reach steps that are gone.
void Tenancy::drop_steps() {
  are_steps_running_ = false;
  processes_.clear();
  ground_.loop.bury(std::move(steps_));
}

void Tenancy::on_steps_end(Outcome outcome) {
  drop_steps();
  if (container_.state == State::completed || is_removing_) return;
  ++ground_.tally.completed;
  if (outcome && outcome->had_to_be_killed) ++ground_.tally.exited_on_timeout;
  RunResult result;
  result.stopped = is_stopping_;
  if (outcome && !is_stopping_) {
    result.failed = true;
    result.reason = outcome->message;
    // A process ended without a failure: say which, rather than that a tree of steps did.
    if (result.reason == "Codependent step exited" && first_done_ != nullptr &&
        first_done_->has_run_action()) {
      const std::string& own = first_done_->run_action().log_source();
      result.reason = (own.empty() ? context_.log_source : own) + ": Exited with status 0";
    }
  }
  complete(std::move(result));
}

}  // namespace causeway::executor
