#include "cell/executor/step.h"

#include "actions.pb.h"
#include "cell/executor/composite_steps.h"
#include "cell/executor/run_step.h"

namespace causeway::executor {

namespace {

// The bound of nesting in actions: validation has none, the stack has.
constexpr size_t place_bytes_max = 100;

template <class List>
Steps build_steps(const List& actions, const StepContext& context, const std::string& place) {
  Steps steps;
  for (int i = 0; i < actions.actions_size(); ++i) {
    steps.push_back(build_step(actions.actions(i), context, place + "." + std::to_string(i)));
  }
  return steps;
}

std::string source_of(const std::string& own, const StepContext& context) {
  return own.empty() ? context.log_source : own;
}

std::unique_ptr<Step> build_timeout(const models::TimeoutAction& timeout,
                                    const StepContext& context, const std::string& place) {
  // Old clients send nanoseconds.
  const Duration limit = timeout.timeout_ms() > 0
                             ? Duration(std::chrono::milliseconds(timeout.timeout_ms()))
                             : Duration(timeout.deprecated_timeout_ns());
  return std::make_unique<TimeoutStep>(context, build_step(timeout.action(), context, place + ".t"),
                                       limit);
}

std::unique_ptr<Step> build_progress(const models::EmitProgressAction& progress,
                                     const StepContext& context, const std::string& place) {
  return std::make_unique<EmitProgressStep>(
      context, build_step(progress.action(), context, place + ".p"),
      EmitProgressStep::Texts{.source = source_of(progress.log_source(), context),
                              .start = progress.start_message(),
                              .success = progress.success_message(),
                              .failure_prefix = progress.failure_message_prefix()});
}

}  // namespace

std::unique_ptr<Step> build_step(const models::Action& action, const StepContext& context,
                                 const std::string& place) {
  const auto unsupported = [&](const std::string& own_source, const std::string& message) {
    return std::make_unique<UnsupportedStep>(context, source_of(own_source, context), message);
  };
  if (place.size() > place_bytes_max) return unsupported("", "actions are nested too deeply");
  if (action.has_run_action())
    return std::make_unique<RunStep>(context, action.run_action(), place);
  if (action.has_timeout_action()) return build_timeout(action.timeout_action(), context, place);
  if (action.has_emit_progress_action())
    return build_progress(action.emit_progress_action(), context, place);
  if (action.has_try_action()) {
    return std::make_unique<TryStep>(
        build_step(action.try_action().action(), context, place + ".y"));
  }
  if (action.has_serial_action()) {
    return std::make_unique<SerialStep>(build_steps(action.serial_action(), context, place));
  }
  using Kind = ConcurrentSteps::Kind;
  if (action.has_parallel_action()) {
    return std::make_unique<ConcurrentSteps>(Kind::parallel,
                                             build_steps(action.parallel_action(), context, place));
  }
  if (action.has_codependent_action()) {
    return std::make_unique<ConcurrentSteps>(
        Kind::codependent, build_steps(action.codependent_action(), context, place));
  }
  if (action.has_download_action()) {
    return unsupported(action.download_action().log_source(),
                       "download actions are not supported yet");
  }
  if (action.has_upload_action()) {
    return unsupported(action.upload_action().log_source(), "upload actions are not supported yet");
  }
  return unsupported("", "an action without content cannot be done");
}

}  // namespace causeway::executor
