#include "net/child.h"

#include <sys/wait.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "net/loopback_test.h"
#include "net/signals.h"

namespace causeway::net {

namespace {

// What a child said and how it ended.
struct ChildRecord {
  std::string out, err;
  std::optional<ChildExit> exit;

  Child::Events events() {
    return {.on_stdout = [this](std::string_view bytes) { out += bytes; },
            .on_stderr = [this](std::string_view bytes) { err += bytes; },
            .on_exit =
                [this](ChildExit ended) {
                  EXPECT_FALSE(exit.has_value());
                  exit = ended;
                }};
  }
};

Child::Command shell(std::string script) {
  Child::Command command;
  command.argv = {"sh", "-c", std::move(script)};
  return command;
}

ChildRecord run_child(const Child::Command& command) {
  Loop loop;
  ChildRecord record;
  auto child = Child::spawn(loop, command, record.events());
  if (!child) {
    ADD_FAILURE() << to_string(child.error());
    return record;
  }
  EXPECT_TRUE(loopback::run_until(loop, [&] { return record.exit.has_value(); }));
  return record;
}

class ChildFolderTest : public testing::Test {
 protected:
  ChildFolderTest() {
    std::string pattern = testing::TempDir() + "/net_child_XXXXXX";
    path = ::mkdtemp(pattern.data());
  }
  ~ChildFolderTest() override { std::filesystem::remove_all(path); }
  static std::string contents(const std::filesystem::path& file) {
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
  }
  std::filesystem::path path;
};

}  // namespace

TEST(ChildTest, delivers_output_then_the_exit_status) {
  const ChildRecord record = run_child(shell("echo out; echo err >&2; exit 3"));
  EXPECT_EQ(record.out, "out\n");
  EXPECT_EQ(record.err, "err\n");
  EXPECT_EQ(record.exit->status, 3);
  EXPECT_EQ(record.exit->signal, 0);
}

TEST(ChildTest, delivers_all_of_a_long_output) {
  const ChildRecord record = run_child(shell("head -c 3000000 /dev/zero"));
  EXPECT_EQ(record.out.size(), 3000000u);
  EXPECT_EQ(record.exit->status, 0);
}

TEST(ChildTest, passes_input_through_and_closes_it) {
  Child::Command command;
  command.argv = {"cat"};
  command.input = std::string(1 << 20, 'i') + "end";
  const ChildRecord record = run_child(command);
  EXPECT_EQ(record.out, command.input);
  EXPECT_EQ(record.exit->status, 0);
}

TEST(ChildTest, does_not_mind_a_child_that_ignores_its_input) {
  Child::Command command = shell("exec true");
  command.input = std::string(1 << 20, 'i');
  EXPECT_EQ(run_child(command).exit->status, 0);
}

TEST(ChildTest, without_input_stdin_is_at_its_end) {
  EXPECT_EQ(run_child(shell("cat; echo done")).out, "done\n");
}

TEST(ChildTest, its_output_can_be_opened_by_name) {
  EXPECT_EQ(run_child(shell("echo out > /dev/stdout")).out, "out\n");
}

TEST(ChildTest, environment_is_ours_or_what_is_given) {
  ::setenv("CAUSEWAY_CHILD_TEST", "ours", 1);
  EXPECT_EQ(run_child(shell("echo $CAUSEWAY_CHILD_TEST")).out, "ours\n");
  Child::Command command = shell("echo $CAUSEWAY_CHILD_TEST $GIVEN");
  command.env = {"GIVEN=a b", "PATH=/usr/bin:/bin"};
  EXPECT_EQ(run_child(command).out, "a b\n");
}

TEST(ChildTest, starts_with_sigpipe_at_its_default) {
  ignore_sigpipe();
  EXPECT_EQ(run_child(shell("kill -PIPE $$; echo still here")).exit->signal, SIGPIPE);
}

TEST(ChildTest, a_killed_child_reports_the_signal) {
  Loop loop;
  ChildRecord record;
  auto child = Child::spawn(loop, shell("echo up; exec sleep 1000"), record.events()).value();
  EXPECT_GT(child->pid(), 1);
  EXPECT_TRUE(loopback::run_until(loop, [&] { return record.out == "up\n"; }));
  child->kill(SIGTERM);
  EXPECT_TRUE(loopback::run_until(loop, [&] { return record.exit.has_value(); }));
  EXPECT_EQ(record.exit->signal, SIGTERM);
  child->kill(SIGTERM);
}

TEST(ChildTest, a_missing_program_is_not_found) {
  Loop loop;
  Child::Command command;
  command.argv = {"/nonexistent/program"};
  ChildRecord record;
  const auto child = Child::spawn(loop, command, record.events());
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().fault, Fault::not_found);
  EXPECT_NE(child.error().detail.find("/nonexistent/program"), std::string::npos);
  loop.run();
  EXPECT_FALSE(record.exit.has_value());
  command.argv.clear();
  EXPECT_EQ(Child::spawn(loop, command, {}).error().fault, Fault::invalid);
}

TEST(ChildTest, output_that_grandchildren_keep_open_ends_a_second_after_the_child) {
  Loop loop;
  ChildRecord record;
  auto child = Child::spawn(loop, shell("sleep 1000 & echo $!"), record.events()).value();
  EXPECT_TRUE(loopback::run_until(loop, [&] { return record.exit.has_value(); }));
  EXPECT_EQ(record.exit->status, 0);
  int grandchild = 0;
  std::from_chars(record.out.data(), record.out.data() + record.out.size(), grandchild);
  ASSERT_GT(grandchild, 1);
  EXPECT_EQ(::kill(grandchild, SIGKILL), 0);
}

