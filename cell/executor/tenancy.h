#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cell/executor/executor.h"
#include "cell/executor/monitor_step.h"
#include "cell/executor/record.h"
#include "cell/executor/sites.h"
#include "cell/executor/step.h"
#include "cell/executor/tally.h"
#include "cell/executor/users.h"
#include "cell/logs/log_store.h"
#include "cell/runtime/later.h"
#include "cell/runtime/runtime.h"

namespace causeway::log {
class Logger;
}

namespace causeway::executor {

struct TenancyOptions {
  std::string cell_id;
  std::string address;  // of the machine, as others reach it
  std::string records_folder;
  uint32_t cpu_shares_max = 1024;
  StepTiming timing;
  Duration healthy_interval = std::chrono::seconds(30);
  Duration unhealthy_interval = std::chrono::seconds(2);
};

// What all tenancies share; outlives them.
struct TenancyGround {
  net::Loop& loop;
  runtime::Later& later;
  const log::Logger& logger;
  runtime::Runtime& runtime;
  Sites& sites;
  logs::LogStore& logs;
  TenancyOptions options;
  Tally& tally;
  std::function<void(const std::string& guid)> on_changed;  // state, readiness or result
};

// One container's life on this cell: reserved, its site prepared, created, its steps run,
// completed, removed. The only place that changes its state. Owner: CellExecutor. Thread: its
// loop's. Ends: when its removal has been answered, never with an answer of the runtime or the
// sites outstanding.
class Tenancy final : private StepHost {
 public:
  using Done = std::function<void(Result<void>)>;

  Tenancy(const TenancyGround& ground, Container container);
  Tenancy(const Tenancy&) = delete;
  Tenancy& operator=(const Tenancy&) = delete;
  ~Tenancy();

  const Container& container() const { return container_; }
  bool is_removing() const { return is_removing_; }
  logs::LogKey log_key() const;

  void run(RunRequest request);
  void stop();
  void expire();  // reserved for too long
  void remove(Done done);
  void update(std::map<std::string, std::string> tags);
  // A line of the app's log: "Cell ID TEXT".
  void say_cell(const std::string& text, bool is_error = false) const;

  // Goes on where an earlier rep was killed; the container has been adopted with these processes.
  void resume(const Record& record, const std::vector<runtime::ProcessState>& processes);
  // The same for one that had completed, or cannot go on: it is only to be reported and removed.
  void resume_completed(const Record& record, const std::string& reason);

  void on_process_exit(const std::string& process, const runtime::ProcessExit& exit);
  void on_container_end(const std::string& reason);

 private:
  struct Process {
    bool is_adopted = false;
    std::optional<runtime::ProcessExit> exit;
    OnExit on_exit;
  };

  // StepHost
  void run(const std::string& process, const models::RunAction& action, OnStarted on_started,
           OnExit on_exit) override;
  void signal(const std::string& process, int number) override;
  void forget(const std::string& process) override;
  void say(const std::string& source, const std::string& text, bool is_error) override;

  void on_site(Result<Site> site);
  void create();
  void on_created(const Result<void>& created);
  void fail_creation(const Error& error);
  void on_setup_end(bool has_succeeded);
  void start_steps(bool was_running);
  std::unique_ptr<Step> build_steps(bool was_running);
  std::unique_ptr<Step> build_probes(const std::vector<CheckPlan>& plans, bool is_readiness);
  std::unique_ptr<Step> build_monitor(bool was_running);
  std::unique_ptr<Step> build_readiness();
  void on_steps_end(Outcome outcome);
  void drop_steps();
  void on_process_started(const std::string& process);

  Result<runtime::ProcessSpec> process_spec(const models::RunAction& action);
  runtime::ContainerSpec container_spec(const std::string& log_folder) const;

  void become(State state);
  void complete(RunResult result);
  void save();
  void continue_removal();
  void destroy();
  void release();
  void finish_removal(const Result<void>& outcome);

  const TenancyGround& ground_;
  Container container_;
  RunRequest record_request_;
  std::optional<Site> site_;
  std::map<std::string, User> users_;  // looked up
  std::map<std::string, Process> processes_;
  StepContext context_;
  std::unique_ptr<Step> steps_;
  const models::Action* first_done_ = nullptr;  // of action and sidecars: ended without a failure
  bool has_health_ = false;                     // checks decide when it runs
  bool is_busy_ = false;                        // an answer of sites or runtime is outstanding
  bool is_made_ = false;                        // the runtime may know it
  bool is_stopping_ = false;
  bool are_steps_running_ = false;
  bool is_removing_ = false;
  Instant began_{};  // to be set up, by this rep
  std::vector<Done> on_removed_;
};

}  // namespace causeway::executor
