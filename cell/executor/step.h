#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "cell/runtime/runtime.h"

namespace models {
class Action;
class RunAction;
}  // namespace models
namespace causeway::net {
class Loop;
}

namespace causeway::executor {

// Why a step did not succeed.
struct Failure {
  enum class Kind : uint8_t { failed, cancelled, exceeded_grace };
  Kind kind = Kind::failed;
  std::string message;
  bool had_to_be_killed = false;  // a process that did not end when it was asked to
};
using Outcome = std::optional<Failure>;  // nothing: success

// One node of an action tree. start() once, then cancel() at most once; `done` comes exactly once,
// possibly from inside start() or cancel(). The tree is not destroyed inside it. Owner: its parent,
// at the root a Container. Thread: its loop's.
class Step {
 public:
  using Done = std::function<void(Outcome)>;
  virtual ~Step() = default;
  virtual void start(Done done) = 0;
  virtual void cancel() = 0;
};

// What steps need of their container. `process` names are stable for a place in the tree, so that a
// tree started again over a container that an earlier rep left finds the processes it had started.
// Owner: Container, which outlives its steps.
class StepHost {
 public:
  using OnStarted = std::function<void(Result<void>)>;
  using OnExit = std::function<void(const runtime::ProcessExit&)>;

  // Starts it, or finds it; a process found ended answers both at once.
  virtual void run(const std::string& process, const models::RunAction& action,
                   OnStarted on_started, OnExit on_exit) = 0;
  virtual void signal(const std::string& process, int number) = 0;
  // Drops a process that has ended; its name is free again.
  virtual void forget(const std::string& process) = 0;
  // A line of the app's log, said by the cell.
  virtual void say(const std::string& source, const std::string& text, bool is_error = false) = 0;

 protected:
  ~StepHost() = default;
};

struct StepTiming {
  Duration graceful_shutdown = std::chrono::seconds(10);  // from TERM to KILL
  Duration exit_timeout = std::chrono::seconds(1);        // from KILL to giving up
};

// Everything a tree is built with. The host and the loop outlive the tree.
struct StepContext {
  net::Loop& loop;
  StepHost& host;
  StepTiming timing;
  std::string log_source;  // of actions that name none
};

// The step for one action and all below it. What is not supported becomes a step that fails and
// says so; never null. `place`: where it is in the container's tree ("action", "monitor").
std::unique_ptr<Step> build_step(const models::Action& action, const StepContext& context,
                                 const std::string& place);

}  // namespace causeway::executor
