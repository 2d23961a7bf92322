#include "cell/executor/step.h"

#include <csignal>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "actions.pb.h"
#include "net/loop.h"
#include "net/timer.h"

namespace causeway::executor {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Kind = Failure::Kind;

// A container whose processes the test starts and ends.
class TestHost final : public StepHost {
 public:
  void run(const std::string& process, const models::RunAction& action, OnStarted on_started,
           OnExit on_exit) override {
    started.push_back(process);
    paths[process] = action.path();
    if (action.path() == "absent")
      return on_started(Error{.fault = Fault::not_found, .detail = "no such file"});
    exits[process] = std::move(on_exit);
    on_started({});
  }
  void signal(const std::string& process, int number) override {
    signals.emplace_back(process, number);
    const bool obeys = number == SIGKILL ? !survives_kill : !ignores_term;
    if (obeys) exit(process, {.status = 128 + number, .signal = number});
  }
  void forget(const std::string&) override {}
  void say(const std::string& source, const std::string& text, bool) override {
    said.push_back(source + ": " + text);
  }
  void exit(const std::string& process, runtime::ProcessExit how) {
    const auto found = exits.find(process);
    if (found == exits.end()) return;
    const OnExit on_exit = std::move(found->second);
    exits.erase(found);
    on_exit(how);
  }

  std::vector<std::string> started, said;
  std::map<std::string, std::string> paths;
  std::map<std::string, OnExit> exits;
  std::vector<std::pair<std::string, int>> signals;
  bool ignores_term = false, survives_kill = false;
};

class StepTest : public testing::Test {
 protected:
  Step& start(const models::Action& action) {
    step_ = build_step(action, context_, "action");
    step_->start([this](Outcome outcome) {
      EXPECT_FALSE(ended_) << "told twice";
      ended_ = true;
      outcome_ = std::move(outcome);
    });
    return *step_;
  }
  void await_end() {
    net::Timer beat(loop_);
    beat.every(std::chrono::milliseconds(1), [] {});
    for (const Instant begin = std::chrono::steady_clock::now();
         !ended_ && std::chrono::steady_clock::now() - begin < std::chrono::seconds(30);) {
      loop_.run_once();
    }
    ASSERT_TRUE(ended_);
  }
  static models::Action run(const std::string& path) {
    models::Action action;
    action.mutable_run_action()->set_path(path);
    action.mutable_run_action()->set_log_source("APP/" + path);
    return action;
  }
  template <class... Actions>
  static models::Action serial(const Actions&... actions) {
    models::Action all;
    (void)std::initializer_list<int>{(*all.mutable_serial_action()->add_actions() = actions, 0)...};
    return all;
  }
  template <class... Actions>
  static models::Action parallel(const Actions&... actions) {
    models::Action all;
    (void)std::initializer_list<int>{
        (*all.mutable_parallel_action()->add_actions() = actions, 0)...};
    return all;
  }
  template <class... Actions>
  static models::Action codependent(const Actions&... actions) {
    models::Action all;
    (void)std::initializer_list<int>{
        (*all.mutable_codependent_action()->add_actions() = actions, 0)...};
    return all;
  }

