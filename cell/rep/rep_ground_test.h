#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "cell/rep/cell_tags.h"
#include "cell/rep/fake_executor.h"
#include "cell/rep/operations.h"
#include "diego/bbs_client.h"
#include "diego/fake_services.h"

namespace causeway::rep {

// Operations between an executor whose containers the test moves and a BBS whose answers the test
// writes. `calls` lists what the BBS was asked, in order; what has no answer of its own is answered
// with success. Owner: GoogleTest. Thread: its own.
class RepGround : public testing::Test {
 protected:
  using Calls = std::vector<std::string>;

  RepGround()
      : bbs_service(bed),
        executor(bed.loop()),
        bbs(bed.loop(), {.url = bbs_service.url(), .attempts = 1}),
        operations(bed.loop(), bed.logger(), executor, bbs, {.cell_id = "cell-1", .zone = "z1"}) {
    executor.listen(operations);
    serve();
    models::DesiredLRPResponse desired;
    desired.mutable_desired_lrp()->set_process_guid("shop");
    desired.mutable_desired_lrp()->set_root_fs("preloaded:base");
    (*desired.mutable_desired_lrp()->mutable_metric_tags())["instance_id"].set_dynamic(
        models::MetricTagValue::INDEX);
    answers["get_by_process_guid.r3"] = desired.SerializeAsString();
    models::StartTaskResponse start;
    start.set_should_start(true);
    answers["start"] = start.SerializeAsString();
    models::TaskResponse task;
    task.mutable_task()->set_task_guid("job");
    task.mutable_task()->mutable_task_definition()->set_result_file("/result");
    answers["get_by_task_guid.r3"] = task.SerializeAsString();
  }

  void TearDown() override {
    held.clear();
    bed.turn(5);
  }  // what is deferred refers to the executor

  void serve() {
    bbs_service.server->fallback([this](const rpc::Request& request, rpc::Responder responder) {
      const std::string name = request.path.substr(request.path.rfind('/') + 1);
      calls.push_back(name);
      bodies[name] = request.body;
      if (holds_back) return held.push_back(std::move(responder));
      responder.reply(200, "application/x-protobuf", answers[name]);
    });
  }

  void refuse(const std::string& name, models::Error::Type type) {
    models::ActualLRPLifecycleResponse response;
    response.mutable_error()->set_type(type);
    response.mutable_error()->set_message("refused");
    answers[name] = response.SerializeAsString();
  }

  void reserve_instance() {
    cf::LrpWork work{.process_guid = "shop", .index = 2, .domain = "apps"};
    work.demand.memory_mb = 64;
    ASSERT_TRUE(executor.allocate({.guid = "ig", .resources = {64, 0, 1}, .tags = tags_of(work)}));
  }
  void reserve_task() {
    ASSERT_TRUE(
        executor.allocate({.guid = "job",
                           .resources = {64, 0, 1},
                           .tags = tags_of(cf::TaskWork{.task_guid = "job", .domain = "apps"})}));
  }
  bool asked(const Calls& expected) {
    bed.until([&] { return calls.size() >= expected.size(); });
    bed.turn(5);
    EXPECT_EQ(calls, expected);
    return calls == expected;
  }
  // What was held back is answered now, in order.
  void let_go(const std::string& text) {
    for (rpc::Responder& responder : std::exchange(held, {}))
      responder.reply(200, "application/x-protobuf", text);
  }
  int64_t times_asked(const std::string& name) const {
    return std::count(calls.begin(), calls.end(), name);
  }
  template <class Request>
  Request last(const std::string& name) {
    Request request;
    EXPECT_TRUE(request.ParseFromString(bodies[name])) << name;
    return request;
  }
  void run_instance() {
    reserve_instance();
    ASSERT_TRUE(bed.until([&] { return executor.runs.size() == 1; }));
    executor.become("ig", executor::State::running);
    ASSERT_TRUE(bed.until([&] { return times_asked("start.r1") == 1; }));
  }
  bool gone(const std::string& guid) {
    return bed.until([&] { return executor.find(guid) == nullptr; });
  }

  rpc::test::TestBed bed;
  diego::test::FakeService bbs_service;
  test::FakeExecutor executor;
  diego::BbsClient bbs;
  Operations operations;
  Calls calls;
  std::map<std::string, std::string> answers, bodies;
  bool holds_back = false;  // what comes is not answered yet
  std::vector<rpc::Responder> held;
};

}  // namespace causeway::rep
