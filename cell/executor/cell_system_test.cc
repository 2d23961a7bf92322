// A whole cell with real containers. Needs root and what runtime::probe() asks for.

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cell/executor/cell.h"
#include "cell/logs/log_store.h"
#include "cell/runtime/mounts.h"
#include "cell/runtime/program.h"
#include "log/logger.h"
#include "net/loop.h"
#include "net/tcp.h"
#include "net/timer.h"

namespace causeway::executor {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

std::string environment(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : otherwise;
}

log::Sink::Options quiet() {
  log::Sink::Options options;
  options.level = log::Level::warn;
  return options;
}

class CellTest : public testing::Test, public Executor::Events {
 protected:
  static void SetUpTestSuite() {
    std::string name = "/tmp/causeway-cell.XXXXXX";
    folder_ = ::mkdtemp(name.data());
    const Result<void> rooted =
        enter_true_root(folder_ + "/true-root");  // in a chroot, as rep does
    ASSERT_TRUE(rooted.has_value()) << to_string(rooted.error());
    const auto made = runtime::run_program(
        {environment("CAUSEWAY_SOURCE_DIR", ".") + "/tools/rootfs", folder_ + "/root"});
    ASSERT_TRUE(made.has_value()) << made.error().detail;
  }
  static void TearDownTestSuite() { std::filesystem::remove_all(folder_); }

  void SetUp() override { open(); }
  void TearDown() override {
    if (!cell_) return;
    shut_down();
    EXPECT_THAT(traces(), IsEmpty());
    std::filesystem::remove_all(state_dir());
  }

  static std::string state_dir() { return folder_ + "/state"; }

  void open() {
    CellOptions options;
    options.cell_id = "test-" + std::to_string(::getpid());
    options.state_dir = state_dir();
    options.shim_program =
        std::filesystem::absolute(environment("CAUSEWAY_BIN_DIR", "build/dev/bin")).string() +
        "/causeway-shim";
    options.preloaded_root_fs = {"base:" + folder_ + "/root"};
    options.memory_mb = 512;
    options.disk_mb = 1024;
    options.containers_max = 10;
    options.graceful_shutdown_interval = std::chrono::seconds(1);
    options.check.interval = check_interval_;
    options.check.path = "/bin/sh";
    options.check.args = {"-c", check_command_};
    options.check.user = "vcap";
    auto cell = Cell::open(*loop_, logger_, clock_, options);
    ASSERT_TRUE(cell.has_value()) << "this machine cannot run containers: " << cell.error().detail;
    cell_ = std::move(*cell);
    std::optional<Result<void>> started;
    cell_->start([&](Result<void> result) { started = std::move(result); });
    ASSERT_TRUE(run_until([&] { return started.has_value(); }));
    ASSERT_TRUE(started->has_value()) << started->error().detail;
    executor().listen(*this);
  }
  void shut_down() {
    bool is_down = false;
    cell_->shut_down([&] { is_down = true; });
    EXPECT_TRUE(run_until([&] { return is_down; }));
    cell_.reset();
  }
  // What kill -9 leaves: no goodbye.
  void lose_rep() {
    cell_.reset();
    loop_ = std::make_unique<net::Loop>();
  }

  void on_container(const Container& container) override {
    seen_[container.guid].push_back(container);
  }

