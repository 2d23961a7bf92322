#include "control/bbs/rules/validation.h"

#include <functional>

#include <gtest/gtest.h>

namespace causeway::bbs {
namespace {

using Edit = std::function<void(models::DesiredLRP&)>;

models::DesiredLRP good_lrp() {
  models::DesiredLRP lrp;
  lrp.set_process_guid("a-b_C1");
  lrp.set_domain("d");
  lrp.set_root_fs("preloaded:stack");
  lrp.mutable_action()->mutable_run_action()->set_path("/bin/app");
  lrp.mutable_action()->mutable_run_action()->set_user("vcap");
  (*lrp.mutable_metric_tags())["source_id"].set_static_("s");
  return lrp;
}

// The complaints without "Invalid field: ".
std::string complaints_about(const auto& message) {
  Complaints complaints;
  check(message, complaints);
  std::string text = complaints.text();
  for (size_t at; (at = text.find("Invalid field: ")) != std::string::npos;) text.erase(at, 15);
  return text;
}

models::SecurityGroupRule rule_of(const std::string& protocol, const std::string& destination) {
  models::SecurityGroupRule rule;
  rule.set_protocol(protocol);
  if (!destination.empty()) rule.add_destinations(destination);
  return rule;
}

models::ImageLayer layer_of(models::ImageLayer::Type type) {
  models::ImageLayer layer;
  layer.set_url("http://x");
  layer.set_destination_path("/x");
  layer.set_layer_type(type);
  layer.set_media_type(models::ImageLayer::TGZ);
  return layer;
}

TEST(Validation, desired_lrps) {
  const struct {
    const char* complaints;
    Edit edit;
  } rows[] = {
      {"", [](auto&) {}},
      {"domain", [](auto& lrp) { lrp.clear_domain(); }},
      {"process_guid", [](auto& lrp) { lrp.clear_process_guid(); }},
      {"process_guid", [](auto& lrp) { lrp.set_process_guid("a/b"); }},
      {"rootfs", [](auto& lrp) { lrp.clear_root_fs(); }},
      {"rootfs", [](auto& lrp) { lrp.set_root_fs("no-scheme"); }},
      {"rootfs", [](auto& lrp) { lrp.set_root_fs(":x"); }},
      {"action", [](auto& lrp) { lrp.clear_action(); }},
      {"action, inner-action", [](auto& lrp) { lrp.mutable_action()->clear_run_action(); }},
      {"action, inner-action", [](auto& lrp) { lrp.mutable_action()->mutable_try_action(); }},
      {"action, path, user",
       [](auto& lrp) { lrp.mutable_action()->mutable_run_action()->Clear(); }},
      {"setup, from, to, user", [](auto& lrp) { lrp.mutable_setup()->mutable_download_action(); }},
      {"monitor, to, from, user",
       [](auto& lrp) { lrp.mutable_monitor()->mutable_upload_action(); }},
      {"setup, actions", [](auto& lrp) { lrp.mutable_setup()->mutable_serial_action(); }},
      {"setup, inner-action",
       [](auto& lrp) { lrp.mutable_setup()->mutable_parallel_action()->add_actions(); }},
      {"setup, action, timeout_ms",
       [](auto& lrp) { lrp.mutable_setup()->mutable_timeout_action(); }},
      {"instances", [](auto& lrp) { lrp.set_instances(-1); }},
      {"memory_mb", [](auto& lrp) { lrp.set_memory_mb(-1); }},
      {"disk_mb", [](auto& lrp) { lrp.set_disk_mb(-1); }},
      {"max_pids", [](auto& lrp) { lrp.set_max_pids(-1); }},
      {"", [](auto& lrp) { lrp.set_cpu_weight(4'000'000'000); }},
      {"", [](auto& lrp) { lrp.set_annotation(std::string(10'240, 'x')); }},
      {"annotation", [](auto& lrp) { lrp.set_annotation(std::string(10'241, 'x')); }},
      {"",
       [](auto& lrp) {
         (*lrp.mutable_routes()->mutable_routes())["r"] = "\"" + std::string(131'070, 'x') + "\"";
       }},
      {"routes",
       [](auto& lrp) {
         (*lrp.mutable_routes()->mutable_routes())["r"] = "\"" + std::string(131'071, 'x') + "\"";
       }},
      {"routes", [](auto& lrp) { (*lrp.mutable_routes()->mutable_routes())["r"] = "not json"; }},
      {"image_password", [](auto& lrp) { lrp.set_image_username("u"); }},
      {"image_username", [](auto& lrp) { lrp.set_image_password("p"); }},
      {"", [](auto& lrp) { lrp.mutable_log_rate_limit()->set_bytes_per_second(-1); }},
      {"log_rate_limit", [](auto& lrp) { lrp.mutable_log_rate_limit()->set_bytes_per_second(-2); }},
      {"metric_tags", [](auto& lrp) { lrp.clear_metric_tags(); }},
      {"metric_tags, static, dynamic", [](auto& lrp) { (*lrp.mutable_metric_tags())["x"]; }},
      {"metric_tags, static, dynamic",
       [](auto& lrp) {
         (*lrp.mutable_metric_tags())["source_id"].set_dynamic(models::MetricTagValue::INDEX);
       }},
      {"metric_tags, source_id should match metrics_guid",
       [](auto& lrp) { lrp.set_metrics_guid("other"); }},
      {"metric_tags, source_id should match metrics_guid",
       [](auto& lrp) {
         lrp.set_metrics_guid("p");
         lrp.clear_metric_tags();
         (*lrp.mutable_metric_tags())["app"].set_static_("p");
       }},
      {"volume_mount, driver, container_dir, mode, volume_id",
       [](auto& lrp) { lrp.add_volume_mounts(); }},
      {"cached_dependency, from, to", [](auto& lrp) { lrp.add_cached_dependencies(); }},
      {"sidecars, action, inner-action", [](auto& lrp) { lrp.add_sidecars(); }},
      {"check_definition, check", [](auto& lrp) { lrp.mutable_check_definition()->add_checks(); }},
      {"check_definition, port",
       [](auto& lrp) {
         lrp.mutable_check_definition()->add_readiness_checks()->mutable_tcp_check();
       }},
      {"volume_mounted_files",
       [](auto& lrp) {
         lrp.add_volume_mounted_files()->set_path("x");
         lrp.mutable_volume_mounted_files(0)->set_content(std::string(1024 * 1024 + 1, 'x'));
       }},
      {"", [](auto& lrp) { *lrp.add_image_layers() = layer_of(models::ImageLayer::SHARED); }},
      {"image_layer, digest_algorithm, digest_value, legacy_download_user",
       [](auto& lrp) { *lrp.add_image_layers() = layer_of(models::ImageLayer::EXCLUSIVE); }},
      {"image_layer, digest_value",
       [](auto& lrp) {
         *lrp.add_image_layers() = layer_of(models::ImageLayer::SHARED);
         lrp.mutable_image_layers(0)->set_digest_algorithm(models::ImageLayer::SHA256);
       }},
      {"image_layer, url, destination_path, layer_type, media_type",
       [](auto& lrp) { lrp.add_image_layers(); }},
      {"domain, process_guid, instances",
       [](auto& lrp) {
         lrp.clear_domain();
         lrp.clear_process_guid();
         lrp.set_instances(-7);
       }},
  };
  for (const auto& row : rows) {
    models::DesiredLRP lrp = good_lrp();
    row.edit(lrp);
    EXPECT_EQ(complaints_about(lrp), row.complaints);
  }
}

TEST(Validation, checksums_come_in_pairs_and_known) {
  models::DownloadAction download;
  download.set_from("a");
  download.set_to("b");
  download.set_user("c");
  const auto complaints = [&] {
    models::Action action;
    *action.mutable_download_action() = download;
    return complaints_about(action);
  };
  EXPECT_EQ(complaints(), "");
  download.set_checksum_value("x");
  EXPECT_EQ(complaints(), "checksum algorithm");
  download.set_checksum_algorithm("crc");
  EXPECT_EQ(complaints(), "invalid algorithm");
  download.set_checksum_algorithm("sha256");
  EXPECT_EQ(complaints(), "");
  download.clear_checksum_value();
  EXPECT_EQ(complaints(), "checksum value");
}

TEST(Validation, actions_nested_too_deep_are_refused) {
  models::Action action;
  action.mutable_run_action()->set_path("p");
  action.mutable_run_action()->set_user("u");
  for (int depth = 0; depth < 65; ++depth) {
    models::Action outer;
    *outer.mutable_try_action()->mutable_action() = action;
    action = outer;
  }
  EXPECT_EQ(complaints_about(action), "action");
}

TEST(Validation, egress_rules) {
  const auto complaints = [](models::SecurityGroupRule rule,
                             const std::function<void(models::SecurityGroupRule&)>& edit) {
    edit(rule);
    return complaints_about(rule);
  };
  const auto tcp = rule_of("tcp", "10.0.0.1");
  EXPECT_EQ(complaints(tcp, [](auto& r) { r.add_ports(80); }), "");
  EXPECT_EQ(complaints(tcp, [](auto& r) { r.add_ports(0); }), "ports");
  EXPECT_EQ(complaints(tcp, [](auto&) {}), "ports");
  EXPECT_EQ(complaints(tcp,
                       [](auto& r) {
                         r.mutable_port_range()->set_start(9);
                         r.mutable_port_range()->set_end(8);
                       }),
            "port_range");
  EXPECT_EQ(complaints(tcp,
                       [](auto& r) {
                         r.add_ports(1);
                         r.mutable_icmp_info();
                       }),
            "icmp_info");
  EXPECT_EQ(complaints(rule_of("icmp", "10.0.0.1"), [](auto& r) { r.mutable_icmp_info(); }), "");
  EXPECT_EQ(complaints(rule_of("icmpv6", "::1"), [](auto&) {}), "icmp_info");
  EXPECT_EQ(complaints(rule_of("all", "10.0.0.0/8"), [](auto&) {}), "");
  EXPECT_EQ(complaints(rule_of("all", "10.0.0.0/8"), [](auto& r) { r.add_ports(1); }), "ports");
  EXPECT_EQ(complaints(rule_of("sctp", "10.0.0.1"), [](auto&) {}), "protocol");
  EXPECT_EQ(complaints(rule_of("all", ""), [](auto&) {}), "destinations");
}

TEST(Validation, destinations) {
  for (const char* good : {"1.2.3.4", "0.0.0.0/0", "1.2.3.4-1.2.3.5", "1.2.3.4-1.2.3.4", "::1",
                           "fd00::/8", "1.2.3.4,10.0.0.0/8, ::1"})
    EXPECT_TRUE(is_destination(good)) << good;
  for (const char* bad : {"", "x", "1.2.3", "1.2.3.4/33", "1.2.3.4/x", "1.2.3.5-1.2.3.4",
                          "1.2.3.4-::1", "1.2.3.4,", "example.com"})
    EXPECT_FALSE(is_destination(bad)) << bad;
}

TEST(Validation, requests) {
  EXPECT_EQ(complaints_about(models::DesireLRPRequest()), "desired_lrp");
  EXPECT_EQ(complaints_about(models::UpdateDesiredLRPRequest()), "process_guid");
  EXPECT_EQ(complaints_about(models::RemoveDesiredLRPRequest()), "process_guid");
  EXPECT_EQ(complaints_about(models::ClaimActualLRPRequest()),
            "process_guid, actual_lrp_instance_key");
  EXPECT_EQ(complaints_about(models::StartActualLRPRequest()),
            "actual_lrp_key, actual_lrp_instance_key, actual_lrp_net_info");
  models::CrashActualLRPRequest crash;
  crash.mutable_actual_lrp_key()->set_process_guid("p");
  crash.mutable_actual_lrp_key()->set_index(-1);
  crash.mutable_actual_lrp_instance_key()->set_cell_id("c");
  EXPECT_EQ(complaints_about(crash), "index, domain, instance_guid");
  models::StartActualLRPRequest start;
  start.mutable_actual_lrp_key();
  start.mutable_actual_lrp_instance_key();
  start.mutable_actual_lrp_net_info();
  EXPECT_EQ(complaints_about(start), "process_guid, domain, cell_id, instance_guid, address")
      << "parts that are there are not named themselves";
  models::DesireTaskRequest task;
  task.mutable_task_definition();
  EXPECT_EQ(complaints_about(task), "task_guid, domain, rootfs, action");
  EXPECT_EQ(complaints_about(models::FailActualLRPRequest()), "actual_lrp_key, error_message");
  EXPECT_EQ(complaints_about(models::StartTaskRequest()), "task_guid, cell_id");
  EXPECT_EQ(complaints_about(models::RejectTaskRequest()), "task_guid, rejection_reason");
  EXPECT_EQ(complaints_about(models::UpsertDomainRequest()), "domain");
  models::DesiredLRPUpdate update;
  EXPECT_EQ(complaints_about(update), "");
  update.set_instances(-1);
  update.set_annotation(std::string(20'000, 'x'));
  update.set_image_password("p");
  EXPECT_EQ(complaints_about(update), "instances, annotation, image_username");
}

TEST(Validation, routes_are_compacted_and_null_is_carried) {
  models::ProtoRoutes routes;
  (*routes.mutable_routes())["a"] = " { \"x\" : [ 1, 2.50 ] }\n";
  (*routes.mutable_routes())["b"] = " null ";
  ASSERT_TRUE(compact_routes(routes));
  EXPECT_EQ(routes.routes().at("b"), "null");
  EXPECT_TRUE(routes.routes().at("a").starts_with(R"({"x":[1,2.5)"));
}

}  // namespace
}  // namespace causeway::bbs
