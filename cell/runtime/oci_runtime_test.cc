// Real containers. Needs root and what probe() asks for.

#include "cell/runtime/oci_runtime.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cell/runtime/cgroups.h"
#include "cell/runtime/mounts.h"
#include "cell/runtime/oci_ground.h"
#include "cell/runtime/reroot.h"
#include "cell/runtime/runtime_contract.h"

namespace causeway::runtime {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class OciRuntimeTest : public testing::Test, public Runtime::Events {
 protected:
  static void SetUpTestSuite() {
    const std::string pin = "/tmp/causeway-true-root." + std::to_string(::getpid());
    const auto root = TrueRoot::enter(pin);  // in a chroot, as rep does
    ASSERT_TRUE(root.has_value()) << to_string(root.error());
    if (*root) (*root)->unpin();
    std::filesystem::remove(pin);
    ground_ = std::make_unique<OciGround>();
  }
  static void TearDownTestSuite() { ground_.reset(); }

  void SetUp() override {
    ASSERT_TRUE(ground_->ready().has_value())
        << "this machine cannot run containers: " << ground_->ready().error().detail;
    ground_->runtime().listen(*this);
  }
  void TearDown() override {
    if (!ground_->ready()) return;
    for (const std::string& handle : made_) {
      destroy(handle);
      ground_->unpin(handle);
    }
    EXPECT_THAT(ground_->traces(), IsEmpty());
  }

  void on_process_exit(const std::string& handle, const std::string& process,
                       const ProcessExit& exit) override {
    exits_[handle + "/" + process] = exit;
  }
  void on_container_end(const std::string& handle, const std::string& reason) override {
    ends_[handle] = reason;
  }
  void on_log_record(const std::string&, std::string_view record) override {
    records_.emplace_back(record);
  }

  OciRuntime& runtime() { return ground_->runtime(); }
  bool run_until(const std::function<bool()>& condition) { return ground_->run_until(condition); }

  Result<void> create(ContainerSpec spec) {
    std::optional<Result<void>> outcome;
    made_.push_back(spec.handle);
    runtime().create(std::move(spec), [&](Result<void> result) { outcome = std::move(result); });
    EXPECT_TRUE(run_until([&] { return outcome.has_value(); }));
    return outcome.value_or(Error{.fault = Fault::timeout});
  }
  void destroy(const std::string& handle) {
    bool is_done = false;
    runtime().destroy(handle, [&](Result<void> result) {
      EXPECT_TRUE(result.has_value()) << to_string(result.error());
      is_done = true;
    });
    EXPECT_TRUE(run_until([&] { return is_done; }));
  }
  Result<int> start(const std::string& handle, const std::string& process, ProcessSpec spec) {
    std::optional<Result<int>> outcome;
    runtime().start(handle, process, std::move(spec),
                    [&](Result<int> result) { outcome = std::move(result); });
    EXPECT_TRUE(run_until([&] { return outcome.has_value(); }));
    return outcome.value_or(Error{.fault = Fault::timeout});
  }
  // Runs a shell command to its end as vcap.
  ProcessExit run(const std::string& handle, const std::string& process, const std::string& command,
                  uint32_t uid = 2000) {
    const Result<int> started = start(handle, process, shell(command, uid));
    EXPECT_TRUE(started.has_value()) << to_string(started.error());
    return await_exit(handle, process);
  }
  ProcessExit await_exit(const std::string& handle, const std::string& process) {
    const std::string key = handle + "/" + process;
    EXPECT_TRUE(run_until([&] { return exits_.contains(key); })) << key << " does not end";
    return exits_[key];
  }
  static ProcessSpec shell(const std::string& command, uint32_t uid = 2000) {
    ProcessSpec spec;
    spec.path = "/bin/sh";
    spec.args = {"-c", command};
    spec.env = {"PATH=/bin:/usr/bin", "HOME=/home/vcap"};
    spec.dir = "/home/vcap";
    spec.uid = spec.gid = uid;
    spec.log_source = "APP";
    return spec;
  }
  std::string log_of(const std::string& handle) const {
    const Result<std::string> text =
        read_whole_file(ground_->folder() + "/logs/" + handle + "/app", 1 << 22);
    return text.value_or("");
  }