  Executor& executor() { return cell_->executor(); }
  bool run_until(const std::function<bool()>& condition,
                 Duration timeout = std::chrono::seconds(60)) {
    net::Timer beat(*loop_);
    beat.every(std::chrono::milliseconds(5), [] {});
    const Instant deadline = std::chrono::steady_clock::now() + timeout;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      loop_->run_once();
    }
    return true;
  }
  bool await(const std::string& guid, State state) {
    const bool arrived = run_until([&] {
      const Container* container = executor().find(guid);
      return container != nullptr && container->state >= state;
    });
    const Container* container = executor().find(guid);
    return arrived && container->state == state;
  }
  void await_removed(const std::string& guid) {
    bool is_done = false;
    executor().remove(guid, [&](Result<void> removed) {
      EXPECT_TRUE(removed.has_value()) << to_string(removed.error());
      is_done = true;
    });
    EXPECT_TRUE(run_until([&] { return is_done; }));
  }
  static RunRequest request(const std::string& guid, const std::string& command) {
    RunRequest run;
    run.guid = guid;
    run.root_fs = "preloaded:base";
    models::RunAction& action = *run.action.mutable_run_action();
    action.set_path("/bin/sh");
    action.add_args("-c");
    action.add_args(command);
    action.set_user("vcap");
    action.set_log_source("APP/PROC/WEB");
    run.log_guid = "app";
    run.log_source = "CELL";
    run.max_pids = 64;
    return run;
  }
  static RunRequest web(const std::string& guid) {
    RunRequest run = request(guid,
                             "mkdir www && echo $CF_INSTANCE_GUID $CF_INSTANCE_PORTS > "
                             "www/index.html && exec httpd -f -p 8080 -h www");
    models::EnvironmentVariable& variable = run.env.emplace_back();
    variable.set_name("CF_INSTANCE_GUID");
    variable.set_value(guid);
    run.is_long_running = true;
    run.ports = {8080};
    run.checks.add_checks()->mutable_tcp_check()->set_port(8080);
    run.start_timeout_ms = 60'000;
    return run;
  }
  void start(RunRequest run, int64_t memory_mb = 64) {
    Allocation allocation;
    allocation.guid = run.guid;
    allocation.resources = {memory_mb, 64, 1};
    ASSERT_TRUE(executor().allocate(std::move(allocation)).has_value());
    const Result<void> running = executor().run(std::move(run));
    ASSERT_TRUE(running.has_value()) << to_string(running.error());
  }
  static std::string get(uint32_t port) {
    const auto answer = runtime::run_program(
        {"curl", "-s", "-m", "10", "http://127.0.0.1:" + std::to_string(port) + "/"});
    return answer ? *answer : answer.error().detail;
  }
  // A process of this test's containers, or one that names its folder.
  static pid_t pid_of(const std::string& command_line_part) {
    const std::string id = "test-" + std::to_string(::getpid());
    std::error_code error;
    for (const auto& process : std::filesystem::directory_iterator("/proc", error)) {
      const auto command = runtime::read_whole_file(process.path().string() + "/cmdline", 65536);
      const auto cgroup = runtime::read_whole_file(process.path().string() + "/cgroup", 65536);
      const bool is_ours =
          (cgroup && cgroup->find(id) != std::string::npos) || command_line_part.starts_with("/");
      if (is_ours && command && command->find(command_line_part) != std::string::npos) {
        return static_cast<pid_t>(std::strtol(process.path().filename().c_str(), nullptr, 10));
      }
    }
    return 0;
  }
  std::vector<std::string> logged() {
    std::vector<std::string> lines;
    const auto records = cell_->logs().read("app", -1, 1000);
    if (!records) return lines;
    for (const logs::LogRecord& record : *records)
      lines.push_back(record.source + ": " + record.text);
    return lines;
  }
  // Folders of this cell's sites.
  static std::vector<std::string> sites() {
    std::vector<std::string> found;
    const std::string id = "test-" + std::to_string(::getpid());
    std::error_code error;
    for (const auto& run : std::filesystem::directory_iterator("/run/causeway", error)) {
      if (run.path().string().find(id) == std::string::npos) continue;
      for (const auto& site : std::filesystem::directory_iterator(run.path() / "n", error))
        found.push_back(site.path().string());
    }
    return found;
  }
  // What still shows on the machine.
  static std::vector<std::string> traces() {
    std::vector<std::string> found;
    const std::string id = "test-" + std::to_string(::getpid());
    for (const auto& mount : runtime::mounts_below("/run/causeway")) {
      if (mount.find(id) != std::string::npos) found.push_back(mount);
    }
    for (const auto& mount : runtime::mounts_below(folder_)) found.push_back(mount);
    std::error_code error;
    for (const auto& run : std::filesystem::directory_iterator("/run/causeway", error)) {
      if (run.path().string().find(id) != std::string::npos) found.push_back(run.path().string());
    }
    for (const auto& hierarchy : std::filesystem::directory_iterator("/sys/fs/cgroup", error)) {
      for (const auto& group :
           std::filesystem::directory_iterator(hierarchy.path() / "causeway", error)) {
        if (group.path().string().find(id) != std::string::npos)
          found.push_back(group.path().string());
      }
    }
    for (const auto& left : std::filesystem::directory_iterator(state_dir() + "/containers", error))
      found.push_back(left.path().string());
    if (const pid_t pid = pid_of(folder_ + "/state"); pid != 0)
      found.push_back("process " + std::to_string(pid));
    return found;
  }

