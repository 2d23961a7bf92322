// The API for tasks, over HTTP.
#include "control/bbs/bbs_under_test.h"

namespace causeway::bbs::test {
namespace {

class ApiTasks : public BbsTest {
 protected:
  std::string desire_task(const std::string& guid, const std::string& callback = "") {
    models::DesireTaskRequest request = task_request(guid);
    auto& definition = *request.mutable_task_definition();
    definition.set_annotation("note");
    definition.set_completion_callback_url(callback);
    return call("/v1/tasks/desire.r2", request);
  }
  template <class Request>
  std::string call(const std::string& path, const Request& request) {
    return error_of<models::TaskLifecycleResponse>(path, request);
  }
  std::string by_guid(const std::string& path, const std::string& guid) {
    models::TaskGuidRequest request;
    request.set_task_guid(guid);
    return call(path, request);
  }
  // "should start", "no", or the error.
  std::string start_task(const std::string& guid, const std::string& cell) {
    models::StartTaskRequest request;
    request.set_task_guid(guid);
    request.set_cell_id(cell);
    const auto response = post<models::StartTaskResponse>("/v1/tasks/start", request);
    if (response.has_error())
      return std::to_string(response.error().type()) + " " + response.error().message();
    return response.should_start() ? "should start" : "no";
  }
  std::string complete_task(const std::string& guid, const std::string& cell,
                            const std::string& reason = "") {
    models::CompleteTaskRequest request;
    request.set_task_guid(guid);
    request.set_cell_id(cell);
    request.set_failed(!reason.empty());
    request.set_failure_reason(reason);
    request.set_result(reason.empty() ? "done" : "");
    return call("/v1/tasks/complete", request);
  }
  models::Task task(const std::string& guid) {
    models::TaskByGuidRequest request;
    request.set_task_guid(guid);
    return post<models::TaskResponse>("/v1/tasks/get_by_task_guid.r3", request).task();
  }
  std::string guids(const std::string& domain, const std::string& cell) {
    models::TasksRequest request;
    request.set_domain(domain);
    request.set_cell_id(cell);
    const auto response = post<models::TasksResponse>("/v1/tasks/list.r3", request);
    std::string text;
    for (const auto& one : response.tasks()) text += one.task_guid() + " ";
    return text;
  }
};

TEST_F(ApiTasks, a_task_goes_its_way) {
  ASSERT_EQ(desire_task("t"), "");
  EXPECT_EQ(desire_task("t"), "12 the requested resource already exists");
  ASSERT_EQ(outbox_.tasks.size(), 1u);
  EXPECT_EQ(outbox_.tasks[0].task_guid, "t");
  EXPECT_EQ(task("t").state(), models::Task::Pending);
  EXPECT_EQ(start_task("t", "c1"), "should start");
  EXPECT_EQ(start_task("t", "c1"), "no");
  EXPECT_EQ(start_task("t", "c2"), "9 Cannot transition from Running to Running");
  EXPECT_EQ(guids("", "c1"), "t ");
  EXPECT_EQ(guids("cf-tasks", "c2"), "");
  EXPECT_EQ(complete_task("t", "c2"), "24 Running on cell c1 not c2");
  EXPECT_EQ(complete_task("t", "c1"), "");
  EXPECT_EQ(complete_task("t", "c1"), "9 Cannot transition from Completed to Completed");
  EXPECT_EQ(task("t").result(), "done");
  EXPECT_EQ(task("t").cell_id(), "");
  EXPECT_EQ(guids("", "c1"), "");
  EXPECT_EQ(guids("cf-tasks", ""), "t ");
  EXPECT_EQ(by_guid("/v1/tasks/delete", "t"), "9 Cannot transition from Completed to Resolving");
  EXPECT_EQ(by_guid("/v1/tasks/resolving", "t"), "");
  EXPECT_EQ(by_guid("/v1/tasks/delete", "t"), "");
  EXPECT_EQ(by_guid("/v1/tasks/delete", "t"), "13 the requested resource could not be found");
  EXPECT_EQ(guids("", ""), "");
}

TEST_F(ApiTasks, a_running_task_that_is_cancelled_is_stopped_by_its_cell) {
  present("c1");
  ASSERT_EQ(desire_task("t"), "");
  ASSERT_EQ(start_task("t", "c1"), "should start");
  EXPECT_EQ(by_guid("/v1/tasks/cancel", "t"), "");
  EXPECT_EQ(outbox_.told, std::vector<std::string>{"cancel t at http://c1:1801"});
  EXPECT_EQ(task("t").failure_reason(), "task was cancelled");
  EXPECT_EQ(by_guid("/v1/tasks/cancel", "t"), "9 Cannot transition from Completed to Completed");
}

TEST_F(ApiTasks, the_fourth_rejection_fails_a_task) {
  ASSERT_EQ(desire_task("t"), "");
  models::RejectTaskRequest request;
  request.set_task_guid("t");
  request.set_rejection_reason("no room");
  for (int count = 1; count <= 3; ++count) {
    EXPECT_EQ(call("/v1/tasks/reject", request), "");
    EXPECT_EQ(task("t").state(), models::Task::Pending);
  }
  EXPECT_EQ(call("/v1/tasks/reject", request), "");
  EXPECT_EQ(task("t").state(), models::Task::Completed);
  EXPECT_EQ(task("t").failure_reason(), "no room");
  EXPECT_EQ(task("t").rejection_count(), 4);
  EXPECT_EQ(call("/v1/tasks/reject", request), "4 the request received is invalid");
}

TEST_F(ApiTasks, whoever_waits_for_a_task_is_told_and_the_task_goes) {
  ASSERT_EQ(desire_task("t", "http://cc/done"), "");
  ASSERT_EQ(start_task("t", "c1"), "should start");
  ASSERT_EQ(complete_task("t", "c1", "went wrong"), "");
  EXPECT_TRUE(until([&] { return guids("", "").empty(); }));
  ASSERT_EQ(outbox_.callbacks.size(), 1u);
  EXPECT_TRUE(outbox_.callbacks[0].starts_with(
      R"(http://cc/done {"task_guid":"t","failed":true,"failure_reason":"went wrong","result":"",)"
      R"("annotation":"note","created_at":)"))
      << outbox_.callbacks[0];
}

TEST_F(ApiTasks, a_receiver_that_is_busy_is_tried_three_times_then_again_by_convergence) {
  outbox_.callback_status = 503;
  ASSERT_EQ(desire_task("t", "http://cc/done"), "");
  ASSERT_EQ(start_task("t", "c1"), "should start");
  ASSERT_EQ(complete_task("t", "c1"), "");
  EXPECT_TRUE(until([&] { return outbox_.callbacks.size() == 3; }));
  EXPECT_EQ(task("t").state(), models::Task::Resolving);
  clock_.advance(std::chrono::seconds(31));
  converge();
  EXPECT_EQ(task("t").state(), models::Task::Completed) << "demoted";
  outbox_.callback_status = 404;
  clock_.advance(std::chrono::seconds(31));
  converge();
  EXPECT_TRUE(until([&] { return guids("", "").empty(); })) << "any answer will do";
  EXPECT_EQ(outbox_.callbacks.size(), 4u);
}

TEST_F(ApiTasks, a_receiver_that_cannot_be_reached_is_not_tried_again_at_once) {
  outbox_.callback_status = Error{.fault = Fault::refused};
  ASSERT_EQ(desire_task("t", "http://cc/done"), "");
  ASSERT_EQ(start_task("t", "c1"), "should start");
  ASSERT_EQ(complete_task("t", "c1"), "");
  EXPECT_TRUE(until([&] { return task("t").state() == models::Task::Resolving; }));
  EXPECT_EQ(outbox_.callbacks.size(), 1u);
}

TEST_F(ApiTasks, convergence_ends_tasks_of_vanished_cells_and_old_ones) {
  present("c1");
  ASSERT_EQ(desire_task("running"), "");
  ASSERT_EQ(desire_task("waiting"), "");
  ASSERT_EQ(start_task("running", "c1"), "should start");
  outbox_.tasks.clear();
  vanish("c1");
  EXPECT_EQ(task("running").failure_reason(), "cell disappeared before completion");
  ASSERT_EQ(outbox_.tasks.size(), 1u) << "pending ones are offered in every pass";
  EXPECT_EQ(outbox_.tasks[0].task_guid, "waiting");
  clock_.advance(std::chrono::minutes(31));
  converge();
  EXPECT_EQ(task("waiting").failure_reason(), "not started within time limit");
  EXPECT_EQ(guids("", ""), "waiting ");
  store_.put({.key = {store::Table::task, "rubbish"}, .after = "rubbish", .domain = "cf-tasks"});
  clock_.advance(std::chrono::minutes(3));
  converge();
  EXPECT_EQ(guids("", ""), "");
  bool gone = false;
  store_.read_row({store::Table::task, "rubbish"}, [&](const auto& row) { gone = row && !*row; });
  EXPECT_TRUE(until([&] { return gone; }));
}

TEST_F(ApiTasks, definitions_are_validated) {
  models::DesireTaskRequest request;
  request.set_task_guid("bad guid");
  EXPECT_EQ(call("/v1/tasks/desire.r2", request),
            "4 Invalid field: task_guid, Invalid field: domain, Invalid field: task_definition");
}

TEST_F(ApiTasks, image_layers_are_folded_for_old_clients) {
  models::DesireTaskRequest request;
  request.set_task_guid("t");
  request.set_domain("d");
  auto& definition = *request.mutable_task_definition();
  definition.set_root_fs("preloaded:stack");
  definition.set_legacy_download_user("vcap");
  definition.mutable_action()->mutable_run_action()->set_path("/bin/true");
  definition.mutable_action()->mutable_run_action()->set_user("vcap");
  definition.add_cached_dependencies()->set_from("http://a");
  definition.mutable_cached_dependencies(0)->set_to("/a");
  for (const auto type : {models::ImageLayer::SHARED, models::ImageLayer::EXCLUSIVE}) {
    auto& layer = *definition.add_image_layers();
    layer.set_url("http://layer");
    layer.set_destination_path("/layer");
    layer.set_layer_type(type);
    layer.set_media_type(models::ImageLayer::TGZ);
    layer.set_digest_algorithm(models::ImageLayer::SHA256);
    layer.set_digest_value("abc");
  }
  ASSERT_EQ(call("/v1/tasks/desire.r2", request), "");
  EXPECT_EQ(task("t").task_definition().image_layers_size(), 2);
  models::TaskByGuidRequest one;
  one.set_task_guid("t");
  const auto folded =
      post<models::TaskResponse>("/v1/tasks/get_by_task_guid.r2", one).task().task_definition();
  EXPECT_EQ(folded.image_layers_size(), 0);
  ASSERT_EQ(folded.cached_dependencies_size(), 2);
  EXPECT_EQ(folded.cached_dependencies(0).cache_key(), "sha256:abc") << "shared layers come first";
  const auto& serial = folded.action().serial_action();
  ASSERT_EQ(serial.actions_size(), 2);
  EXPECT_EQ(serial.actions(0).parallel_action().actions(0).download_action().user(), "vcap");
  EXPECT_EQ(serial.actions(1).run_action().path(), "/bin/true");
}

}  // namespace
}  // namespace causeway::bbs::test