  static std::unique_ptr<OciGround> ground_;
  std::vector<std::string> made_;
  std::map<std::string, ProcessExit> exits_;
  std::map<std::string, std::string> ends_;
  std::vector<std::string> records_;
};

std::unique_ptr<OciGround> OciRuntimeTest::ground_;

TEST_F(OciRuntimeTest, keeps_the_contract) {
  made_.push_back("box");
  check_runtime_contract(
      ground_->loop(), runtime(), [](const std::string& handle) { return ground_->spec(handle); },
      []() -> Runtime& { return ground_->restart(); });
  runtime().listen(*this);
}

TEST_F(OciRuntimeTest, runs_processes_and_keeps_what_they_print) {
  const Instant begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(create(ground_->spec("prints")).has_value());
  const Result<int> started = start("prints", "a", shell("echo out; echo err >&2; id -u; exit 3"));
  ASSERT_TRUE(started.has_value()) << to_string(started.error());
  const auto took =
      std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - begin);
  RecordProperty("create_and_start_ms", static_cast<int>(took.count()));
  std::cout << "create and start: " << took.count() << " ms\n";
  const ProcessExit exit = await_exit("prints", "a");
  EXPECT_EQ(exit.status, 3);
  EXPECT_EQ(exit.signal, 0);
  EXPECT_FALSE(exit.out_of_memory);
  const std::string log = log_of("prints");
  EXPECT_THAT(log, HasSubstr(" O APP out\n"));
  EXPECT_THAT(log, HasSubstr(" E APP err\n"));
  EXPECT_THAT(log, HasSubstr(" O APP 2000\n"));
}

TEST_F(OciRuntimeTest, confines_what_runs_in_it) {
  ContainerSpec spec = ground_->spec("confined");
  spec.files.push_back({"/etc/hosts", "127.0.0.1 localhost\n10.1.2.3 confined\n"});
  ASSERT_TRUE(create(std::move(spec)).has_value());
  run("confined", "a",
      "cat /etc/hosts; hostname; grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status;"
      "mount -t tmpfs none /tmp 2>&1; echo x > /proc/sys/kernel/hostname; ls /proc | grep -c "
      "'^[0-9]'; exit 0",
      0);
  const std::string log = log_of("confined");
  EXPECT_THAT(log, HasSubstr("10.1.2.3 confined"));
  EXPECT_THAT(log, HasSubstr("O APP confined\n"));
  EXPECT_THAT(log, HasSubstr("NoNewPrivs:\t1"));
  EXPECT_THAT(log, HasSubstr("Seccomp:\t2"));
  EXPECT_THAT(log, HasSubstr("Read-only file system"));
  EXPECT_THAT(log, testing::Not(HasSubstr("CapEff:\t000001ff")));
  if (!ground_->options().uses_user_namespaces) return;
  // Root inside is nobody outside: what it writes belongs to a mapped user.
  EXPECT_EQ(run("confined", "b", "touch /root/mine", 0).status, 0);
  struct stat status {};
  const std::string written = ground_->folder() + "/state/containers/confined/upper/root/mine";
  ASSERT_EQ(::stat(written.c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, ground_->options().mapping.first);
}

TEST_F(OciRuntimeTest, does_not_change_the_root_file_system_it_came_from) {
  ASSERT_TRUE(create(ground_->spec("writes")).has_value());
  EXPECT_EQ(run("writes", "a", "rm /bin/nc; echo changed > /etc/passwd", 0).status, 0);
  EXPECT_TRUE(
      std::filesystem::exists(std::filesystem::symlink_status(ground_->plain_root() + "/bin/nc")));
  ASSERT_TRUE(create(ground_->spec("fresh")).has_value());
  EXPECT_EQ(run("fresh", "a", "test -e /bin/nc && grep -q vcap /etc/passwd").status, 0);
  EXPECT_EQ(runtime().read_file("writes", "/etc/passwd", 100).value(), "changed\n");
}

TEST_F(OciRuntimeTest, reads_files_as_the_container_sees_them) {
  ASSERT_TRUE(create(ground_->spec("reads")).has_value());
  run("reads", "a",
      "echo secret > /tmp/result; ln -s /tmp/result /tmp/link; ln -s ../../../../../../etc/passwd "
      "/tmp/up;"
      "mkfifo /tmp/fifo");
  EXPECT_EQ(runtime().read_file("reads", "/tmp/result", 100).value(), "secret\n");
  EXPECT_EQ(runtime().read_file("reads", "/tmp/link", 100).value(), "secret\n");
  EXPECT_THAT(runtime().read_file("reads", "/tmp/up", 10'000).value(),
              HasSubstr("vcap"));  // its own, not the machine's
  EXPECT_EQ(runtime().read_file("reads", "/tmp/result", 3).error().fault, Fault::limit);
  EXPECT_EQ(runtime().read_file("reads", "/tmp/fifo", 3).error().fault, Fault::invalid);
  EXPECT_FALSE(runtime().read_file("reads", "/tmp/absent", 3).has_value());
}

TEST_F(OciRuntimeTest, tells_that_a_process_was_killed_for_want_of_memory) {
  ContainerSpec spec = ground_->spec("oom");
  spec.limits.memory_bytes = 24 << 20;
  ASSERT_TRUE(create(std::move(spec)).has_value());
  // exec: the shell would turn the signal into a status of its own.
  const ProcessExit exit = run("oom", "a", "exec dd if=/dev/zero of=/dev/null bs=200M count=1");
  EXPECT_EQ(exit.status, 137);
  EXPECT_TRUE(exit.out_of_memory);
  EXPECT_EQ(run("oom", "b", "exit 0").status, 0) << "the container itself goes on";
  EXPECT_THAT(ends_, IsEmpty());
}

TEST_F(OciRuntimeTest, limits_the_number_of_processes) {
  ContainerSpec spec = ground_->spec("pids");
  spec.limits.pids = 10;
  ASSERT_TRUE(create(std::move(spec)).has_value());
  run("pids", "a", "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do sleep 60 & done; exit 0");
  EXPECT_THAT(log_of("pids"), HasSubstr("can't fork"));
}

TEST_F(OciRuntimeTest, a_kill_of_the_process_is_seen_at_once) {
  ASSERT_TRUE(create(ground_->spec("killed")).has_value());
  const Result<int> pid = start("killed", "a", shell("exec sleep 1000"));
  ASSERT_TRUE(pid.has_value());
  const Instant begin = std::chrono::steady_clock::now();
  ASSERT_EQ(::kill(*pid, SIGKILL), 0);
  const ProcessExit exit = await_exit("killed", "a");
  const auto took =
      std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - begin);
  std::cout << "kill seen after " << took.count() << " ms\n";
  EXPECT_EQ(exit.status, 137);
  EXPECT_EQ(exit.signal, SIGKILL);
  EXPECT_FALSE(exit.out_of_memory);
}

TEST_F(OciRuntimeTest, signals_reach_a_process_and_its_children) {
  ASSERT_TRUE(create(ground_->spec("signals")).has_value());
  ASSERT_TRUE(
      start("signals", "a", shell("trap 'echo caught; exit 7' TERM; while true; do sleep 1; done"))
          .has_value());
  ASSERT_TRUE(run_until([&] {  // the trap is set when the first sleep runs
    bool sleeps = false;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const Result<std::string> command = read_whole_file(entry.path().string() + "/cmdline", 100);
      sleeps = sleeps || (command && *command == std::string("sleep\0001\000", 8));
    }
    return sleeps;
  }));
  runtime().signal("signals", "a", SIGTERM);
  EXPECT_EQ(await_exit("signals", "a").status, 7);
  EXPECT_THAT(log_of("signals"), HasSubstr("caught"));
}

