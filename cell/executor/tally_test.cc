// Each count of doc/metrics.md that the executor keeps, moved by what it counts.

#include <gtest/gtest.h>

#include "cell/executor/test_ground.h"
#include "net/tcp.h"

namespace causeway::executor {
namespace {

using TallyTest = ExecutorTest;

TEST_F(TallyTest, a_container_is_counted_when_it_is_made_set_up_completed_and_taken_away) {
  start(lrp("a"));
  ASSERT_TRUE(await("a", State::running));
  const Tally& tally = executor_->tally();
  EXPECT_EQ(tally.creations.succeeded.count, 1u);
  EXPECT_EQ(tally.setups.succeeded.count, 1u);
  EXPECT_GE(tally.setups.succeeded.last, tally.creations.succeeded.last);
  EXPECT_EQ(tally.completed, 0u);
  runtime_.exit_process("a", "action", {.status = 1});
  ASSERT_TRUE(await("a", State::completed));
  EXPECT_EQ(tally.completed, 1u);
  EXPECT_EQ(tally.exited_on_timeout, 0u);
  remove("a");
  EXPECT_EQ(tally.destructions.succeeded.count, 1u);
  EXPECT_EQ(tally.destructions.failed.count, 0u);
  EXPECT_EQ(tally.creations.failed.count + tally.setups.failed.count, 0u);
}

TEST_F(TallyTest, failures_of_making_and_setting_up_are_counted_apart) {
  runtime_.next_create = Error{.fault = Fault::internal, .detail = "no"};
  start(lrp("unmade"));
  ASSERT_TRUE(await("unmade", State::completed));
  const Tally& tally = executor_->tally();
  EXPECT_EQ(tally.creations.failed.count, 1u);
  EXPECT_EQ(tally.setups.failed.count, 1u);
  sites_.next_failure = Error{.fault = Fault::limit, .detail = "no address"};
  start(lrp("unplaced"));
  ASSERT_TRUE(await("unplaced", State::completed));
  EXPECT_EQ(tally.creations.failed.count, 1u);
  EXPECT_EQ(tally.setups.failed.count, 2u);
  EXPECT_EQ(tally.completed, 0u) << "neither has run";
  RunRequest run = lrp("unset");
  run.setup.mutable_run_action()->set_path("/setup");
  runtime_.exits_at_once["/setup"] = 3;
  start(std::move(run));
  ASSERT_TRUE(await("unset", State::completed));
  EXPECT_EQ(tally.setups.failed.count, 3u);
  EXPECT_EQ(tally.setups.succeeded.count, 0u);
  EXPECT_EQ(tally.completed, 1u);
}

TEST_F(TallyTest, who_must_be_killed_has_exited_on_timeout) {
  start(lrp("a"));
  ASSERT_TRUE(await("a", State::running));
  runtime_.ignores_term = true;
  ASSERT_TRUE(executor_->stop("a").has_value());
  ASSERT_TRUE(await("a", State::completed));
  EXPECT_EQ(executor_->tally().exited_on_timeout, 1u);
  EXPECT_EQ(executor_->tally().completed, 1u);
}

TEST_F(TallyTest, a_lost_container_has_completed) {
  start(lrp("a"));
  ASSERT_TRUE(await("a", State::running));
  runtime_.end_container("a", "gone");
  ASSERT_TRUE(await("a", State::completed));
  EXPECT_EQ(executor_->tally().completed, 1u);
}

TEST_F(TallyTest, the_next_rep_counts_no_setup_of_what_it_finds) {
  start(lrp("a"));
  ASSERT_TRUE(await("a", State::running));
  executor_.reset();
  runtime_.lose_rep();
  make();
  restore();
  ASSERT_EQ(executor_->find("a")->state, State::running);
  EXPECT_EQ(executor_->tally().setups.succeeded.count, 0u);
}

// A listener of this machine, where the fake sites put all containers.
class ChecksTest : public ExecutorTest {
 protected:
  void SetUp() override {
    auto listener = net::Listener::open(
        loop_, net::Address::loopback(0),
        [this](std::unique_ptr<net::Stream> stream) { accepted_.push_back(std::move(stream)); });
    ASSERT_TRUE(listener.has_value());
    listener_ = std::move(*listener);
    port_ = listener_->address().port();
  }
  RunRequest checked_run(bool is_http, bool is_readiness) const {
    RunRequest run = lrp("a");
    models::Check& check =
        is_readiness ? *run.checks.add_readiness_checks() : *run.checks.add_checks();
    if (is_http) {
      check.mutable_http_check()->set_port(port_);
      check.mutable_http_check()->set_request_timeout_ms(20);
    } else {
      check.mutable_tcp_check()->set_port(port_);
    }
    return run;
  }
  std::unique_ptr<net::Listener> listener_;
  std::vector<std::unique_ptr<net::Stream>> accepted_;
  uint16_t port_ = 0;
};

TEST_F(ChecksTest, a_tcp_check_that_fails_while_it_runs_is_a_failed_liveness_check) {
  start(checked_run(false, false));
  ASSERT_TRUE(await("a", State::running));
  EXPECT_EQ(executor_->tally().tcp_liveness_failed, 0u);
  listener_.reset();
  ASSERT_TRUE(await("a", State::completed));
  EXPECT_EQ(executor_->tally().tcp_liveness_failed, 1u);
  EXPECT_EQ(executor_->tally().http_liveness_failed, 0u);
}

TEST_F(ChecksTest, checks_that_fail_before_it_runs_are_no_failed_liveness_checks) {
  RunRequest run = checked_run(true, false);  // accepted, never answered
  run.start_timeout_ms = 100;
  start(std::move(run));
  ASSERT_TRUE(await("a", State::completed));
  EXPECT_EQ(executor_->tally().http_liveness_failed, 0u);
}

TEST_F(ChecksTest, readiness_checks_are_counted_apart_and_end_nothing) {
  start(checked_run(false, true));
  ASSERT_TRUE(until([&] {
    return executor_->find("a")->state == State::running && executor_->find("a")->is_ready;
  }));
  listener_.reset();
  ASSERT_TRUE(until([&] { return executor_->tally().tcp_readiness_failed >= 2; }));
  EXPECT_FALSE(executor_->find("a")->is_ready);
  EXPECT_EQ(executor_->find("a")->state, State::running);
  EXPECT_EQ(executor_->tally().tcp_liveness_failed, 0u);
}

TEST_F(ChecksTest, http_readiness_checks_are_counted) {
  start(checked_run(true, true));
  ASSERT_TRUE(until([&] { return executor_->tally().http_readiness_failed >= 1; }));
  EXPECT_FALSE(executor_->find("a")->is_ready);
}

}  // namespace
}  // namespace causeway::executor