TEST(ChildTest, ending_its_object_leaves_the_process_running) {
  int pid = 0;
  {
    Loop loop;
    ChildRecord record;
    auto child = Child::spawn(loop, shell("echo up; exec sleep 1000"), record.events()).value();
    EXPECT_TRUE(loopback::run_until(loop, [&] { return record.out == "up\n"; }));
    pid = child->pid();
    child.reset();
    loopback::settle(loop);
    EXPECT_EQ(::kill(pid, 0), 0);
    EXPECT_FALSE(record.exit.has_value());
  }
  EXPECT_EQ(::kill(pid, SIGKILL), 0);
  EXPECT_EQ(::waitpid(pid, nullptr, 0), pid);
}

TEST(ChildTest, a_child_without_object_is_still_collected) {
  Loop loop;
  ChildRecord record;
  auto child = Child::spawn(loop, shell("echo up; exec sleep 1000"), record.events()).value();
  EXPECT_TRUE(loopback::run_until(loop, [&] { return record.out == "up\n"; }));
  const int pid = child->pid();
  child->kill(SIGKILL);
  child.reset();
  EXPECT_TRUE(loopback::run_until(loop, [&] { return ::kill(pid, 0) != 0; }));
}

TEST(ChildTest, its_object_may_end_in_every_callback) {
  for (const int killer : {0, 1, 2}) {
    Loop loop;
    std::unique_ptr<Child> child;
    bool is_over = false;
    const auto end_if = [&](int callback) {
      if (callback != killer) return;
      child.reset();
      is_over = true;
    };
    child = Child::spawn(loop, shell("echo out; echo err >&2"),
                         {.on_stdout = [&](std::string_view) { end_if(0); },
                          .on_stderr = [&](std::string_view) { end_if(1); },
                          .on_exit = [&](ChildExit) { end_if(2); }})
                .value();
    EXPECT_TRUE(loopback::run_until(loop, [&] { return is_over; }));
  }
}

TEST(ChildTest, many_run_at_once) {
  Loop loop;
  std::vector<std::unique_ptr<Child>> children;
  std::vector<ChildRecord> records(20);
  for (size_t i = 0; i < records.size(); ++i) {
    children.push_back(
        Child::spawn(loop, shell("echo " + std::to_string(i) + "; exit " + std::to_string(i)),
                     records[i].events())
            .value());
  }
  EXPECT_TRUE(loopback::run_until(loop, [&] {
    return std::all_of(records.begin(), records.end(),
                       [](const ChildRecord& record) { return record.exit; });
  }));
  for (size_t i = 0; i < records.size(); ++i) {
    EXPECT_EQ(records[i].exit->status, static_cast<int64_t>(i));
    EXPECT_EQ(records[i].out, std::to_string(i) + "\n");
  }
}

TEST_F(ChildFolderTest, starts_in_the_working_directory) {
  Child::Command command = shell("pwd");
  command.working_dir = path;
  EXPECT_EQ(run_child(command).out, std::filesystem::canonical(path).string() + "\n");
}

TEST_F(ChildFolderTest, appends_to_files) {
  Child::Command command = shell("echo out; echo err >&2");
  command.stdout_path = path / "out";
  command.stderr_path = path / "err";
  run_child(command);
  const ChildRecord record = run_child(command);
  EXPECT_EQ(contents(path / "out"), "out\nout\n");
  EXPECT_EQ(contents(path / "err"), "err\nerr\n");
  EXPECT_EQ(record.out, "");
  Loop loop;
  command.stdout_path = path / "missing" / "out";
  EXPECT_EQ(Child::spawn(loop, command, {}).error().fault, Fault::not_found);
}

TEST_F(ChildFolderTest, gets_a_session_of_its_own_when_asked) {
  Loop loop;
  ChildRecord record;
  Child::Command command = shell("echo up; exec sleep 1000");
  command.new_session = true;
  auto child = Child::spawn(loop, command, record.events()).value();
  EXPECT_EQ(::getsid(child->pid()), child->pid());
  child->kill(SIGKILL);
  EXPECT_TRUE(loopback::run_until(loop, [&] { return record.exit.has_value(); }));
}

TEST(SignalsTest, delivers_on_the_loop_and_restores_the_default) {
  Loop loop;
  int caught = 0;
  {
    SignalWatch watch(loop, SIGUSR2, [&] { ++caught; });
    ::raise(SIGUSR2);
    EXPECT_TRUE(loopback::run_until(loop, [&] { return caught == 1; }));
    ::raise(SIGUSR2);
    EXPECT_TRUE(loopback::run_until(loop, [&] { return caught == 2; }));
  }
  struct sigaction action {};
  ::sigaction(SIGUSR2, nullptr, &action);
  EXPECT_EQ(action.sa_handler, SIG_DFL);
}

TEST(SignalsTest, a_watch_may_end_in_its_callback) {
  Loop loop;
  std::unique_ptr<SignalWatch> watch;
  watch = std::make_unique<SignalWatch>(loop, SIGUSR2, [&] { watch.reset(); });
  ::raise(SIGUSR2);
  loop.run();
  EXPECT_EQ(watch, nullptr);
}

}  // namespace causeway::net
