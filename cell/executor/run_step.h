#pragma once

#include <string>

#include "actions.pb.h"
#include "cell/executor/step.h"
#include "net/timer.h"

namespace causeway::executor {

// A process in the container. Cancelled, it gets TERM, then KILL. See Step.
class RunStep final : public Step {
 public:
  RunStep(const StepContext& context, const models::RunAction& action, std::string place);
  void start(Done done) override;
  void cancel() override;

 private:
  void on_started(const Result<void>& started);
  void on_exit(const runtime::ProcessExit& exit);
  void ask_to_end();
  void finish(Outcome outcome);

  const StepContext& context_;
  const models::RunAction action_;
  const std::string place_, source_;
  Done done_;
  bool is_started_ = false;
  bool is_cancelled_ = false;
  bool has_exceeded_grace_ = false;
  net::Timer patience_;
};

// "1m0s", as Go writes it.
std::string go_duration(Duration duration);

}  // namespace causeway::executor
