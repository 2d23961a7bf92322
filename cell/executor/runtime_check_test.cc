#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cell/executor/test_ground.h"

namespace causeway::executor {
namespace {

class RuntimeCheckTest : public ExecutorTest {
 protected:
  void SetUp() override {
    options_.check.root_fs = "preloaded:base";
    options_.check.interval = std::chrono::milliseconds(5);
    options_.check.path = "/check";
    options_.check.user = "vcap";
    options_.check.log_folder = folder_ + "/check-log";
    runtime_.exits_at_once["/check"] = 0;
  }
  // Whatever it is at: a cell that ends leaves nothing of it.
  void TearDown() override {
    bool is_down = false;
    executor_->shut_down([&] { is_down = true; });
    ASSERT_TRUE(until([&] { return is_down; }));
    EXPECT_THAT(runtime_.containers, testing::IsEmpty());
  }
  void begin() {
    make();
    restore();
  }
  bool checked(uint64_t times) {
    return until([&] { return executor_->tally().runtime_checks >= times; });
  }
};

TEST_F(RuntimeCheckTest, makes_a_container_again_and_again_and_takes_each_away) {
  begin();
  ASSERT_TRUE(checked(3));
  EXPECT_TRUE(executor_->is_healthy());
  EXPECT_EQ(executor_->tally().runtime_checks_failed, 0u);
  EXPECT_EQ(executor_->remaining(), executor_->total()) << "takes nothing of the capacity";
  ASSERT_TRUE(until([&] { return runtime_.destroyed.size() == sites_.released.size(); }));
  const std::set<std::string> names(runtime_.destroyed.begin(), runtime_.destroyed.end());
  EXPECT_EQ(names.size(), runtime_.destroyed.size());
}

TEST_F(RuntimeCheckTest, a_cell_is_unwell_from_a_failure_to_the_next_success) {
  begin();
  runtime_.exits_at_once["/check"] = 1;
  ASSERT_TRUE(until([&] { return !executor_->is_healthy(); }));
  EXPECT_GE(executor_->tally().runtime_checks_failed, 1u);
  start(lrp("a"));
  ASSERT_TRUE(await("a", State::running)) << "what runs goes on";
  runtime_.exits_at_once["/check"] = 0;
  ASSERT_TRUE(until([&] { return executor_->is_healthy(); }));
  EXPECT_EQ(executor_->find("a")->state, State::running);
}

TEST_F(RuntimeCheckTest, what_cannot_be_made_or_started_fails_it) {
  begin();
  sites_.next_failure = Error{.fault = Fault::limit, .detail = "no address"};
  ASSERT_TRUE(until([&] { return executor_->tally().runtime_checks_failed == 1; }));
  runtime_.next_create = Error{.fault = Fault::internal, .detail = "runc says no"};
  ASSERT_TRUE(until([&] { return executor_->tally().runtime_checks_failed == 2; }));
  runtime_.next_start = Error{.fault = Fault::not_found, .detail = "/check"};
  ASSERT_TRUE(until([&] { return executor_->tally().runtime_checks_failed == 3; }));
  ASSERT_TRUE(until([&] { return executor_->is_healthy(); }));
}

TEST_F(RuntimeCheckTest, a_user_that_is_not_there_fails_it) {
  options_.check.user = "nobody-known";
  begin();
  ASSERT_TRUE(until([&] { return !executor_->is_healthy(); }));
}

TEST_F(RuntimeCheckTest, one_that_does_not_end_is_given_up_and_taken_away) {
  runtime_.exits_at_once.clear();
  options_.check.timeout = std::chrono::milliseconds(20);
  begin();
  ASSERT_TRUE(until([&] { return executor_->tally().runtime_checks_failed >= 2; }));
  EXPECT_FALSE(executor_->is_healthy());
  EXPECT_LE(runtime_.containers.size(), 1u);
}

TEST_F(RuntimeCheckTest, one_that_is_not_taken_away_fails) {
  runtime_.next_destroy = Error{.fault = Fault::internal, .detail = "runc cannot delete"};
  begin();
  ASSERT_TRUE(until([&] { return executor_->tally().runtime_checks_failed == 1; }));
  EXPECT_FALSE(executor_->is_healthy());
  sites_.next_release = Error{.fault = Fault::io, .detail = "link stays"};
  ASSERT_TRUE(until([&] { return executor_->tally().runtime_checks_failed == 2; }));
  ASSERT_TRUE(until([&] { return executor_->is_healthy(); }));
}

TEST_F(RuntimeCheckTest, one_that_takes_too_long_to_be_taken_away_fails) {
  options_.check.timeout = std::chrono::milliseconds(50);
  runtime_.holds_destroys = true;
  begin();
  ASSERT_TRUE(until([&] { return executor_->tally().runtime_checks == 1; }));
  EXPECT_EQ(executor_->tally().runtime_checks_failed, 1u);
  EXPECT_FALSE(executor_->is_healthy());
  runtime_.let_destroy();
  ASSERT_TRUE(until([&] { return !sites_.released.empty(); }));
  EXPECT_EQ(sites_.released.front(), runtime_.destroyed.front());
}

TEST_F(RuntimeCheckTest, one_that_loses_its_container_fails) {
  runtime_.exits_at_once.clear();
  begin();
  ASSERT_TRUE(until([&] {
    return !runtime_.containers.empty() && !runtime_.containers.begin()->second.processes.empty();
  }));
  runtime_.end_container(runtime_.containers.begin()->first, "shim is gone");
  ASSERT_TRUE(until([&] { return executor_->tally().runtime_checks_failed == 1; }));
}

TEST_F(RuntimeCheckTest, without_a_process_the_container_is_enough) {
  options_.check.path.clear();
  begin();
  ASSERT_TRUE(checked(2));
  EXPECT_TRUE(executor_->is_healthy());
}

}  // namespace
}  // namespace causeway::executor
