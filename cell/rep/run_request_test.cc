#include "cell/rep/run_request.h"

#include <gtest/gtest.h>

#include "cell/rep/cell_tags.h"

namespace causeway::rep {
namespace {

TEST(RunRequest, carries_ports_environment_tags_and_hostnames) {
  models::DesiredLRP lrp;
  lrp.add_ports(8080);
  lrp.set_log_guid("app");
  lrp.add_sidecars()->mutable_action()->mutable_run_action()->set_path("/proxy");
  (*lrp.mutable_metric_tags())["source_id"].set_static_("app");
  (*lrp.mutable_metric_tags())["who"].set_dynamic(models::MetricTagValue::INSTANCE_GUID);
  (*lrp.mutable_routes()->mutable_routes())["internal-router"] = R"([{"hostname":"app.internal"}])";
  const Result<executor::RunRequest> request = run_request_of(lrp, 3, "ig");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->ports, std::vector<uint16_t>{8080});
  ASSERT_EQ(request->sidecars.size(), 1u);
  EXPECT_EQ(request->sidecars[0].run_action().path(), "/proxy");
  EXPECT_EQ(request->log_index, 3);
  EXPECT_EQ(request->log_bytes_per_second, -1);
  executor::Container container;
  container.tags = request->tags;
  EXPECT_EQ(metric_tags_of(container),
            (std::map<std::string, std::string>{{"source_id", "app"}, {"who", "ig"}}));
  EXPECT_EQ(internal_hostnames_of(container), std::vector<std::string>{"app.internal"});
}

TEST(RunRequest, what_the_cell_cannot_do_is_refused_by_name) {
  models::DesiredLRP lrp;
  lrp.add_image_layers();
  EXPECT_EQ(run_request_of(lrp, 0, "ig").error().detail, "image layers are not supported yet");
  models::Task task;
  task.mutable_task_definition()->add_volume_mounts();
  EXPECT_EQ(run_request_of(task).error().fault, Fault::unsupported);
}

TEST(CellTags, work_comes_back_from_its_container) {
  cf::LrpWork work{.process_guid = "shop", .index = 7, .domain = "apps", .instance_guid = "ig"};
  work.demand = {.memory_mb = 64,
                 .disk_mb = 128,
                 .max_pids = 9,
                 .root_fs = "preloaded:base",
                 .placement_tags = {"a", "b"}};
  executor::Container container;
  container.guid = "ig";
  container.state = executor::State::running;
  container.resources = {64, 128, 1};
  container.tags = tags_of(work);
  work.state = "RUNNING";
  EXPECT_EQ(lrp_of(container), work);
}

}  // namespace
}  // namespace causeway::rep
