#include "cell/executor/run_step.h"

#include <csignal>
#include <utility>

#include "config/config.h"

namespace causeway::executor {

std::string go_duration(Duration duration) { return config::format_duration(duration); }

RunStep::RunStep(const StepContext& context, const models::RunAction& action, std::string place)
    : context_(context),
      action_(action),
      place_(std::move(place)),
      source_(action.log_source().empty() ? context.log_source : action.log_source()),
      patience_(context.loop) {}

void RunStep::start(Done done) {
  done_ = std::move(done);
  context_.host.run(
      place_, action_, [this](const Result<void>& started) { on_started(started); },
      [this](const runtime::ProcessExit& exit) { on_exit(exit); });
}

void RunStep::on_started(const Result<void>& started) {
  if (!started) {
    const std::string text = "failed-creating-process: " + started.error().detail;
    context_.host.say(source_, text, true);
    return finish(Failure{Failure::Kind::failed, source_ + ": " + text});
  }
  is_started_ = true;
  if (is_cancelled_) ask_to_end();
}

void RunStep::cancel() {
  if (is_cancelled_) return;
  is_cancelled_ = true;
  if (is_started_ && done_) ask_to_end();
}

void RunStep::ask_to_end() {
  context_.host.signal(place_, SIGTERM);
  patience_.once(context_.timing.graceful_shutdown, [this] {
    has_exceeded_grace_ = true;
    context_.host.signal(place_, SIGKILL);
    patience_.once(context_.timing.exit_timeout, [this] {
      finish(Failure{Failure::Kind::failed, "process did not exit", true});
    });
  });
}

void RunStep::on_exit(const runtime::ProcessExit& exit) {
  if (!done_) return;  // given up before
  const std::string grace =
      "exceeded " + go_duration(context_.timing.graceful_shutdown) + " graceful shutdown interval";
  const std::string status = "status " + std::to_string(exit.status);
  const std::string memory = exit.out_of_memory ? " (out of memory)" : "";
  if (!action_.suppress_log_output()) {
    context_.host.say(source_,
                      "Exit " + status + (has_exceeded_grace_ ? " (" + grace + ")" : "") + memory);
  }
  if (has_exceeded_grace_) return finish(Failure{Failure::Kind::exceeded_grace, grace, true});
  if (is_cancelled_) return finish(Failure{Failure::Kind::cancelled, "cancelled"});
  if (exit.status != 0)
    return finish(Failure{Failure::Kind::failed, source_ + ": Exited with " + status + memory});
  finish(std::nullopt);
}

void RunStep::finish(Outcome outcome) {
  patience_.disarm();
  if (Done done = std::exchange(done_, nullptr); done) done(std::move(outcome));
}

}  // namespace causeway::executor