TEST_F(OciRuntimeTest, the_end_of_its_first_process_ends_the_container) {
  ASSERT_TRUE(create(ground_->spec("init")).has_value());
  ASSERT_TRUE(start("init", "a", shell("exec sleep 1000")).has_value());
  const Result<std::string> pid = read_whole_file(runtime().folder("init") + "/init.pid", 20);
  ASSERT_TRUE(pid.has_value());
  ASSERT_EQ(::kill(static_cast<pid_t>(std::strtol(pid->c_str(), nullptr, 10)), SIGKILL), 0);
  EXPECT_EQ(await_exit("init", "a").status, 137);
  EXPECT_TRUE(run_until([&] { return ends_.contains("init"); }));
  EXPECT_FALSE(start("init", "b", shell("true")).has_value());
}

TEST_F(OciRuntimeTest, a_dead_shim_ends_the_container) {
  ASSERT_TRUE(create(ground_->spec("orphan")).has_value());
  ASSERT_TRUE(start("orphan", "a", shell("exec sleep 1000")).has_value());
  const Result<std::string> pid = read_whole_file(runtime().folder("orphan") + "/shim.pid", 20);
  ASSERT_TRUE(pid.has_value());
  ASSERT_EQ(::kill(static_cast<pid_t>(std::strtol(pid->c_str(), nullptr, 10)), SIGKILL), 0);
  EXPECT_TRUE(run_until([&] { return ends_.contains("orphan"); }));
  EXPECT_THAT(ends_["orphan"], HasSubstr("shim"));
}