  net::Loop loop_;
  TestHost host_;
  StepContext context_{loop_,
                       host_,
                       {.graceful_shutdown = std::chrono::milliseconds(20),
                        .exit_timeout = std::chrono::milliseconds(20)},
                       "CELL"};
  std::unique_ptr<Step> step_;
  bool ended_ = false;
  Outcome outcome_;
};

TEST_F(StepTest, run_tells_how_its_process_ended) {
  start(run("web"));
  EXPECT_FALSE(ended_);
  host_.exit("action", {.status = 3});
  ASSERT_TRUE(ended_ && outcome_);
  EXPECT_EQ(outcome_->message, "APP/web: Exited with status 3");
  EXPECT_THAT(host_.said, ElementsAre("APP/web: Exit status 3"));
}

TEST_F(StepTest, run_names_want_of_memory) {
  start(run("web"));
  host_.exit("action", {.status = 137, .signal = 9, .out_of_memory = true});
  EXPECT_EQ(outcome_->message, "APP/web: Exited with status 137 (out of memory)");
  EXPECT_THAT(host_.said, ElementsAre("APP/web: Exit status 137 (out of memory)"));
}

TEST_F(StepTest, a_process_that_cannot_start_fails_the_step) {
  start(run("absent"));
  ASSERT_TRUE(ended_ && outcome_);
  EXPECT_THAT(outcome_->message, HasSubstr("failed-creating-process: no such file"));
  EXPECT_THAT(host_.said, ElementsAre("APP/absent: failed-creating-process: no such file"));
}

TEST_F(StepTest, suppressed_output_also_keeps_the_exit_quiet) {
  models::Action action = run("check");
  action.mutable_run_action()->set_suppress_log_output(true);
  start(action);
  host_.exit("action", {.status = 1});
  EXPECT_THAT(host_.said, IsEmpty());
}

TEST_F(StepTest, cancel_asks_then_insists_then_gives_up) {
  start(run("web")).cancel();
  EXPECT_THAT(host_.signals, ElementsAre(std::pair("action", SIGTERM)));
  ASSERT_TRUE(ended_ && outcome_);
  EXPECT_EQ(outcome_->kind, Kind::cancelled);

  ended_ = false;
  host_.ignores_term = true;
  start(run("deaf")).cancel();
  await_end();
  EXPECT_EQ(outcome_->kind, Kind::exceeded_grace);
  EXPECT_EQ(host_.said.back(),
            "APP/deaf: Exit status 137 (exceeded 20ms graceful shutdown interval)");

  ended_ = false;
  host_.survives_kill = true;
  start(run("undead")).cancel();
  await_end();
  EXPECT_EQ(outcome_->message, "process did not exit");
}

TEST_F(StepTest, serial_stops_at_the_first_failure) {
  start(serial(run("a"), run("b"), run("c")));
  EXPECT_THAT(host_.started, ElementsAre("action.0"));
  host_.exit("action.0", {});
  EXPECT_THAT(host_.started, ElementsAre("action.0", "action.1"));
  host_.exit("action.1", {.status = 1});
  EXPECT_EQ(outcome_->message, "APP/b: Exited with status 1");
  EXPECT_EQ(host_.started.size(), 2u);
}

TEST_F(StepTest, serial_succeeds_when_all_do) {
  start(serial(run("a"), run("b")));
  host_.exit("action.0", {});
  host_.exit("action.1", {});
  EXPECT_TRUE(ended_);
  EXPECT_FALSE(outcome_.has_value());
}

TEST_F(StepTest, parallel_runs_all_to_the_end_and_joins_their_failures) {
  start(parallel(run("a"), run("b"), run("c")));
  host_.exit("action.0", {.status = 1});
  host_.exit("action.1", {});
  EXPECT_FALSE(ended_);
  host_.exit("action.2", {.status = 2});
  EXPECT_EQ(outcome_->message, "APP/a: Exited with status 1; APP/c: Exited with status 2");
}

TEST_F(StepTest, parallel_leaves_cancelled_and_slow_ones_out_of_the_reason) {
  Step& step = start(parallel(run("a"), run("b")));
  host_.exit("action.0", {.status = 1});
  step.cancel();
  EXPECT_EQ(outcome_->message, "APP/a: Exited with status 1");
}

TEST_F(StepTest, codependent_ends_all_with_the_first) {
  start(codependent(run("a"), run("b")));
  host_.exit("action.1", {.status = 4});
  ASSERT_TRUE(ended_);
  EXPECT_EQ(outcome_->message, "APP/b: Exited with status 4");
  EXPECT_THAT(host_.signals, ElementsAre(std::pair("action.0", SIGTERM)));
}

TEST_F(StepTest, a_clean_end_of_one_of_several_is_a_failure_too) {
  start(codependent(run("a"), run("b")));
  host_.exit("action.0", {});
  ASSERT_TRUE(ended_ && outcome_);
  EXPECT_EQ(outcome_->message, "Codependent step exited");
}

TEST_F(StepTest, timeout_cancels_and_says_so) {
  models::Action action;
  action.mutable_timeout_action()->set_timeout_ms(10);
  *action.mutable_timeout_action()->mutable_action() = run("slow");
  start(action);
  await_end();
  EXPECT_EQ(outcome_->message, "exceeded 10ms timeout; cancelled");
}

TEST_F(StepTest, try_swallows_failures_but_not_a_cancel) {
  models::Action action;
  *action.mutable_try_action()->mutable_action() = run("a");
  start(action);
  host_.exit("action.y", {.status = 1});
  EXPECT_TRUE(ended_);
  EXPECT_FALSE(outcome_.has_value());
  ended_ = false;
  start(action).cancel();
  EXPECT_EQ(outcome_->kind, Kind::cancelled);
}

TEST_F(StepTest, emit_progress_says_how_it_goes) {
  models::Action action;
  models::EmitProgressAction& progress = *action.mutable_emit_progress_action();
  *progress.mutable_action() = run("a");
  progress.set_start_message("Copying");
  progress.set_success_message("Copied");
  progress.set_failure_message_prefix("Not copied");
  start(action);
  host_.exit("action.p", {.status = 2});
  EXPECT_THAT(host_.said, ElementsAre("CELL: Copying", "APP/a: Exit status 2",
                                      "CELL: Not copied: APP/a: Exited with status 2"));
}

TEST_F(StepTest, what_is_not_supported_says_so) {
  models::Action action;
  action.mutable_download_action()->set_from("http://x");
  start(action);
  EXPECT_EQ(outcome_->message, "download actions are not supported yet");
  ended_ = false;
  start(models::Action());
  EXPECT_THAT(outcome_->message, HasSubstr("without content"));
}

TEST_F(StepTest, nesting_is_bounded) {
  models::Action action = run("a");
  for (int i = 0; i < 80; ++i) {
    models::Action outer;
    *outer.mutable_try_action()->mutable_action() = action;
    action = outer;
  }
  models::Action last;
  *last.mutable_serial_action()->add_actions() = action;
  start(last);
  EXPECT_THAT(host_.started, IsEmpty());
  EXPECT_THAT(host_.said, ElementsAre("CELL: actions are nested too deeply"));
}

}  // namespace
}  // namespace causeway::executor
