#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cell/executor/step.h"
#include "net/timer.h"

namespace causeway::executor {

using Steps = std::vector<std::unique_ptr<Step>>;

// One after the other; the first failure is the outcome. See Step.
class SerialStep final : public Step {
 public:
  explicit SerialStep(Steps steps) : steps_(std::move(steps)) {}
  void start(Done done) override;
  void cancel() override;

 private:
  void next();
  Steps steps_;
  Done done_;
  size_t at_ = 0;
  bool is_cancelled_ = false;
};

// All at once. `parallel`: each runs to its end, failures are joined. `codependent`: the first end,
// clean or not, cancels the others and is a failure. See Step.
class ConcurrentSteps final : public Step {
 public:
  enum class Kind : uint8_t { parallel, codependent };
  ConcurrentSteps(Kind kind, Steps steps)
      : kind_(kind), steps_(std::move(steps)), outcomes_(steps_.size()) {}
  void start(Done done) override;
  void cancel() override;

 private:
  void on_end(size_t index, Outcome outcome);
  Outcome joined() const;
  const Kind kind_;
  Steps steps_;
  std::vector<std::optional<Outcome>> outcomes_;  // per step, once ended
  Done done_;
  size_t started_ = 0, ended_ = 0;
  bool is_cancelled_ = false;
  bool has_clean_end_ = false;  // of a step that was not cancelled
};

// Cancels its step after a while. See Step.
class TimeoutStep final : public Step {
 public:
  TimeoutStep(const StepContext& context, std::unique_ptr<Step> step, Duration timeout);
  void start(Done done) override;
  void cancel() override;

 private:
  std::unique_ptr<Step> step_;
  const Duration timeout_;
  bool is_late_ = false, is_cancelled_ = false;
  net::Timer timer_;
};

// Swallows a failure, but not being cancelled. See Step.
class TryStep final : public Step {
 public:
  explicit TryStep(std::unique_ptr<Step> step) : step_(std::move(step)) {}
  void start(Done done) override;
  void cancel() override;

 private:
  std::unique_ptr<Step> step_;
  bool is_cancelled_ = false;
};

// Says in the app's log how its step goes. See Step.
class EmitProgressStep final : public Step {
 public:
  struct Texts {
    std::string source, start, success, failure_prefix;
  };
  EmitProgressStep(const StepContext& context, std::unique_ptr<Step> step, Texts texts)
      : context_(context), step_(std::move(step)), texts_(std::move(texts)) {}
  void start(Done done) override;
  void cancel() override { step_->cancel(); }

 private:
  const StepContext& context_;
  std::unique_ptr<Step> step_;
  const Texts texts_;
};

// Tells somebody else as well how its step ended. See Step.
class ToldStep final : public Step {
 public:
  ToldStep(std::unique_ptr<Step> step, std::function<void(const Outcome&)> on_end)
      : step_(std::move(step)), on_end_(std::move(on_end)) {}
  void start(Done done) override;
  void cancel() override { step_->cancel(); }

 private:
  std::unique_ptr<Step> step_;
  const std::function<void(const Outcome&)> on_end_;
};

// An action that this executor cannot do: says so in the app's log and fails. See Step.
class UnsupportedStep final : public Step {
 public:
  UnsupportedStep(const StepContext& context, std::string source, std::string message)
      : context_(context), source_(std::move(source)), message_(std::move(message)) {}
  void start(Done done) override;
  void cancel() override {}

 private:
  const StepContext& context_;
  const std::string source_, message_;
};

}  // namespace causeway::executor