  static std::string folder_;
  Duration check_interval_ = std::chrono::minutes(10);
  std::string check_command_ = "ls > /tmp/test";
  SystemClock clock_;
  log::Sink sink_{quiet()};
  log::Logger logger_{sink_, "test"};
  std::unique_ptr<net::Loop> loop_ = std::make_unique<net::Loop>();
  std::unique_ptr<Cell> cell_;
  std::map<std::string, std::vector<Container>> seen_;
};

std::string CellTest::folder_;

TEST_F(CellTest, an_instance_runs_and_answers_at_its_host_port) {
  const Instant begin = std::chrono::steady_clock::now();
  start(web("web-1"));
  ASSERT_TRUE(await("web-1", State::running));
  const auto took =
      std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - begin);
  std::cout << "reserved to running: " << took.count() << " ms\n";
  const models::ActualLRPNetInfo& net = executor().find("web-1")->net_info;
  ASSERT_EQ(net.ports_size(), 1);
  EXPECT_EQ(net.address(), "127.0.0.1");
  EXPECT_EQ(net.ports(0).container_port(), 8080u);
  const std::string page = get(net.ports(0).host_port());
  EXPECT_THAT(page, HasSubstr("web-1 [{\"external\":" + std::to_string(net.ports(0).host_port()) +
                              ",\"internal\":8080}]"));
  EXPECT_EQ(executor().remaining().memory_mb, 512 - 64);
  ASSERT_TRUE(executor().stop("web-1").has_value());
  ASSERT_TRUE(await("web-1", State::completed));
  EXPECT_TRUE(executor().find("web-1")->result.stopped);
  await_removed("web-1");
  EXPECT_EQ(executor().remaining().memory_mb, 512);
  EXPECT_THAT(logged(), Contains(HasSubstr("creating container for instance web-1")));
  EXPECT_THAT(logged(), Contains(HasSubstr("HEALTH: Container became healthy")));
  EXPECT_THAT(logged(), Contains(HasSubstr("successfully destroyed container for instance web-1")));
}

TEST_F(CellTest, a_kill_of_the_process_is_a_crash_at_once) {
  start(web("web-2"));
  ASSERT_TRUE(await("web-2", State::running));
  const Instant begin = std::chrono::steady_clock::now();
  const pid_t pid = pid_of(std::string("httpd\0-f\0-p\0008080", 15));
  ASSERT_GT(pid, 0);
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  ASSERT_TRUE(await("web-2", State::completed));
  const auto took =
      std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - begin);
  std::cout << "kill to completed: " << took.count() << " ms\n";
  EXPECT_EQ(executor().find("web-2")->result.reason, "APP/PROC/WEB: Exited with status 137");
  EXPECT_THAT(logged(), Contains("APP/PROC/WEB: Exit status 137"));
}

TEST_F(CellTest, the_runtime_is_tried_again_and_again_and_nothing_of_it_stays) {
  shut_down();
  check_interval_ = std::chrono::milliseconds(10);
  open();
  ASSERT_TRUE(run_until([&] { return executor().tally().runtime_checks >= 2; }));
  EXPECT_TRUE(executor().is_healthy());
  EXPECT_EQ(executor().tally().runtime_checks_failed, 0u);
  EXPECT_EQ(executor().remaining().containers, 10);
}

