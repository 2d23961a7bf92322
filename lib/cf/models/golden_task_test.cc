// The bytes of tasks and of Locket's messages.
#include "cf/models/golden_test.h"

namespace causeway::cf {
namespace {

using namespace models;

TEST(GoldenTask, definition) {
  expect_golden<TaskDefinition>({
      {"0a0172", [](auto& m) { m.set_root_fs("r"); }},
      {"12030a014e", [](auto& m) { m.add_environment_variables()->set_name("N"); }},
      {"1a021a00", [](auto& m) { m.mutable_action()->mutable_run_action(); }},
      {"2005", [](auto& m) { m.set_disk_mb(5); }},
      {"2806", [](auto& m) { m.set_memory_mb(6); }},
      {"3007", [](auto& m) { m.set_cpu_weight(7); }},
      {"3801", [](auto& m) { m.set_privileged(true); }},
      {"42016c", [](auto& m) { m.set_log_source("l"); }},
      {"4a026c67", [](auto& m) { m.set_log_guid("lg"); }},
      {"52026d67", [](auto& m) { m.set_metrics_guid("mg"); }},
      {"5a022f72", [](auto& m) { m.set_result_file("/r"); }},
      {"6208687474703a2f2f63", [](auto& m) { m.set_completion_callback_url("http://c"); }},
      {"6a02616e", [](auto& m) { m.set_annotation("an"); }},
      {"72050a03616c6c", [](auto& m) { m.add_egress_rules()->set_protocol("all"); }},
      {"7a030a016e", [](auto& m) { m.add_cached_dependencies()->set_name("n"); }},
      {"82010175", [](auto& m) { m.set_legacy_download_user("u"); }},
      {"8a01022f63", [](auto& m) { m.set_trusted_system_certificates_path("/c"); }},
      {"9201050a036e6673", [](auto& m) { m.add_volume_mounts()->set_driver("nfs"); }},
      {"9a0100", [](auto& m) { m.mutable_network(); }},
      {"a2010174", [](auto& m) { m.add_placement_tags("t"); }},
      {"a80109", [](auto& m) { m.set_max_pids(9); }},
      {"b201030a016f",
       [](auto& m) { m.mutable_certificate_properties()->add_organizational_unit("o"); }},
      {"ba01026975", [](auto& m) { m.set_image_username("iu"); }},
      {"c201026970", [](auto& m) { m.set_image_password("ip"); }},
      {"ca0103120175", [](auto& m) { m.add_image_layers()->set_url("u"); }},
      {"d201020805", [](auto& m) { m.mutable_log_rate_limit()->set_bytes_per_second(5); }},
      {"da01080a017412030a0173", [](auto& m) { (*m.mutable_metric_tags())["t"].set_static_("s"); }},
      {"e201030a0166", [](auto& m) { m.add_volume_mounted_files()->set_path("f"); }},
  });
}

TEST(GoldenTask, task) {
  expect_golden<Task>({
      {"0a030a0172", [](auto& m) { m.mutable_task_definition()->set_root_fs("r"); }},
      {"120174", [](auto& m) { m.set_task_guid("t"); }},
      {"1a0164", [](auto& m) { m.set_domain("d"); }},
      {"20959a97ece39fe7cb17", [](auto& m) { m.set_created_at(1'700'000'000'123'456'789); }},
      {"2806", [](auto& m) { m.set_updated_at(6); }},
      {"3007", [](auto& m) { m.set_first_completed_at(7); }},
      {"3803", [](auto& m) { m.set_state(Task::Completed); }},
      {"420163", [](auto& m) { m.set_cell_id("c"); }},
      {"4a03726573", [](auto& m) { m.set_result("res"); }},
      {"5001", [](auto& m) { m.set_failed(true); }},
      {"5a03776879", [](auto& m) { m.set_failure_reason("why"); }},
      {"6004", [](auto& m) { m.set_rejection_count(4); }},
      {"6a0466756c6c", [](auto& m) { m.set_rejection_reason("full"); }},
  });
}

TEST(GoldenTask, requests_and_responses) {
  expect_golden<DesireTaskRequest>({{"0a00", [](auto& m) { m.mutable_task_definition(); }},
                                    {"120174", [](auto& m) { m.set_task_guid("t"); }},
                                    {"1a0164", [](auto& m) { m.set_domain("d"); }}});
  expect_golden<StartTaskRequest>({{"0a0174", [](auto& m) { m.set_task_guid("t"); }},
                                   {"120163", [](auto& m) { m.set_cell_id("c"); }}});
  expect_golden<StartTaskResponse>({{"0a00", [](auto& m) { m.mutable_error(); }},
                                    {"1001", [](auto& m) { m.set_should_start(true); }}});
  expect_golden<FailTaskRequest>({{"0a0174", [](auto& m) { m.set_task_guid("t"); }},
                                  {"120172", [](auto& m) { m.set_failure_reason("r"); }}});
  expect_golden<RejectTaskRequest>({{"0a0174", [](auto& m) { m.set_task_guid("t"); }},
                                    {"120172", [](auto& m) { m.set_rejection_reason("r"); }}});
  expect_golden<TaskGuidRequest>({{"0a0174", [](auto& m) { m.set_task_guid("t"); }}});
  expect_golden<CompleteTaskRequest>({
      {"0a0174", [](auto& m) { m.set_task_guid("t"); }},
      {"120163", [](auto& m) { m.set_cell_id("c"); }},
      {"1801", [](auto& m) { m.set_failed(true); }},
      {"220172", [](auto& m) { m.set_failure_reason("r"); }},
      {"2a03726573", [](auto& m) { m.set_result("res"); }},
  });
  expect_golden<TasksRequest>({{"0a0164", [](auto& m) { m.set_domain("d"); }},
                               {"120163", [](auto& m) { m.set_cell_id("c"); }}});
  expect_golden<TaskByGuidRequest>({{"0a0174", [](auto& m) { m.set_task_guid("t"); }}});
  expect_golden<TaskLifecycleResponse>(
      {{"0a020809",
        [](auto& m) { m.mutable_error()->set_type(models::Error::InvalidStateTransition); }}});
  expect_golden<TasksResponse>(
      {{"0a00", [](auto& m) { m.mutable_error(); }},
       {"1203120174", [](auto& m) { m.add_tasks()->set_task_guid("t"); }}});
  expect_golden<TaskResponse>(
      {{"0a00", [](auto& m) { m.mutable_error(); }},
       {"1203120174", [](auto& m) { m.mutable_task()->set_task_guid("t"); }}});
}

TEST(GoldenTask, events) {
  expect_golden<TaskCreatedEvent>({{"0a00", [](auto& m) { m.mutable_task(); }}});
  expect_golden<TaskRemovedEvent>({{"0a00", [](auto& m) { m.mutable_task(); }}});
  expect_golden<TaskChangedEvent>({{"0a00", [](auto& m) { m.mutable_before(); }},
                                   {"1200", [](auto& m) { m.mutable_after(); }}});
}

TEST(GoldenTask, locket) {
  expect_golden<Resource>({{"0a016b", [](auto& m) { m.set_key("k"); }},
                           {"12016f", [](auto& m) { m.set_owner("o"); }},
                           {"1a0176", [](auto& m) { m.set_value("v"); }},
                           {"22046c6f636b", [](auto& m) { m.set_type("lock"); }},
                           {"2802", [](auto& m) { m.set_type_code(Resource::PRESENCE); }}});
  expect_golden<LockRequest>({{"0a030a016b", [](auto& m) { m.mutable_resource()->set_key("k"); }},
                              {"100f", [](auto& m) { m.set_ttl_in_seconds(15); }}});
  expect_golden<ReleaseRequest>({{"0a00", [](auto& m) { m.mutable_resource(); }}});
  expect_golden<FetchRequest>({{"0a016b", [](auto& m) { m.set_key("k"); }}});
  expect_golden<FetchResponse>({{"0a00", [](auto& m) { m.mutable_resource(); }}});
  expect_golden<FetchAllRequest>({{"0a046c6f636b", [](auto& m) { m.set_type("lock"); }},
                                  {"1001", [](auto& m) { m.set_type_code(Resource::LOCK); }}});
  expect_golden<FetchAllResponse>({{"0a00", [](auto& m) { m.add_resources(); }}});
}

TEST(GoldenTask, every_error_has_its_number) {
  using models::Error;
  const std::pair<int, Error::Type> numbers[] = {
      {0, Error::UnknownError},
      {3, Error::InvalidRecord},
      {4, Error::InvalidRequest},
      {5, Error::InvalidResponse},
      {6, Error::InvalidProtobufMessage},
      {7, Error::InvalidJSON},
      {8, Error::FailedToOpenEnvelope},
      {9, Error::InvalidStateTransition},
      {11, Error::ResourceConflict},
      {12, Error::ResourceExists},
      {13, Error::ResourceNotFound},
      {14, Error::RouterError},
      {15, Error::ActualLRPCannotBeClaimed},
      {16, Error::ActualLRPCannotBeStarted},
      {17, Error::ActualLRPCannotBeCrashed},
      {18, Error::ActualLRPCannotBeFailed},
      {19, Error::ActualLRPCannotBeRemoved},
      {21, Error::ActualLRPCannotBeUnclaimed},
      {24, Error::RunningOnDifferentCell},
      {26, Error::GUIDGeneration},
      {27, Error::Deserialize},
      {28, Error::Deadlock},
      {29, Error::Unrecoverable},
      {30, Error::LockCollision},
      {31, Error::Timeout},
  };
  int known = 0;
  for (int number = 0; number < 64; ++number) known += Error::Type_IsValid(number) ? 1 : 0;
  EXPECT_EQ(static_cast<size_t>(known), std::size(numbers)) << "the others are retired";
  for (const auto& [number, type] : numbers) EXPECT_EQ(number, static_cast<int>(type));
}

}  // namespace
}  // namespace causeway::cf
