#include "tools/causeway/model_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cf/models/models.h"
#include "diego/base64.h"
#include "diego/bbs_events.h"

namespace causeway::cli {
namespace {

models::ActualLRP running_lrp() {
  models::ActualLRP lrp;
  lrp.mutable_actual_lrp_key()->set_process_guid("shop");
  lrp.mutable_actual_lrp_key()->set_index(2);
  lrp.mutable_actual_lrp_key()->set_domain("cf-apps");
  lrp.mutable_actual_lrp_instance_key()->set_instance_guid("i");
  lrp.mutable_actual_lrp_instance_key()->set_cell_id("cell-1");
  auto& net = *lrp.mutable_actual_lrp_net_info();
  net.set_address("10.0.0.1");
  net.set_instance_address("172.16.0.9");
  net.set_preferred_address(models::ActualLRPNetInfo::HOST);
  auto& ports = *net.add_ports();
  ports.set_container_port(8080);
  ports.set_host_port(61001);
  lrp.set_state("RUNNING");
  lrp.set_since(7);
  lrp.mutable_modification_tag()->set_epoch("e");
  lrp.mutable_modification_tag()->set_index(3);
  return lrp;
}

TEST(ModelJson, an_instance_is_written_as_diego_writes_it) {
  EXPECT_EQ(to_json(running_lrp()),
            R"({"process_guid":"shop","index":2,"domain":"cf-apps","instance_guid":"i",)"
            R"("cell_id":"cell-1","address":"10.0.0.1","ports":[{"container_port":8080,)"
            R"("host_port":61001,"container_tls_proxy_port":0,"host_tls_proxy_port":0}],)"
            R"("instance_address":"172.16.0.9","preferred_address":"HOST","crash_count":0,)"
            R"("state":"RUNNING","since":7,"modification_tag":{"epoch":"e","index":3},)"
            R"("presence":"ORDINARY","availability_zone":""})");
}

TEST(ModelJson, an_instance_that_waits_has_no_ports) {
  models::ActualLRP lrp;
  lrp.set_state("UNCLAIMED");
  lrp.set_placement_error("insufficient resources: memory");
  lrp.set_routable(false);
  EXPECT_THAT(to_json(lrp), testing::HasSubstr(R"("ports":null)"));
  EXPECT_THAT(to_json(lrp),
              testing::HasSubstr(R"("placement_error":"insufficient resources: memory")"));
  EXPECT_THAT(to_json(lrp), testing::HasSubstr(R"("routable":false)"));
}

// An app with one of each kind of field.
constexpr const char* kApp =
    R"({"process_guid":"p","domain":"d","rootfs":"preloaded:base","instances":2,)"
    R"("env":[{"name":"A","value":"<b>"}],)"
    R"("action":{"timeout":{"action":{"serial":{"actions":[{"run":{"path":"/bin/sh",)"
    R"("args":["-c","x"],"resource_limits":{"nofile":0},"user":"vcap",)"
    R"("suppress_log_output":false}},{"try":{"action":{"parallel":{}}}}]}},"timeout_ms":5}},)"
    R"("start_timeout_ms":60000,"disk_mb":1,"memory_mb":2,"cpu_weight":3,"privileged":true,)"
    R"("ports":[8080,9090],"routes":{"cf-router":[{"hostnames":["a"],"port":8080}]},)"
    R"("log_source":"","log_guid":"","metrics_guid":"","annotation":"",)"
    R"("egress_rules":[{"protocol":"tcp","destinations":["0.0.0.0/0"],)"
    R"("port_range":{"start":1,"end":2},"log":false}],)"
    R"("network":{"properties":{"a":"1","b":"2"}},"placement_tags":["t"],"max_pids":0,)"
    R"("certificate_properties":{"organizational_unit":["ou"]},)"
    R"("check_definition":{"checks":[{"http_check":{"port":8080,"path":"/"}}],"log_source":""},)"
    R"("image_layers":[{"url":"u","destination_path":"/x","layer_type":"SHARED",)"
    R"("media_type":"TGZ"}],"metric_tags":{"i":{"dynamic":"INDEX"},"s":{"static":"v"}},)"
    R"("log_rate_limit":{"bytes_per_second":-1}})";

TEST(ModelJson, what_is_read_is_written_again) {
  const auto app = desired_lrp_of(kApp);
  ASSERT_TRUE(app) << app.error().detail;
  EXPECT_EQ(app->action().timeout_action().action().serial_action().actions_size(), 2);
  EXPECT_TRUE(app->action()
                  .timeout_action()
                  .action()
                  .serial_action()
                  .actions(0)
                  .run_action()
                  .resource_limits()
                  .has_nofile());
  EXPECT_EQ(app->routes().routes().at("cf-router"), R"([{"hostnames":["a"],"port":8080}])");
  EXPECT_EQ(to_json(*app), kApp);
}

TEST(ModelJson, a_task_is_its_definition_and_its_state) {
  const auto task = task_of(
      R"({"task_guid":"t","domain":"d","rootfs":"r","memory_mb":5,"state":"Running",
          "action":{"run":{"path":"x","user":"u"}},"later":1,"result":null})");
  ASSERT_TRUE(task) << task.error().detail;
  EXPECT_EQ(task->task_definition().memory_mb(), 5);
  EXPECT_EQ(task->state(), models::Task::Running);
  const std::string text = to_json(*task);
  EXPECT_THAT(text, testing::StartsWith(R"({"rootfs":"r","action":{"run":{"path":"x")"));
  EXPECT_THAT(text, testing::HasSubstr(R"("task_guid":"t","domain":"d","created_at":0)"));
  EXPECT_THAT(text, testing::HasSubstr(R"("state":"Running")"));
}

TEST(ModelJson, an_update_says_only_what_it_changes) {
  const auto update = update_of(R"({"instances":0,"annotation":""})");
  ASSERT_TRUE(update);
  EXPECT_TRUE(update->has_instances());
  EXPECT_TRUE(update->has_annotation());
  EXPECT_FALSE(update->has_routes());
  EXPECT_FALSE(update_of("{}")->has_instances());
}

TEST(ModelJson, mistakes_name_the_key) {
  const struct {
    const char* json;
    const char* named;
  } cases[] = {{"", ""},
               {"[]", "not an object"},
               {R"({"instances":"2"})", "instances"},
               {R"({"instances":3000000000})", "instances"},
               {R"({"process_guid":1})", "process_guid"},
               {R"({"env":{}})", "env: not a list"},
               {R"({"env":[{"name":1}]})", "env[0].name"},
               {R"({"action":{"run":{"args":[1]}}})", "action.run.args"},
               {R"({"privileged":1})", "privileged"},
               {R"({"image_layers":[{"layer_type":"ODD"}]})", "image_layers[0].layer_type"},
               {R"({"metric_tags":{"a":1}})", "metric_tags.a"},
               {R"({"routes":[]})", "routes"}};
  for (const auto& bad : cases) {
    const auto read = desired_lrp_of(bad.json);
    ASSERT_FALSE(read) << bad.json;
    EXPECT_THAT(to_string(read.error()), testing::HasSubstr(bad.named)) << bad.json;
  }
}

TEST(ModelJson, an_event_has_its_type_and_its_data) {
  models::ActualLRPCrashedEvent crashed;
  crashed.mutable_actual_lrp_key()->set_process_guid("shop");
  crashed.set_crash_count(3);
  crashed.set_crash_reason("Exited with status 1");
  const auto [type, data] = diego::encode_event(diego::LrpEvent(crashed));
  const auto line = event_json(type, data);
  ASSERT_TRUE(line);
  EXPECT_EQ(*line, R"({"type":"actual_lrp_crashed","data":{"process_guid":"shop","index":0,)"
                   R"("domain":"","instance_guid":"","cell_id":"","crash_count":3,)"
                   R"("crash_reason":"Exited with status 1","since":0}})");
  EXPECT_FALSE(event_json("of_the_future", "AA=="));
  EXPECT_FALSE(event_json("actual_lrp_crashed", "!!"));
}

TEST(ModelJson, an_event_about_an_instance_names_its_trace_even_if_there_is_none) {
  models::ActualLRPInstanceRemovedEvent removed;
  *removed.mutable_actual_lrp() = running_lrp();
  const auto [type, data] = diego::encode_event(diego::LrpEvent(removed));
  const auto line = event_json(type, data);
  ASSERT_TRUE(line);
  EXPECT_EQ(*line, R"({"type":"actual_lrp_instance_removed","data":{"actual_lrp":)" +
                       to_json(running_lrp()) + R"(,"trace_id":""}})");
}

TEST(ModelJson, the_deprecated_events_hold_groups) {
  models::ActualLRPChangedEvent changed;
  *changed.mutable_before()->mutable_instance() = running_lrp();
  *changed.mutable_after()->mutable_evacuating() = running_lrp();
  const auto line = event_json("actual_lrp_changed", diego::base64_encode(cf::encode(changed)));
  ASSERT_TRUE(line);
  const std::string lrp = to_json(running_lrp());
  EXPECT_EQ(*line, R"({"type":"actual_lrp_changed","data":{"before":{"instance":)" + lrp +
                       R"(},"after":{"evacuating":)" + lrp + "}}}");
  models::ActualLRPRemovedEvent removed;
  *removed.mutable_actual_lrp_group()->mutable_instance() = running_lrp();
  const auto gone = event_json("actual_lrp_removed", diego::base64_encode(cf::encode(removed)));
  ASSERT_TRUE(gone);
  EXPECT_EQ(*gone, R"({"type":"actual_lrp_removed","data":{"actual_lrp_group":{"instance":)" + lrp +
                       "}}}");
  EXPECT_FALSE(event_json("actual_lrp_created", "!!"));
}

TEST(ModelJson, what_came_later_is_written_where_it_is_given) {
  models::ActualLRP lrp;
  lrp.mutable_actual_lrp_net_info()->set_instance_ipv6_address("fd00::9");
  EXPECT_THAT(to_json(lrp), testing::HasSubstr(R"("instance_ipv6_address":"fd00::9")"));
  models::CellPresence cell;
  (*cell.mutable_annotations())["rack"] = "7";
  EXPECT_EQ(to_json(cell), R"({"cell_id":"","rep_address":"","zone":"","rep_url":"",)"
                           R"("annotations":{"rack":"7"}})");
}

// Go reads and writes it by name; as a number it is taken too.
TEST(ModelJson, a_dynamic_tag_is_named) {
  for (const char* value : {R"("INSTANCE_GUID")", "2"}) {
    const auto app =
        desired_lrp_of(R"({"metric_tags":{"t":{"dynamic":)" + std::string(value) + "}}}");
    ASSERT_TRUE(app) << value;
    EXPECT_EQ(app->metric_tags().at("t").dynamic(), models::MetricTagValue::INSTANCE_GUID);
    EXPECT_THAT(to_json(*app),
                testing::HasSubstr(R"("metric_tags":{"t":{"dynamic":"INSTANCE_GUID"}})"));
  }
  EXPECT_FALSE(desired_lrp_of(R"({"metric_tags":{"t":{"dynamic":"ODD"}}})"));
}

TEST(ModelJson, text_is_escaped_as_go_escapes_it) {
  EXPECT_EQ(with_html_escaped(R"({"a":"<b>&"})"), R"({"a":"\u003cb\u003e\u0026"})");
}

}  // namespace
}  // namespace causeway::cli
