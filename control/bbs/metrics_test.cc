// What the scrape says, by Diego's names.
#include "control/bbs/bbs_under_test.h"
#include "metrics/recent_max.h"

namespace causeway::bbs::test {
namespace {

class BbsMetrics : public BbsTest {
 protected:
  template <class Request>
  std::string task_call(const std::string& path, const Request& request) {
    return error_of<models::TaskLifecycleResponse>(path, request);
  }
  void desire_task(const std::string& guid) {
    models::DesireTaskRequest request;
    request.set_task_guid(guid);
    request.set_domain("d");
    auto& definition = *request.mutable_task_definition();
    definition.set_root_fs("preloaded:stack");
    definition.mutable_action()->mutable_run_action()->set_path("/bin/true");
    definition.mutable_action()->mutable_run_action()->set_user("vcap");
    EXPECT_EQ(task_call("/v1/tasks/desire.r2", request), "");
  }
};

TEST_F(BbsMetrics, questions_to_the_store_are_counted_and_timed) {
  const double before = metric("DBQueriesTotal");
  EXPECT_GT(before, 0);
  ASSERT_EQ(desire(lrp("p", 1)), "");
  EXPECT_GT(metric("DBQueriesTotal"), before);
  EXPECT_EQ(metric("DBQueriesInFlight"), 0);
  EXPECT_EQ(metric("DBQueriesFailed"), 0);
  EXPECT_EQ(metric("DBQueriesTotal"), metric("DBQueriesSucceeded"));
  EXPECT_GE(metric("DBQueryDurationMax"), 0);
  store_.set_usable(false);
  EXPECT_EQ(metric("DBOpenConnections"), 0);
  EXPECT_NE(desire(lrp("q", 1)), "");
  EXPECT_GT(metric("DBQueriesFailed"), 0);
  store_.set_usable(true);
  EXPECT_EQ(metric("DBOpenConnections"), 1);
  settle();  // the pass that a store come back brings
}

TEST_F(BbsMetrics, tasks_are_counted_as_they_begin_and_end) {
  desire_task("good");
  desire_task("cancelled");
  models::StartTaskRequest start;
  start.set_task_guid("good");
  start.set_cell_id("c1");
  EXPECT_TRUE(post<models::StartTaskResponse>("/v1/tasks/start", start).should_start());
  models::CompleteTaskRequest complete;
  complete.set_task_guid("good");
  complete.set_cell_id("c1");
  EXPECT_EQ(task_call("/v1/tasks/complete", complete), "");
  models::TaskGuidRequest cancel;
  cancel.set_task_guid("cancelled");
  EXPECT_EQ(task_call("/v1/tasks/cancel", cancel), "");
  EXPECT_EQ(metric("TasksStarted"), 1);
  EXPECT_EQ(metric("TasksSucceeded"), 1);
  EXPECT_EQ(metric("TasksFailed"), 1);
}

// Of those that Diego has, LockHeld, MigrationDuration and EncryptionDuration are the tenure's.
TEST_F(BbsMetrics, each_of_diegos_names_is_there) {
  fresh_domain();
  converge();
  for (const char* name : {"BBSMasterElected",
                           "ConvergenceLRPRuns",
                           "ConvergenceLRPDuration",
                           "ConvergenceTaskRuns",
                           "ConvergenceTaskDuration",
                           "ConvergenceTasksKicked",
                           "ConvergenceTasksPruned",
                           "CrashedActualLRPs",
                           "CrashingDesiredLRPs",
                           "Domain{domain=\"cf-apps\"}",
                           "LRPsDesired",
                           "LRPsClaimed",
                           "LRPsUnclaimed",
                           "LRPsRunning",
                           "LRPsMissing",
                           "LRPsExtra",
                           "SuspectRunningActualLRPs",
                           "SuspectClaimedActualLRPs",
                           "SuspectCells",
                           "PresentCells",
                           "StrandedEvacuatingActualLRPs",
                           "TasksPending",
                           "TasksRunning",
                           "TasksCompleted",
                           "TasksResolving",
                           "TasksStarted",
                           "TasksSucceeded",
                           "TasksFailed",
                           "RequestCount",
                           "RequestLatency_count",
                           "RequestLatencyMax",
                           "RequestsStarted",
                           "RequestsSucceeded",
                           "RequestsFailed",
                           "RequestsInFlight",
                           "RequestsCancelled",
                           "DBOpenConnections",
                           "DBQueriesTotal",
                           "DBQueriesSucceeded",
                           "DBQueriesFailed",
                           "DBQueriesInFlight",
                           "DBQueryDurationMax",
                           "OpenFileDescriptors",
                           "ActiveLocks",
                           "ActivePresences",
                           "LocksExpired",
                           "PresenceExpired"})
    EXPECT_GE(metric(name), 0) << name;
  EXPECT_EQ(metric("Domain{domain=\"cf-apps\"}"), 1);
  EXPECT_EQ(metric("BBSMasterElected"), 1);
}

TEST_F(BbsMetrics, a_pass_counts_instances_and_tasks_by_their_state) {
  present("c1");
  ASSERT_EQ(desire(lrp("crashing", 2)), "");
  for (int crashes = 0; crashes < 3; ++crashes) {
    ASSERT_EQ(run("crashing", 0, "i", "c1"), "");
    ASSERT_EQ(crash("crashing", 0, "i", "c1"), "");
  }
  ASSERT_EQ(desire(lrp("good", 2)), "");
  ASSERT_EQ(run("good", 0, "g0", "c1"), "");
  ASSERT_EQ(claim("good", 1, "g1", "c1"), "");
  for (const char* guid : {"pending", "running", "completed", "resolving"}) desire_task(guid);
  for (const char* guid : {"running", "completed", "resolving"}) {
    models::StartTaskRequest start;
    start.set_task_guid(guid);
    start.set_cell_id("c1");
    EXPECT_TRUE(post<models::StartTaskResponse>("/v1/tasks/start", start).should_start());
  }
  for (const char* guid : {"completed", "resolving"}) {
    models::CompleteTaskRequest complete;
    complete.set_task_guid(guid);
    complete.set_cell_id("c1");
    EXPECT_EQ(task_call("/v1/tasks/complete", complete), "");
  }
  models::TaskGuidRequest resolve;
  resolve.set_task_guid("resolving");
  EXPECT_EQ(task_call("/v1/tasks/resolving", resolve), "");
  converge();
  const std::pair<const char*, double> counts[] = {
      {"LRPsDesired", 4},       {"LRPsRunning", 1},
      {"LRPsClaimed", 1},       {"LRPsUnclaimed", 1},
      {"CrashedActualLRPs", 1}, {"CrashingDesiredLRPs", 1},
      {"LRPsMissing", 0},       {"LRPsExtra", 0},
      {"PresentCells", 1},      {"TasksPending", 1},
      {"TasksRunning", 1},      {"TasksCompleted", 1},
      {"TasksResolving", 1},    {"ConvergenceTasksPruned", 0}};
  for (const auto& [name, count] : counts) EXPECT_EQ(metric(name), count) << name;
  clock_.advance(std::chrono::seconds(121));
  converge();
  EXPECT_EQ(metric("ConvergenceTasksPruned"), 2) << "what nobody took is forgotten";
}

TEST_F(BbsMetrics, calls_are_counted_by_path_when_asked_for) {
  ASSERT_EQ(desire(lrp("p", 1)), "");
  EXPECT_GE(metric("RequestLatencyMax"), 0);
  EXPECT_EQ(registry_->prometheus_text().find("RouteRequestCount"), std::string::npos);
  config_.advanced_metrics = true;
  start();
  ASSERT_EQ(scale("p", 2), "");
  ASSERT_EQ(scale("p", 3), "");
  post_raw("/v1/made/up", "");
  EXPECT_TRUE(
      until([&] { return metric(R"(RouteRequestCount{route="/v1/desired_lrp/update"})") == 2; }));
  EXPECT_EQ(metric(R"(RouteRequestLatency_count{route="/v1/desired_lrp/update"})"), 2);
  EXPECT_EQ(registry_->prometheus_text().find("/v1/made/up"), std::string::npos);
}

TEST(RecentMax, forgets_what_is_two_minutes_old) {
  using std::chrono::seconds;
  metrics::RecentMax max;
  const Instant start = SystemClock().now();
  max.note(3, start);
  max.note(1, start + seconds(1));
  EXPECT_EQ(max.value(start + seconds(59)), 3);
  max.note(2, start + seconds(70));
  EXPECT_EQ(max.value(start + seconds(80)), 3) << "of the minute before";
  EXPECT_EQ(max.value(start + seconds(140)), 2);
  EXPECT_EQ(max.value(start + seconds(300)), 0);
}

}  // namespace
}  // namespace causeway::bbs::test