TEST_F(OciRuntimeTest, containers_outlive_the_rep) {
  ASSERT_TRUE(create(ground_->spec("stays")).has_value());
  const Result<int> pid = start("stays", "long", shell("exec sleep 1000"));
  ASSERT_TRUE(pid.has_value());
  EXPECT_EQ(run("stays", "short", "exit 4").status, 4);
  ASSERT_TRUE(
      start("stays", "later", shell("sleep 0.2; echo while nobody looked; exit 5")).has_value());

  ground_->restart().listen(*this);
  EXPECT_THAT(runtime().list(), testing::ElementsAre("stays"));
  ASSERT_TRUE(run_until([&] { return log_of("stays").find("nobody") != std::string::npos; }));
  std::optional<Result<std::vector<ProcessState>>> adopted;
  runtime().adopt("stays",
                  [&](Result<std::vector<ProcessState>> result) { adopted = std::move(result); });
  ASSERT_TRUE(run_until([&] { return adopted.has_value(); }));
  ASSERT_TRUE(adopted->has_value()) << to_string(adopted->error());
  std::map<std::string, ProcessState> by_id;
  for (const ProcessState& process : **adopted) by_id[process.id] = process;
  EXPECT_EQ(by_id["long"].phase, ProcessState::Phase::running);
  EXPECT_EQ(by_id["long"].pid, *pid);
  EXPECT_EQ(by_id["short"].phase, ProcessState::Phase::exited);
  EXPECT_EQ(by_id["short"].exit.status, 4);
  const bool has_ended = by_id["later"].phase == ProcessState::Phase::exited;
  const ProcessExit later = has_ended ? by_id["later"].exit : await_exit("stays", "later");
  EXPECT_EQ(later.status, 5);

  ASSERT_EQ(::kill(*pid, SIGKILL), 0);
  EXPECT_EQ(await_exit("stays", "long").status, 137);
}

TEST_F(OciRuntimeTest, log_records_are_told_while_followed) {
  ASSERT_TRUE(create(ground_->spec("followed")).has_value());
  run("followed", "before", "echo one");
  EXPECT_THAT(records_, IsEmpty());
  runtime().follow_log("followed", true);
  run("followed", "during", "echo two; echo three");
  EXPECT_EQ(records_.size(), 2u);
  EXPECT_THAT(records_.back(), HasSubstr(" O APP three"));
  runtime().follow_log("followed", false);
  run("followed", "after", "echo four");
  EXPECT_EQ(records_.size(), 2u);
}

TEST_F(OciRuntimeTest, a_program_that_does_not_exist_cannot_be_started) {
  ASSERT_TRUE(create(ground_->spec("absent")).has_value());
  ProcessSpec spec = shell("");
  spec.path = "/no/such/program";
  const Result<int> started = start("absent", "a", spec);
  ASSERT_FALSE(started.has_value());
  EXPECT_THAT(started.error().detail, HasSubstr("no such file or directory"));
  EXPECT_TRUE(start("absent", "a", shell("true")).has_value()) << "its name is free again";
}

TEST_F(OciRuntimeTest, a_container_that_cannot_be_made_leaves_nothing) {
  ContainerSpec spec = ground_->spec("broken");
  spec.mounts.push_back({"/no/such/source", "/data", true});
  const Result<void> made = create(std::move(spec));
  ASSERT_FALSE(made.has_value());
  EXPECT_THAT(made.error().detail, HasSubstr("/no/such/source"));
  ground_->unpin("broken");
  EXPECT_THAT(ground_->traces(), IsEmpty());
}

TEST_F(OciRuntimeTest, destroying_takes_stubborn_processes_along) {
  ASSERT_TRUE(create(ground_->spec("stubborn")).has_value());
  ASSERT_TRUE(
      start("stubborn", "a",
            shell("trap '' TERM INT HUP; (trap '' TERM; sleep 1000) & sleep 1000; sleep 1000"))
          .has_value());
  const Instant begin = std::chrono::steady_clock::now();
  destroy("stubborn");
  const auto took =
      std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - begin);
  std::cout << "destroy: " << took.count() << " ms\n";
  ground_->unpin("stubborn");
  EXPECT_THAT(ground_->traces(), IsEmpty());
  destroy("stubborn");  // the absent is destroyed
}

}  // namespace
}  // namespace causeway::runtime
