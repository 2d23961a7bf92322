#pragma once

#include <functional>
#include <memory>
#include <string>

#include "cell/executor/step.h"
#include "cell/health/probe.h"
#include "net/timer.h"

namespace models {
class Check;
}

namespace causeway::executor {

// One attempt at finding out how an instance is: a probe, a monitor action, several at once.
// Success: well.
using Attempt = std::function<std::unique_ptr<Step>(const std::string& place)>;

// A check of the definition; defaults filled in. `interval`: 0, or the definition's own.
struct CheckPlan {
  health::Check check;
  Duration interval{};
};
CheckPlan plan_check(const models::Check& check);

// A probe of a container's port from outside. See Step.
class ProbeStep final : public Step {
 public:
  ProbeStep(net::Loop& loop, std::string address, health::Check check)
      : loop_(loop), address_(std::move(address)), check_(std::move(check)) {}
  void start(Done done) override;
  void cancel() override;

 private:
  net::Loop& loop_;
  const std::string address_;
  const health::Check check_;
  Done done_;
  std::unique_ptr<health::Probe> probe_;
};

// Attempts again and again: until the first success at short intervals that grow, afterwards
// regularly. For the readiness of an instance it goes on for ever and tells each change; for its
// health it ends with a failure. See Step.
class MonitorStep final : public Step {
 public:
  enum class Purpose : uint8_t { health, readiness };
  struct Options {
    Purpose purpose = Purpose::health;
    std::string place;  // attempts are called PLACE.1, PLACE.2 ...
    std::string log_source;
    Duration first_interval = std::chrono::milliseconds(50);
    Duration unhealthy_interval =
        std::chrono::seconds(2);  // the longest wait before the first success
    Duration healthy_interval = std::chrono::seconds(30);
    Duration start_timeout{};  // 0: none
    bool was_healthy = false;  // the container was taken over so
  };
  // `on_change`: well, or not any more.
  MonitorStep(const StepContext& context, Options options, Attempt attempt,
              std::function<void(bool)> on_change);
  void start(Done done) override;
  void cancel() override;

 private:
  void try_once();
  void on_attempt(Outcome outcome);
  void become(bool is_well);
  void give_up();
  void finish(Outcome outcome);

  const StepContext& context_;
  const Options options_;
  const Attempt attempt_;
  const std::function<void(bool)> on_change_;
  Done done_;
  bool is_well_;
  bool is_cancelled_ = false;
  uint64_t attempts_ = 0;
  Duration wait_;
  std::string last_failure_;
  std::unique_ptr<Step> running_;
  net::Timer timer_, deadline_;
};

}  // namespace causeway::executor
