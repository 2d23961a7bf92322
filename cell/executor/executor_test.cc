#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cell/executor/environment.h"
#include "cell/executor/test_ground.h"
#include "cell/network/allocator.h"

namespace causeway::executor {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(ExecutorTest, an_instance_without_checks_runs_as_soon_as_its_process_does) {
  start(lrp("a"));
  ASSERT_TRUE(await("a", State::running));
  ASSERT_TRUE(until([&] { return events_.size() >= 4; }));
  EXPECT_EQ(events_.back(), "a running");
  const Container* container = executor_->find("a");
  EXPECT_EQ(container->tags,
            (std::map<std::string, std::string>{{"lifecycle", "lrp"}, {"more", "tags"}}));
  EXPECT_EQ(container->net_info.address(), "10.0.0.5");
  EXPECT_EQ(container->net_info.ports(0).host_port(), 61'080u);
  const runtime::ProcessSpec& process = runtime_.containers["a"].processes["action"].spec;
  EXPECT_EQ(process.uid, 2000u);
  EXPECT_EQ(process.dir, "/home/vcap");
  EXPECT_THAT(process.env, Contains("CF_INSTANCE_ADDR=10.0.0.5:61080"));
  EXPECT_EQ(runtime_.containers["a"].spec.limits.memory_bytes, 256 << 20);
  EXPECT_THAT(logged(), Contains("Cell cell-9 creating container for instance a"));
  EXPECT_THAT(logged(), Contains("Cell cell-9 successfully created container for instance a"));
}

TEST_F(ExecutorTest, capacity_is_counted_from_reservation_to_removal) {
  ASSERT_TRUE(allocate("a", 600).has_value());
  EXPECT_EQ(allocate("a").error().fault, Fault::exists);
  EXPECT_EQ(allocate("b", 600).error().fault, Fault::limit);
  EXPECT_EQ(executor_->remaining(), (Resources{424, 1948, 3}));
  EXPECT_EQ(executor_->starting(), 1);
  remove("a");
  EXPECT_EQ(executor_->remaining(), executor_->total());
  EXPECT_EQ(executor_->find("a"), nullptr);
}

TEST_F(ExecutorTest, a_crash_carries_the_reason) {
  start(lrp("a"));
  ASSERT_TRUE(await("a", State::running));
  runtime_.exit_process("a", "action", {.status = 137, .signal = 9, .out_of_memory = true});
  ASSERT_TRUE(await("a", State::completed));
  const RunResult& result = executor_->find("a")->result;
  EXPECT_TRUE(result.failed);
  EXPECT_FALSE(result.stopped);
  EXPECT_EQ(result.reason, "APP/PROC/WEB: Exited with status 137 (out of memory)");
  remove("a");
  EXPECT_THAT(runtime_.destroyed, ElementsAre("a"));
  EXPECT_THAT(sites_.released, ElementsAre("a"));
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/containers/a"));
}

TEST_F(ExecutorTest, a_clean_end_is_a_crash_of_an_instance_and_the_success_of_a_task) {
  start(lrp("a"));
  ASSERT_TRUE(await("a", State::running));
  runtime_.exit_process("a", "action", {});
  ASSERT_TRUE(await("a", State::completed));
  EXPECT_EQ(executor_->find("a")->result.reason, "APP/PROC/WEB: Exited with status 0");
  RunRequest task = lrp("t");
  task.is_long_running = false;
  start(std::move(task));
  ASSERT_TRUE(await("t", State::running));
  runtime_.exit_process("t", "action", {});
  ASSERT_TRUE(await("t", State::completed));
  EXPECT_FALSE(executor_->find("t")->result.failed);
  EXPECT_EQ(executor_->find("t")->result.reason, "");
}

TEST_F(ExecutorTest, a_sidecar_runs_beside_the_app_and_takes_it_along) {
  RunRequest run = lrp("a");
  models::RunAction& sidecar = *run.sidecars.emplace_back().mutable_run_action();
  sidecar.set_path("/sidecar");
  sidecar.set_user("vcap");
  sidecar.set_log_source("APP/PROC/WEB/SIDECAR/PROXY");
  start(std::move(run));
  ASSERT_TRUE(await("a", State::running));
  ASSERT_TRUE(until([&] { return runtime_.containers["a"].processes.contains("sidecar.0"); }));
  runtime_.exit_process("a", "sidecar.0", {.status = 3});
  ASSERT_TRUE(await("a", State::completed));
  EXPECT_EQ(executor_->find("a")->result.reason,
            "APP/PROC/WEB/SIDECAR/PROXY: Exited with status 3");
  EXPECT_THAT(runtime_.containers["a"].processes["action"].signals, ElementsAre(15));
}

TEST_F(ExecutorTest, a_clean_end_is_told_of_the_process_that_ended) {
  RunRequest run = lrp("a");
  models::RunAction& sidecar = *run.sidecars.emplace_back().mutable_run_action();
  sidecar.set_path("/sidecar");
  sidecar.set_user("vcap");
  sidecar.set_log_source("APP/PROC/WEB/SIDECAR/PROXY");
  RunRequest other = run;
  other.guid = "b";
  start(std::move(run));
  start(std::move(other));
  for (const std::string guid : {"a", "b"}) {
    ASSERT_TRUE(until([&] {
      return await(guid, State::running) && runtime_.containers[guid].processes.size() == 2;
    }));
  }
  runtime_.exit_process("a", "sidecar.0", {.status = 0});
  ASSERT_TRUE(await("a", State::completed));
  EXPECT_EQ(executor_->find("a")->result.reason,
            "APP/PROC/WEB/SIDECAR/PROXY: Exited with status 0");
  runtime_.exit_process("b", "action", {.status = 0});
  ASSERT_TRUE(await("b", State::completed));
  EXPECT_EQ(executor_->find("b")->result.reason, "APP/PROC/WEB: Exited with status 0");
}

TEST_F(ExecutorTest, stop_asks_the_process_to_end) {
  start(lrp("a"));
  ASSERT_TRUE(await("a", State::running));
  runtime_.ignores_term = true;
  ASSERT_TRUE(executor_->stop("a").has_value());
  ASSERT_TRUE(await("a", State::completed));
  EXPECT_TRUE(executor_->find("a")->result.stopped);
  EXPECT_FALSE(executor_->find("a")->result.failed);
  EXPECT_THAT(runtime_.containers["a"].processes["action"].signals, ElementsAre(15, 9));
  EXPECT_EQ(executor_->stop("absent").error().fault, Fault::not_found);
}

TEST_F(ExecutorTest, what_cannot_be_made_may_be_tried_elsewhere) {
  sites_.next_failure = Error{.fault = Fault::limit, .detail = "no address is left"};
  start(lrp("a"));
  ASSERT_TRUE(await("a", State::completed));
  EXPECT_TRUE(executor_->find("a")->result.retryable);
  EXPECT_EQ(executor_->find("a")->result.reason, "failed to create container: no address is left");
  runtime_.next_create = Error{.fault = Fault::internal, .detail = "runc says no"};
  start(lrp("b"));
  ASSERT_TRUE(await("b", State::completed));
  EXPECT_TRUE(executor_->find("b")->result.retryable);
  EXPECT_THAT(executor_->find("b")->result.reason, HasSubstr("runc says no"));
}

TEST_F(ExecutorTest, an_instance_that_never_becomes_healthy_is_given_up) {
  RunRequest run = lrp("a");
  models::TCPCheck& check = *run.checks.add_checks()->mutable_tcp_check();
  check.set_port(1);  // nobody listens there
  run.start_timeout_ms = 40;
  start(std::move(run));
  ASSERT_TRUE(await("a", State::completed));
  EXPECT_THAT(executor_->find("a")->result.reason,
              HasSubstr("Instance never healthy after 40ms: Failed to make TCP connection to port "
                        "1: connection refused"));
  EXPECT_THAT(logged(), Contains("Failed after 40ms: startup health check never passed."));
}

TEST_F(ExecutorTest, a_monitor_action_decides_when_it_runs_and_when_it_is_unwell) {
  RunRequest run = lrp("a");
  models::RunAction& monitor = *run.monitor.mutable_run_action();
  monitor.set_path("/check");
  monitor.set_user("vcap");
  monitor.set_suppress_log_output(true);
  runtime_.exits_at_once["/check"] = 0;
  start(std::move(run));
  ASSERT_TRUE(await("a", State::running));
  runtime_.exits_at_once["/check"] = 1;
  ASSERT_TRUE(await("a", State::completed));
  EXPECT_THAT(executor_->find("a")->result.reason, HasSubstr("Instance became unhealthy: "));
  EXPECT_LE(runtime_.containers["a"].processes.size(), 2u) << "finished checks are forgotten";
}

TEST_F(ExecutorTest, reserved_ones_expire_whatever_the_time_of_day_is) {
  ASSERT_TRUE(allocate("a").has_value());
  clock_.set_wall(std::chrono::hours(5));
  EXPECT_FALSE(until([&] { return executor_->find("a")->state == State::completed; },
                     std::chrono::milliseconds(100)));
  clock_.set_wall(std::chrono::hours(-7));
  clock_.advance(options_.reserved_expiration_time + std::chrono::milliseconds(1));
  ASSERT_TRUE(await("a", State::completed));
  EXPECT_EQ(executor_->find("a")->result.reason, "expired container");
  EXPECT_TRUE(executor_->find("a")->result.failed);
}

TEST_F(ExecutorTest, a_clock_set_hours_forward_and_back_ends_nothing_and_doubles_nothing) {
  RunRequest run = lrp("a");
  run.monitor.mutable_run_action()->set_path("/check");
  run.monitor.mutable_run_action()->set_user("vcap");
  runtime_.exits_at_once["/check"] = 0;
  run.start_timeout_ms = 60'000;
  start(std::move(run));
  ASSERT_TRUE(await("a", State::running));
  RunRequest task = lrp("t");
  task.is_long_running = false;
  start(std::move(task));
  ASSERT_TRUE(await("t", State::running));
  const size_t told = events_.size();
  for (const int hours : {5, -7, 48, 0}) {
    clock_.set_wall(std::chrono::hours(hours));
    (void)until([] { return false; }, std::chrono::milliseconds(60));
  }
  EXPECT_EQ(events_.size(), told) << "nothing was told of";
  EXPECT_EQ(executor_->find("a")->state, State::running);
  EXPECT_EQ(executor_->find("t")->state, State::running);
  EXPECT_EQ(runtime_.containers.size(), 2u);
  // The next rep, too, goes on with both.
  clock_.set_wall(std::chrono::hours(-100));
  executor_.reset();
  runtime_.lose_rep();
  make();
  restore();
  EXPECT_EQ(executor_->find("a")->state, State::running);
  EXPECT_EQ(executor_->find("t")->state, State::running);
}

TEST_F(ExecutorTest, removal_waits_for_what_is_being_made) {
  ASSERT_TRUE(allocate("a").has_value());
  ASSERT_TRUE(executor_->run(lrp("a")).has_value());
  remove("a");
  EXPECT_EQ(executor_->find("a"), nullptr);
  EXPECT_THAT(runtime_.containers, IsEmpty());
  EXPECT_THAT(sites_.released, ElementsAre("a"));
}

TEST_F(ExecutorTest, a_lost_container_is_a_crash) {
  start(lrp("a"));
  ASSERT_TRUE(await("a", State::running));
  runtime_.end_container("a", "shim: it ended");
  ASSERT_TRUE(await("a", State::completed));
  EXPECT_EQ(executor_->find("a")->result.reason, "missing garden container: shim: it ended");
}

TEST_F(ExecutorTest, the_next_rep_goes_on_where_this_one_was_killed) {
  RunRequest run = lrp("a");
  *run.setup.mutable_run_action() = run.action.run_action();
  run.setup.mutable_run_action()->set_path("/setup");
  runtime_.exits_at_once["/setup"] = 0;
  start(std::move(run));
  ASSERT_TRUE(await("a", State::running));
  start(lrp("gone"));
  ASSERT_TRUE(await("gone", State::running));
  executor_.reset();
  runtime_.lose_rep();
  runtime_.containers.erase("gone");

  make();
  restore();
  EXPECT_EQ(executor_->find("a")->state, State::running);
  EXPECT_EQ(executor_->find("a")->tags.at("more"), "tags");
  EXPECT_EQ(executor_->find("a")->net_info.ports(0).host_port(), 61'080u);
  EXPECT_EQ(executor_->find("gone")->state, State::completed);
  EXPECT_THAT(executor_->find("gone")->result.reason, HasSubstr("did not survive"));
  EXPECT_EQ(runtime_.containers["a"].processes.size(), 2u) << "nothing was started twice";
  runtime_.exit_process("a", "action", {.status = 5});
  ASSERT_TRUE(await("a", State::completed));
  EXPECT_EQ(executor_->find("a")->result.reason, "APP/PROC/WEB: Exited with status 5");
}

TEST_F(ExecutorTest, shut_down_stops_and_removes_all) {
  start(lrp("a"));
  ASSERT_TRUE(await("a", State::running));
  ASSERT_TRUE(allocate("b").has_value());
  bool is_down = false;
  executor_->shut_down([&] { is_down = true; });
  ASSERT_TRUE(until([&] { return is_down; }));
  EXPECT_THAT(executor_->list(), IsEmpty());
  EXPECT_THAT(runtime_.containers, IsEmpty());
  EXPECT_EQ(allocate("c").error().fault, Fault::unavailable);
}

TEST(FindUser, by_name_and_number_with_groups) {
  const std::string passwd =
      "root:x:0:0::/root:/bin/sh\nvcap:x:2000:2001:comment:/home/vcap:/bin/sh\nbroken\n";
  const std::string group = "root:x:0:\nweb:x:7:other,vcap\n";
  const Result<User> vcap = find_user("vcap", passwd, group);
  ASSERT_TRUE(vcap.has_value());
  EXPECT_EQ(vcap->uid, 2000u);
  EXPECT_EQ(vcap->gid, 2001u);
  EXPECT_EQ(vcap->home, "/home/vcap");
  EXPECT_THAT(vcap->groups, ElementsAre(7u));
  EXPECT_EQ(find_user("2000", passwd, group)->name, "vcap");
  EXPECT_EQ(find_user("4711", passwd, group)->uid, 4711u);
  EXPECT_EQ(find_user("root", "", "")->uid, 0u);
  EXPECT_EQ(find_user("who", passwd, group).error().fault, Fault::not_found);
}

TEST(Environment, later_settings_win_and_the_network_last) {
  RunRequest request;
  models::EnvironmentVariable& variable = request.env.emplace_back();
  variable.set_name("PATH");
  variable.set_value("/app/bin");
  models::RunAction action;
  models::EnvironmentVariable& port = *action.add_env();
  port.set_name("CF_INSTANCE_PORT");
  port.set_value("forged");
  network::Attachment attachment;
  attachment.address = network::parse_address("10.1.2.3").value();
  attachment.ports = {{8080, 61001}, {2222, 61002}};
  const auto env = process_environment(request, action, {"vcap", 2000, 2000, {}, "/home/vcap"},
                                       network_environment("192.0.2.7", attachment));
  EXPECT_THAT(env, Contains("PATH=/app/bin"));
  EXPECT_THAT(env, Contains("HOME=/home/vcap"));
  EXPECT_THAT(env, Contains("CF_INSTANCE_PORT=61001"));
  EXPECT_THAT(env, Contains("CF_INSTANCE_INTERNAL_IP=10.1.2.3"));
  EXPECT_THAT(env, Contains("CF_INSTANCE_PORTS=[{\"external\":61001,\"internal\":8080},{"
                            "\"external\":61002,\"internal\":2222}]"));
}

TEST(Record, comes_back_as_it_was_and_refuses_rubbish) {
  Record record;
  record.container.guid = "a";
  record.container.state = State::running;
  record.container.resources = {1, 2, 1};
  record.container.tags = {{"k", "v \"quoted\""}};
  record.container.is_ready = false;
  record.site.root = "/r";
  record.site.attachment.address = 7;
  record.site.attachment.ports = {{80, 61001}};
  record.request.action.mutable_run_action()->set_path("/x");
  record.request.sidecars.emplace_back().mutable_run_action()->set_path("/y");
  record.request.egress.emplace_back().set_protocol("all");
  record.request.log_bytes_per_second = 5;
  const Result<Record> again = parse_record(record_text(record), request_bytes(record.request));
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(record_text(*again), record_text(record));
  EXPECT_EQ(request_bytes(again->request), request_bytes(record.request));
  EXPECT_FALSE(parse_record("{", "").has_value());
  EXPECT_FALSE(parse_record("{}", "").has_value());
  EXPECT_FALSE(parse_record(record_text(record), "\xff\xff").has_value());
}

}  // namespace
}  // namespace causeway::executor
