#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cell/executor/executor.h"
#include "cell/executor/runtime_check.h"
#include "cell/executor/tenancy.h"
#include "net/timer.h"

namespace causeway::executor {

// The containers of a cell and its capacity, by what they may take and not by what they use. Owner:
// Cell, or a test. Thread: its loop's.
class CellExecutor final : public Executor, private runtime::Runtime::Events {
 public:
  struct Options {
    Resources total;
    Duration reserved_expiration_time = std::chrono::minutes(1);
    TenancyOptions tenancy;
    RuntimeCheck::Options check;
  };

  CellExecutor(net::Loop& loop, const log::Logger& logger, const Clock& clock,
               runtime::Runtime& runtime, Sites& sites, logs::LogStore& logs, Options options);
  CellExecutor(const CellExecutor&) = delete;
  CellExecutor& operator=(const CellExecutor&) = delete;
  ~CellExecutor() override;

  // Takes over containers from their records, once, before anything else; the rest of them, and
  // containers that no record knows, are removed.
  void restore(const std::vector<Record>& records, std::function<void()> done);
  // Stops all containers and removes them; nothing can be allocated any more.
  void shut_down(std::function<void()> done);

  void listen(Executor::Events& events) override { events_ = &events; }
  Resources total() const override { return options_.total; }
  Resources remaining() const override;
  int64_t starting() const override;
  bool is_healthy() const override { return !is_shutting_down_ && check_.is_passed(); }
  Result<void> allocate(Allocation allocation) override;
  Result<void> run(RunRequest request) override;
  Result<void> stop(const std::string& guid) override;
  void remove(const std::string& guid, Done done) override;
  Result<void> update(const std::string& guid, std::map<std::string, std::string> tags) override;
  void say(const std::string& guid, const std::string& text) override;
  std::vector<Container> list() const override;
  const Container* find(const std::string& guid) const override;
  Result<Usage> usage(const std::string& guid) const override;
  void measure_disk(const std::string& guid, std::function<void(Result<int64_t>)> done) override;
  const Tally& tally() const override { return tally_; }
  void read_file(const std::string& guid, const std::string& path, size_t bytes_max,
                 std::function<void(Result<std::string>)> done) override;

 private:
  void on_process_exit(const std::string& handle, const std::string& process,
                       const runtime::ProcessExit& exit) override;
  void on_container_end(const std::string& handle, const std::string& reason) override;
  void on_log_record(const std::string& handle, std::string_view record) override;

  Tenancy* tenancy(const std::string& guid) const;
  Tenancy& add(Container container);
  void tell(const std::string& guid);
  void follow_logs(const std::string& process_guid);
  void expire_reserved();
  void restore_one(const Record& record, Result<std::vector<runtime::ProcessState>> processes);
  void restored();
  void remove_when_completed();

  net::Loop& loop_;
  const log::Logger& logger_;
  const Clock& clock_;
  runtime::Runtime& runtime_;
  Sites& sites_;
  const Options options_;
  runtime::Later later_;
  Tally tally_;
  TenancyGround ground_;
  RuntimeCheck check_;
  Executor::Events* events_ = nullptr;
  std::map<std::string, std::unique_ptr<Tenancy>, std::less<>> tenancies_;
  size_t restoring_ = 0;
  std::function<void()> on_restored_;
  bool is_shutting_down_ = false;
  std::function<void()> on_shut_down_;
  net::Timer expiry_;
};

}  // namespace causeway::executor