TEST_F(CellTest, what_a_rep_killed_in_mid_check_was_at_is_taken_away_by_the_next) {
  shut_down();
  check_interval_ = std::chrono::milliseconds(10);
  check_command_ = "sleep 1000";
  open();
  ASSERT_TRUE(run_until([&] { return pid_of(std::string("sleep\0001000", 10)) != 0; }));
  ASSERT_EQ(sites().size(), 1u);
  lose_rep();
  check_interval_ = std::chrono::minutes(10);
  open();
  EXPECT_THAT(sites(), IsEmpty());
  EXPECT_EQ(pid_of(std::string("sleep\0001000", 10)), 0);
}

TEST_F(CellTest, what_a_container_writes_is_measured) {
  start(request("writer", "head -c 3000000 /dev/zero > /tmp/it; sleep 1000"));
  ASSERT_TRUE(await("writer", State::running));
  const auto measured = [&] {
    std::optional<Result<int64_t>> bytes;
    executor().measure_disk("writer", [&](Result<int64_t> result) { bytes = std::move(result); });
    EXPECT_TRUE(run_until([&] { return bytes.has_value(); }));
    EXPECT_TRUE(bytes->has_value()) << to_string(bytes->error());
    return bytes->value_or(0);
  };
  ASSERT_TRUE(run_until([&] { return measured() >= 3'000'000; }));
  EXPECT_LT(measured(), 4'000'000) << "not the root file system";
  await_removed("writer");
}

TEST_F(CellTest, want_of_memory_is_named) {
  RunRequest run = request("oom", "exec dd if=/dev/zero of=/dev/null bs=200M count=1");
  run.is_long_running = true;
  start(std::move(run), 24);
  ASSERT_TRUE(await("oom", State::completed));
  EXPECT_EQ(executor().find("oom")->result.reason,
            "APP/PROC/WEB: Exited with status 137 (out of memory)");
}

TEST_F(CellTest, a_task_leaves_its_result) {
  start(request("task", "echo working; echo 42 > /tmp/result"));
  ASSERT_TRUE(await("task", State::completed));
  EXPECT_FALSE(executor().find("task")->result.failed);
  std::optional<Result<std::string>> text;
  executor().read_file("task", "/tmp/result", 100,
                       [&](Result<std::string> result) { text = std::move(result); });
  ASSERT_TRUE(run_until([&] { return text.has_value(); }));
  EXPECT_EQ(text->value_or(""), "42\n");
  EXPECT_THAT(logged(), Contains("APP/PROC/WEB: working"));
}

TEST_F(CellTest, instances_outlive_a_killed_rep_and_are_watched_by_the_next) {
  start(web("web-3"));
  ASSERT_TRUE(await("web-3", State::running));
  const uint32_t port = executor().find("web-3")->net_info.ports(0).host_port();
  start(request("half", "sleep 1000"));  // killed while this one is being made
  lose_rep();
  EXPECT_THAT(get(port), HasSubstr("web-3"));
  open();
  const Container* again = executor().find("web-3");
  ASSERT_NE(again, nullptr);
  EXPECT_EQ(again->state, State::running);
  EXPECT_EQ(again->net_info.ports(0).host_port(), port);
  EXPECT_THAT(get(port), HasSubstr("web-3"));
  EXPECT_EQ(executor().find("half"), nullptr);
  const pid_t pid = pid_of(std::string("httpd\0-f\0-p\0008080", 15));
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  ASSERT_TRUE(await("web-3", State::completed));
  EXPECT_EQ(executor().find("web-3")->result.reason, "APP/PROC/WEB: Exited with status 137");
}

TEST_F(CellTest, what_cannot_be_made_says_why) {
  RunRequest run = request("strange", "true");
  run.root_fs = "docker:///busybox";
  start(std::move(run));
  ASSERT_TRUE(await("strange", State::completed));
  EXPECT_TRUE(executor().find("strange")->result.retryable);
  EXPECT_THAT(executor().find("strange")->result.reason,
              HasSubstr("\"docker\" are not supported yet"));
  RunRequest who = request("who", "true");
  who.action.mutable_run_action()->set_user("nobody-knows");
  start(std::move(who));
  ASSERT_TRUE(await("who", State::completed));
  EXPECT_THAT(executor().find("who")->result.reason, HasSubstr("unknown user"));
}

}  // namespace
}  // namespace causeway::executor
