#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cell/executor/sites.h"
#include "cell/runtime/later.h"
#include "cell/runtime/runtime.h"
#include "net/timer.h"

namespace causeway::log {
class Logger;
}
namespace causeway::net {
class Loop;
}

namespace causeway::executor {

struct Tally;

// Finds out now and then whether containers can still be made here: makes one, runs a process in
// it, takes it away (Diego: Garden's health check). The cell gets no work while the last attempt
// has failed. Owner: CellExecutor. Thread: its loop's. Ends: after end() has called back, or with
// runtime and sites.
class RuntimeCheck {
 public:
  struct Options {
    std::string root_fs;  // "": never checked
    Duration interval = std::chrono::minutes(10);
    Duration timeout = std::chrono::minutes(10);  // for all of one attempt
    std::string path;                             // of the process; "": none, a container is enough
    std::vector<std::string> args, env;
    std::string user = "root";
    std::string dir;         // "": the user's home
    std::string log_folder;  // what shims print; exists, or can be made
  };

  RuntimeCheck(net::Loop& loop, const log::Logger& logger, runtime::Runtime& runtime, Sites& sites,
               Tally& tally, Options options);
  RuntimeCheck(const RuntimeCheck&) = delete;
  RuntimeCheck& operator=(const RuntimeCheck&) = delete;

  // Attempts from now on, the first one after an interval: a cell that starts has just been tried.
  void start();
  // No attempt any more; `done`, later, when nothing is left of the present one.
  void end(std::function<void()> done);

  bool is_passed() const { return is_passed_; }
  bool has_ended() const { return is_ending_ && phase_ == Phase::resting; }

  void on_process_exit(const std::string& handle, const runtime::ProcessExit& exit);
  void on_container_end(const std::string& handle, const std::string& reason);

 private:
  enum class Phase : uint8_t { resting, preparing, creating, running, clearing };

  void attempt();
  void on_site(Result<Site> site);
  void on_created(const Result<void>& created);
  Result<runtime::ProcessSpec> process_spec() const;
  void fail(Error error);  // the first of an attempt counts
  // Once per attempt: when nothing of it is left, or its time is up.
  void judge();
  void clear();
  void left_behind(const Error& error);
  void on_cleared();

  net::Loop& loop_;
  const log::Logger& logger_;
  runtime::Runtime& runtime_;
  Sites& sites_;
  Tally& tally_;
  const Options options_;
  Phase phase_ = Phase::resting;
  bool is_passed_ = true;
  bool is_judged_ = false;
  bool is_ending_ = false;
  std::string handle_;  // of the present attempt
  Site site_;
  Result<void> outcome_;  // so far
  net::Timer next_, deadline_;
  runtime::Later later_;
  std::function<void()> on_ended_;
};

}  // namespace causeway::executor
