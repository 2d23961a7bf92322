#pragma once

#include <stdlib.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "cell/executor/cell_executor.h"
#include "cell/runtime/fake_runtime.h"
#include "log/logger.h"
#include "net/loop.h"
#include "test/support/waiting_loop.h"

namespace causeway::executor {

// Sites without anything on the machine. Owner: a test.
class FakeSites final : public Sites {
 public:
  explicit FakeSites(net::Loop& loop) : loop_(loop) {}
  void prepare(SiteRequest request, std::function<void(Result<Site>)> done) override {
    Site site;
    site.root = "/root";
    site.attachment.handle = request.handle;
    site.attachment.address = 0x7f000001;  // probes reach this machine
    for (const uint16_t port : request.ports)
      site.attachment.ports.push_back({port, static_cast<uint16_t>(61'000 + port)});
    const Result<Site> outcome = next_failure ? Result<Site>(*next_failure) : Result<Site>(site);
    next_failure.reset();
    loop_.defer([done = std::move(done), outcome] { done(outcome); });
  }
  void release(const Site& site, std::function<void(Result<void>)> done) override {
    released.push_back(site.attachment.handle);
    loop_.defer(
        [done = std::move(done), outcome = std::exchange(next_release, {})] { done(outcome); });
  }
  std::optional<Error> next_failure;
  Result<void> next_release = {};
  std::vector<std::string> released;

 private:
  net::Loop& loop_;
};

// Moves when told; its time of day is set to whatever. Owner: a test.
class JumpingClock final : public Clock {
 public:
  Instant now() const override { return now_; }
  WallTime wall() const override {
    return {1'700'000'000'000'000'000 + now_.time_since_epoch().count() + shift_.count()};
  }
  void advance(Duration by) { now_ += by; }
  void set_wall(Duration shift) { shift_ = shift; }

 private:
  Instant now_{};
  Duration shift_{};
};

inline log::Sink::Options silent() {
  log::Sink::Options options;
  options.path = "/dev/null";
  return options;
}

// An executor over a runtime in memory. Owner: GoogleTest. Thread: its own.
class ExecutorTest : public testing::Test,
                     public Executor::Events,
                     protected causeway::test::WaitingLoop {
 protected:
  ExecutorTest() {
    runtime_.files_of_new["/etc/passwd"] =
        "root:x:0:0::/root:/bin/sh\nvcap:x:2000:2000::/home/vcap:/bin/sh\n";
    options_.total = {1024, 2048, 4};
    options_.tenancy.cell_id = "cell-9";
    options_.tenancy.address = "10.0.0.5";
    options_.tenancy.records_folder = folder_ + "/containers";
    options_.tenancy.timing = {std::chrono::milliseconds(20), std::chrono::milliseconds(20)};
    options_.tenancy.healthy_interval = std::chrono::milliseconds(5);
    options_.tenancy.unhealthy_interval = std::chrono::milliseconds(5);
    // Short, as it is looked at in quarters of it by the loop's clock; what counts is clock_.
    options_.reserved_expiration_time = std::chrono::milliseconds(40);
    make();
  }
  ~ExecutorTest() override {
    executor_.reset();
    std::filesystem::remove_all(folder_);
  }
  // By `options_`, in place of the one there is.
  void make() {
    executor_.reset();
    executor_ =
        std::make_unique<CellExecutor>(loop_, logger_, clock_, runtime_, sites_, *logs_, options_);
    executor_->listen(*this);
  }
  void restore() {
    std::vector<Record> records;
    for (const std::string& guid : recorded_guids(folder_ + "/containers"))
      records.push_back(load_record(folder_ + "/containers", guid).value());
    bool is_restored = false;
    executor_->restore(records, [&] { is_restored = true; });
    ASSERT_TRUE(until([&] { return is_restored; }));
  }
  void on_container(const Container& container) override {
    events_.push_back(container.guid + " " + std::string(state_name(container.state)));
  }

  bool await(const std::string& guid, State state) {
    return until([&] {
      const Container* container = executor_->find(guid);
      return container != nullptr && container->state == state;
    });
  }
  void remove(const std::string& guid) {
    bool is_done = false;
    executor_->remove(guid, [&](Result<void>) { is_done = true; });
    ASSERT_TRUE(until([&] { return is_done; }));
  }
  Result<void> allocate(const std::string& guid, int64_t memory_mb = 256) {
    Allocation allocation;
    allocation.guid = guid;
    allocation.resources = {memory_mb, 100, 1};
    allocation.tags = {{"lifecycle", "lrp"}};
    return executor_->allocate(std::move(allocation));
  }
  static RunRequest lrp(const std::string& guid) {
    RunRequest run;
    run.guid = guid;
    run.root_fs = "preloaded:base";
    models::RunAction& action = *run.action.mutable_run_action();
    action.set_path("/web");
    action.set_user("vcap");
    action.set_log_source("APP/PROC/WEB");
    run.is_long_running = true;
    run.ports = {80};
    run.log_guid = "app";
    run.log_source = "APP/PROC/WEB";
    run.tags = {{"more", "tags"}};
    return run;
  }
  void start(RunRequest run) {
    const std::string guid = run.guid;
    ASSERT_TRUE(allocate(guid).has_value());
    ASSERT_TRUE(executor_->run(std::move(run)).has_value());
    ASSERT_TRUE(until([&] {
      return runtime_.containers.contains(guid) || executor_->find(guid)->state == State::completed;
    }));
  }
  std::vector<std::string> logged() {
    std::vector<std::string> lines;
    const auto records = logs_->read("app", -1, 100);
    if (!records) return lines;
    for (const logs::LogRecord& record : *records) lines.push_back(record.text);
    return lines;
  }

  static std::string make_folder() {
    std::string name =
        (std::filesystem::temp_directory_path() / "causeway_executor.XXXXXX").string();
    return ::mkdtemp(name.data());
  }

  const std::string folder_ = make_folder();
  JumpingClock clock_;
  CellExecutor::Options options_;
  log::Sink sink_{silent()};
  log::Logger logger_{sink_, "test"};
  runtime::FakeRuntime runtime_{loop_};
  FakeSites sites_{loop_};
  std::unique_ptr<logs::LogStore> logs_ = std::make_unique<logs::LogStore>(
      clock_, logs::LogStore::Options{.folder = folder_ + "/logs"});
  std::unique_ptr<CellExecutor> executor_;
  std::vector<std::string> events_;
};

}  // namespace causeway::executor
