#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "bench/platform_load/calls.h"
#include "bench/platform_load/platform_record.h"
#include "log/logger.h"
#include "net/loop.h"
#include "net/signals.h"
#include "net/timer.h"
#include "redis/client.h"
#include "rpc/client.h"
#include "rpc/identity.h"

namespace causeway::platform {

// What is running: where to reach it and which processes to look at.
struct Servers {
  std::string bbs_url;
  std::string health_url;               // of the bbs; empty: its metrics are not read
  std::optional<redis::Options> redis;  // absent: not looked at
};

// What all phases of a run stand on: the loop they turn, the record they fill. Owner: a run.
// Thread: the caller's, whose loop it turns.
class Ground {
 public:
  explicit Ground(bool catches_signals);
  Ground(const Ground&) = delete;
  Ground& operator=(const Ground&) = delete;

  net::Loop& loop() { return loop_; }
  const log::Logger& logger() const { return logger_; }
  // What calls are made with and cells answer with; none of it: in plain text.
  Result<void> keys(const rpc::Identity::Files& files);
  rpc::Identity* identity() const { return identity_.get(); }
  PlatformRecord& record() { return record_; }
  load::ProcessMeter& meter() { return meter_; }
  // Of the present phase; 0 when the bbs is not watched.
  double bbs_cpu_seconds() const;
  bool is_interrupted() const { return !record_.partial.empty(); }
  void on_progress(std::function<void(const std::string&)> callback) {
    on_progress_ = std::move(callback);
  }
  void servers(Servers servers);
  const Servers& servers() const { return servers_; }
  // They are about to end.
  void let_go() { redis_.reset(); }

  // Turns the loop until `holds`; answers whether it does, in time and not interrupted.
  template <class Holds>
  bool until(Duration limit, Holds holds) {
    const Instant deadline = std::chrono::steady_clock::now() + limit;
    while (!holds()) {
      if (std::chrono::steady_clock::now() > deadline || is_interrupted()) return false;
      loop_.run_once();
    }
    return true;
  }
  void tell(const std::string& line) const {
    if (on_progress_) on_progress_(line);
  }

  // A phase begins with what Redis and processes have done so far forgotten. Its end adds memory,
  // slow commands and what it took.
  void begin_phase(const std::string& name);
  void figure(const std::string& name, double value, Unit unit);
  // Beside the original's figures only where calls were made as fast as they were answered.
  enum class Pace : uint8_t { saturated, given };
  void add_operations(const Calls& calls, Pace pace = Pace::given);
  void end_phase();

  // Value of one of the bbs's metrics; empty when it cannot be read.
  std::optional<double> bbs_metric(const std::string& name);
  void bbs_metrics(std::function<void(const std::string& text)> on_text);

 private:
  std::optional<redis::Value> redis(std::vector<std::string> command);
  void add_redis_figures();

  log::Sink sink_{{.level = log::Level::error, .path = "/dev/stderr"}};
  log::Logger logger_{sink_, "causeway-bench"};
  net::Loop loop_;
  net::Timer tick_;  // keeps until() awake
  std::unique_ptr<rpc::Identity> identity_;
  std::optional<net::SignalWatch> on_int_, on_term_;
  std::function<void(const std::string&)> on_progress_;
  Servers servers_;
  load::ProcessMeter meter_;
  PlatformRecord record_;
  PhaseResult phase_;
  Instant phase_began_{};
  std::optional<redis::Client> redis_;
  rpc::Client client_;
};

// Value of a line "name value" of a metrics page; empty when there is none.
std::optional<double> metric_in(const std::string& page, const std::string& name);

}  // namespace causeway::platform
