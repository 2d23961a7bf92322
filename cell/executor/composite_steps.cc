#include "cell/executor/composite_steps.h"

#include <utility>

#include "base/check.h"
#include "cell/executor/run_step.h"

namespace causeway::executor {

// --- serial --------------------------------------------------------------------------------------

void SerialStep::start(Done done) {
  done_ = std::move(done);
  next();
}

void SerialStep::next() {
  if (at_ == steps_.size()) return std::exchange(done_, nullptr)(std::nullopt);
  if (is_cancelled_)
    return std::exchange(done_, nullptr)(Failure{Failure::Kind::cancelled, "cancelled"});
  steps_[at_]->start([this](Outcome outcome) {
    if (outcome) return std::exchange(done_, nullptr)(std::move(outcome));
    ++at_;
    next();
  });
}

void SerialStep::cancel() {
  if (std::exchange(is_cancelled_, true) || !done_) return;
  steps_[at_]->cancel();
}

// --- parallel and codependent --------------------------------------------------------------------

void ConcurrentSteps::start(Done done) {
  done_ = std::move(done);
  if (steps_.empty()) return std::exchange(done_, nullptr)(std::nullopt);
  for (size_t i = 0; i < steps_.size(); ++i) {
    if (is_cancelled_) {  // by the end of one before
      outcomes_[i] = Failure{Failure::Kind::cancelled, "cancelled"};
      ++started_;
      ++ended_;
      continue;
    }
    ++started_;
    steps_[i]->start([this, i](Outcome outcome) { on_end(i, std::move(outcome)); });
  }
  if (ended_ == steps_.size() && done_) std::exchange(done_, nullptr)(joined());
}

void ConcurrentSteps::on_end(size_t index, Outcome outcome) {
  CHECK(!outcomes_[index].has_value());
  if (!is_cancelled_ && !outcome) has_clean_end_ = true;
  outcomes_[index] = std::move(outcome);
  ++ended_;
  if (kind_ == Kind::codependent && !is_cancelled_) cancel();
  if (ended_ == steps_.size() && started_ == steps_.size() && done_)
    std::exchange(done_, nullptr)(joined());
}

void ConcurrentSteps::cancel() {
  if (std::exchange(is_cancelled_, true)) return;
  const size_t running = started_;
  for (size_t i = 0; i < running; ++i) {
    if (!outcomes_[i].has_value()) steps_[i]->cancel();
  }
}

// What was merely cancelled, or slow to end, is not the reason of anything if there is another.
Outcome ConcurrentSteps::joined() const {
  std::string reasons;
  Outcome other;
  bool had_to_be_killed = false;
  for (const std::optional<Outcome>& ended : outcomes_) {
    if (!ended->has_value()) continue;
    const Failure& failure = **ended;
    had_to_be_killed = had_to_be_killed || failure.had_to_be_killed;
    if (failure.kind == Failure::Kind::failed) {
      reasons += (reasons.empty() ? "" : "; ") + failure.message;
    } else if (!other || failure.kind == Failure::Kind::exceeded_grace) {
      other = failure;
    }
  }
  if (!reasons.empty()) return Failure{Failure::Kind::failed, reasons, had_to_be_killed};
  if (kind_ == Kind::codependent && has_clean_end_)
    return Failure{Failure::Kind::failed, "Codependent step exited", had_to_be_killed};
  return other;
}

// --- timeout, try, emit progress
// -------------------------------------------------------------------

TimeoutStep::TimeoutStep(const StepContext& context, std::unique_ptr<Step> step, Duration timeout)
    : step_(std::move(step)), timeout_(timeout), timer_(context.loop) {}

void TimeoutStep::start(Done done) {
  timer_.once(timeout_, [this] {
    is_late_ = true;
    step_->cancel();
  });
  step_->start([this, done = std::move(done)](Outcome outcome) {
    timer_.disarm();
    if (!outcome || !is_late_ || is_cancelled_) return done(std::move(outcome));
    std::string message = "exceeded " + go_duration(timeout_) + " timeout";
    if (!outcome->message.empty()) message += "; " + outcome->message;
    done(Failure{Failure::Kind::failed, std::move(message), outcome->had_to_be_killed});
  });
}

void TimeoutStep::cancel() {
  is_cancelled_ = true;
  timer_.disarm();
  if (!is_late_) step_->cancel();
}

void TryStep::start(Done done) {
  step_->start([this, done = std::move(done)](Outcome outcome) {
    done(is_cancelled_ ? std::move(outcome) : Outcome());
  });
}

void TryStep::cancel() {
  is_cancelled_ = true;
  step_->cancel();
}

void EmitProgressStep::start(Done done) {
  if (!texts_.start.empty()) context_.host.say(texts_.source, texts_.start);
  step_->start([this, done = std::move(done)](Outcome outcome) {
    if (!outcome) {
      if (!texts_.success.empty()) context_.host.say(texts_.source, texts_.success);
    } else if (!texts_.failure_prefix.empty()) {
      context_.host.say(texts_.source, texts_.failure_prefix + ": " + outcome->message, true);
    }
    done(std::move(outcome));
  });
}

void ToldStep::start(Done done) {
  step_->start([this, done = std::move(done)](Outcome outcome) {
    on_end_(outcome);
    done(std::move(outcome));
  });
}

void UnsupportedStep::start(Done done) {
  context_.host.say(source_, message_, true);
  done(Failure{Failure::Kind::failed, message_});
}

}  // namespace causeway::executor
