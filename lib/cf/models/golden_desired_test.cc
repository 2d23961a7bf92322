// The bytes of what describes desired LRPs.
#include "cf/models/golden_test.h"

namespace causeway::cf {
namespace {

using namespace models;

TEST(GoldenDesired, common_parts) {
  expect_golden<ModificationTag>({{"0a0165", [](auto& m) { m.set_epoch("e"); }},
                                  {"10ac02", [](auto& m) { m.set_index(300); }}});
  expect_golden<models::Error>(
      {{"080d", [](auto& m) { m.set_type(models::Error::ResourceNotFound); }},
       {"12026e6f", [](auto& m) { m.set_message("no"); }}});
  expect_golden<EnvironmentVariable>({{"0a014e", [](auto& m) { m.set_name("N"); }},
                                      {"120176", [](auto& m) { m.set_value("v"); }}});
  expect_golden<File>({{"0a0170", [](auto& m) { m.set_path("p"); }},
                       {"120163", [](auto& m) { m.set_content("c"); }}});
  expect_golden<Network>(
      {{"0a060a016b120176", [](auto& m) { (*m.mutable_properties())["k"] = "v"; }}});
  expect_golden<CertificateProperties>(
      {{"0a026f75", [](auto& m) { m.add_organizational_unit("ou"); }}});
  expect_golden<LogRateLimit>(
      {{"08ffffffffffffffffff01", [](auto& m) { m.set_bytes_per_second(-1); }}});
  expect_golden<MetricTagValue>(
      {{"0a0173", [](auto& m) { m.set_static_("s"); }},
       {"1002", [](auto& m) { m.set_dynamic(MetricTagValue::INSTANCE_GUID); }}});
  expect_golden<ResourceLimits>(
      {{"0800", [](auto& m) { m.set_nofile(0); }}, {"1007", [](auto& m) { m.set_nproc(7); }}});
  EXPECT_EQ(encode(ResourceLimits()), "") << "absent is not 0";
}

TEST(GoldenDesired, egress_rules) {
  expect_golden<PortRange>(
      {{"0801", [](auto& m) { m.set_start(1); }}, {"10ffff03", [](auto& m) { m.set_end(65535); }}});
  expect_golden<ICMPInfo>({{"08ffffffffffffffffff01", [](auto& m) { m.set_type(-1); }},
                           {"1003", [](auto& m) { m.set_code(3); }}});
  expect_golden<SecurityGroupRule>({
      {"0a03746370", [](auto& m) { m.set_protocol("tcp"); }},
      {"12033a3a31", [](auto& m) { m.add_destinations("::1"); }},
      {"185018bb03",
       [](auto& m) {
         m.add_ports(80);
         m.add_ports(443);
       }},
      {"22020801", [](auto& m) { m.mutable_port_range()->set_start(1); }},
      {"2a020808", [](auto& m) { m.mutable_icmp_info()->set_type(8); }},
      {"3001", [](auto& m) { m.set_log(true); }},
      {"3a0161", [](auto& m) { m.add_annotations("a"); }},
  });
}

TEST(GoldenDesired, volumes_layers_and_dependencies) {
  expect_golden<SharedDevice>({{"0a0176", [](auto& m) { m.set_volume_id("v"); }},
                               {"12027b7d", [](auto& m) { m.set_mount_config("{}"); }}});
  expect_golden<DedicatedDevice>({{"0a016d", [](auto& m) { m.set_mounter_id("m"); }},
                                  {"12027b7d", [](auto& m) { m.set_mount_config("{}"); }},
                                  {"1a0164", [](auto& m) { m.set_device_config("d"); }}});
  expect_golden<VolumeMount>({
      {"0a036e6673", [](auto& m) { m.set_driver("nfs"); }},
      {"1a022f64", [](auto& m) { m.set_container_dir("/d"); }},
      {"32027277", [](auto& m) { m.set_mode("rw"); }},
      {"3a030a0176", [](auto& m) { m.mutable_shared()->set_volume_id("v"); }},
      {"42030a016d", [](auto& m) { m.mutable_dedicated()->set_mounter_id("m"); }},
  });
  expect_golden<VolumePlacement>({{"0a036e6673", [](auto& m) { m.add_driver_names("nfs"); }}});
  expect_golden<CachedDependency>({
      {"0a016e", [](auto& m) { m.set_name("n"); }},
      {"120166", [](auto& m) { m.set_from("f"); }},
      {"1a0174", [](auto& m) { m.set_to("t"); }},
      {"22016b", [](auto& m) { m.set_cache_key("k"); }},
      {"2a016c", [](auto& m) { m.set_log_source("l"); }},
      {"32036d6435", [](auto& m) { m.set_checksum_algorithm("md5"); }},
      {"3a0176", [](auto& m) { m.set_checksum_value("v"); }},
  });
  expect_golden<ImageLayer>({
      {"0a016e", [](auto& m) { m.set_name("n"); }},
      {"120175", [](auto& m) { m.set_url("u"); }},
      {"1a022f78", [](auto& m) { m.set_destination_path("/x"); }},
      {"2002", [](auto& m) { m.set_layer_type(ImageLayer::EXCLUSIVE); }},
      {"2803", [](auto& m) { m.set_media_type(ImageLayer::ZIP); }},
      {"3001", [](auto& m) { m.set_digest_algorithm(ImageLayer::SHA256); }},
      {"3a0164", [](auto& m) { m.set_digest_value("d"); }},
  });
}

TEST(GoldenDesired, checks_and_sidecars) {
  expect_golden<TCPCheck>({{"0850", [](auto& m) { m.set_port(80); }},
                           {"1005", [](auto& m) { m.set_connect_timeout_ms(5); }},
                           {"1806", [](auto& m) { m.set_interval_ms(6); }}});
  expect_golden<HTTPCheck>({{"0850", [](auto& m) { m.set_port(80); }},
                            {"1005", [](auto& m) { m.set_request_timeout_ms(5); }},
                            {"1a012f", [](auto& m) { m.set_path("/"); }},
                            {"2006", [](auto& m) { m.set_interval_ms(6); }}});
  expect_golden<Check>({{"0a020850", [](auto& m) { m.mutable_tcp_check()->set_port(80); }},
                        {"1200", [](auto& m) { m.mutable_http_check(); }}});
  expect_golden<CheckDefinition>({{"0a00", [](auto& m) { m.add_checks(); }},
                                  {"12016c", [](auto& m) { m.set_log_source("l"); }},
                                  {"1a00", [](auto& m) { m.add_readiness_checks(); }}});
  expect_golden<Sidecar>({{"0a00", [](auto& m) { m.mutable_action(); }},
                          {"1005", [](auto& m) { m.set_disk_mb(5); }},
                          {"1806", [](auto& m) { m.set_memory_mb(6); }}});
}

TEST(GoldenDesired, every_kind_of_action) {
  expect_golden<Action>({
      {"0a00", [](auto& m) { m.mutable_download_action(); }},
      {"1200", [](auto& m) { m.mutable_upload_action(); }},
      {"1a00", [](auto& m) { m.mutable_run_action(); }},
      {"2200", [](auto& m) { m.mutable_timeout_action(); }},
      {"2a00", [](auto& m) { m.mutable_emit_progress_action(); }},
      {"3200", [](auto& m) { m.mutable_try_action(); }},
      {"3a00", [](auto& m) { m.mutable_parallel_action(); }},
      {"4200", [](auto& m) { m.mutable_serial_action(); }},
      {"4a00", [](auto& m) { m.mutable_codependent_action(); }},
  });
  expect_golden<DownloadAction>({
      {"0a0161", [](auto& m) { m.set_artifact("a"); }},
      {"120166", [](auto& m) { m.set_from("f"); }},
      {"1a0174", [](auto& m) { m.set_to("t"); }},
      {"22016b", [](auto& m) { m.set_cache_key("k"); }},
      {"2a016c", [](auto& m) { m.set_log_source("l"); }},
      {"320175", [](auto& m) { m.set_user("u"); }},
      {"3a036d6435", [](auto& m) { m.set_checksum_algorithm("md5"); }},
      {"420176", [](auto& m) { m.set_checksum_value("v"); }},
  });
  expect_golden<UploadAction>({{"0a0161", [](auto& m) { m.set_artifact("a"); }},
                               {"120166", [](auto& m) { m.set_from("f"); }},
                               {"1a0174", [](auto& m) { m.set_to("t"); }},
                               {"22016c", [](auto& m) { m.set_log_source("l"); }},
                               {"2a0175", [](auto& m) { m.set_user("u"); }}});
  expect_golden<RunAction>({
      {"0a022f61", [](auto& m) { m.set_path("/a"); }},
      {"12022d781200",
       [](auto& m) {
         m.add_args("-x");
         m.add_args("");
       }},
      {"1a022f64", [](auto& m) { m.set_dir("/d"); }},
      {"22030a014e", [](auto& m) { m.add_env()->set_name("N"); }},
      {"2a020809", [](auto& m) { m.mutable_resource_limits()->set_nofile(9); }},
      {"320175", [](auto& m) { m.set_user("u"); }},
      {"3a016c", [](auto& m) { m.set_log_source("l"); }},
      {"4001", [](auto& m) { m.set_suppress_log_output(true); }},
      {"4a030a0170", [](auto& m) { m.add_volume_mounted_files()->set_path("p"); }},
  });
  expect_golden<TimeoutAction>(
      {{"0a00", [](auto& m) { m.mutable_action(); }},
       {"108094ebdc03", [](auto& m) { m.set_deprecated_timeout_ns(1'000'000'000); }},
       {"1a016c", [](auto& m) { m.set_log_source("l"); }},
       {"20e807", [](auto& m) { m.set_timeout_ms(1000); }}});
  expect_golden<EmitProgressAction>({{"0a00", [](auto& m) { m.mutable_action(); }},
                                     {"120173", [](auto& m) { m.set_start_message("s"); }},
                                     {"1a0167", [](auto& m) { m.set_success_message("g"); }},
                                     {"220162", [](auto& m) { m.set_failure_message_prefix("b"); }},
                                     {"2a016c", [](auto& m) { m.set_log_source("l"); }}});
  expect_golden<TryAction>({{"0a00", [](auto& m) { m.mutable_action(); }},
                            {"12016c", [](auto& m) { m.set_log_source("l"); }}});
  expect_golden<ParallelAction>({{"0a000a00",
                                  [](auto& m) {
                                    m.add_actions();
                                    m.add_actions();
                                  }},
                                 {"12016c", [](auto& m) { m.set_log_source("l"); }}});
  expect_golden<SerialAction>({{"0a00", [](auto& m) { m.add_actions(); }},
                               {"12016c", [](auto& m) { m.set_log_source("l"); }}});
  expect_golden<CodependentAction>({{"0a00", [](auto& m) { m.add_actions(); }},
                                    {"12016c", [](auto& m) { m.set_log_source("l"); }}});
}

TEST(GoldenDesired, desired_lrp) {
  expect_golden<DesiredLRP>({
      {"0a0170", [](auto& m) { m.set_process_guid("p"); }},
      {"120164", [](auto& m) { m.set_domain("d"); }},
      {"1a03723a73", [](auto& m) { m.set_root_fs("r:s"); }},
      {"2002", [](auto& m) { m.set_instances(2); }},
      {"2a030a014e", [](auto& m) { m.add_environment_variables()->set_name("N"); }},
      {"32021a00", [](auto& m) { m.mutable_setup()->mutable_run_action(); }},
      {"3a061a040a022f61",
       [](auto& m) { m.mutable_action()->mutable_run_action()->set_path("/a"); }},
      {"403c", [](auto& m) { m.set_deprecated_start_timeout_s(60); }},
      {"4a00", [](auto& m) { m.mutable_monitor(); }},
      {"508008", [](auto& m) { m.set_disk_mb(1024); }},
      {"5840", [](auto& m) { m.set_memory_mb(64); }},
      {"6064", [](auto& m) { m.set_cpu_weight(100); }},
      {"6801", [](auto& m) { m.set_privileged(true); }},
      {"70903f70ae11",
       [](auto& m) {
         m.add_ports(8080);
         m.add_ports(2222);
       }},
      {"7a090a070a016b12025b5d",
       [](auto& m) { (*m.mutable_routes()->mutable_routes())["k"] = "[]"; }},
      {"820103415050", [](auto& m) { m.set_log_source("APP"); }},
      {"8a01026c67", [](auto& m) { m.set_log_guid("lg"); }},
      {"9201026d67", [](auto& m) { m.set_metrics_guid("mg"); }},
      {"9a0102616e", [](auto& m) { m.set_annotation("an"); }},
      {"a201050a03616c6c", [](auto& m) { m.add_egress_rules()->set_protocol("all"); }},
      {"aa01050a01651001",
       [](auto& m) {
         m.mutable_modification_tag()->set_epoch("e");
         m.mutable_modification_tag()->set_index(1);
       }},
      {"b201030a016e", [](auto& m) { m.add_cached_dependencies()->set_name("n"); }},
      {"ba010175", [](auto& m) { m.set_legacy_download_user("u"); }},
      {"c201022f63", [](auto& m) { m.set_trusted_system_certificates_path("/c"); }},
      {"ca01050a036e6673", [](auto& m) { m.add_volume_mounts()->set_driver("nfs"); }},
      {"d20100", [](auto& m) { m.mutable_network(); }},
      {"d801e0d403", [](auto& m) { m.set_start_timeout_ms(60'000); }},
      {"e2010174", [](auto& m) { m.add_placement_tags("t"); }},
      {"e8018002", [](auto& m) { m.set_max_pids(256); }},
      {"f201030a016f",
       [](auto& m) { m.mutable_certificate_properties()->add_organizational_unit("o"); }},
      {"fa01026975", [](auto& m) { m.set_image_username("iu"); }},
      {"8202026970", [](auto& m) { m.set_image_password("ip"); }},
      {"8a0203120148", [](auto& m) { m.mutable_check_definition()->set_log_source("H"); }},
      {"920203120175", [](auto& m) { m.add_image_layers()->set_url("u"); }},
      {"9a02100a09736f757263655f696412030a0173",
       [](auto& m) { (*m.mutable_metric_tags())["source_id"].set_static_("s"); }},
      {"a202021808", [](auto& m) { m.add_sidecars()->set_memory_mb(8); }},
      {"aa020b08ffffffffffffffffff01",
       [](auto& m) { m.mutable_log_rate_limit()->set_bytes_per_second(-1); }},
      {"b202030a0166", [](auto& m) { m.add_volume_mounted_files()->set_path("f"); }},
      {"b80201", [](auto& m) { m.set_update_strategy(DesiredLRP::RECREATE); }},
  });
}

TEST(GoldenDesired, run_info) {
  expect_golden<DesiredLRPRunInfo>({
      {"0a030a0170", [](auto& m) { m.mutable_desired_lrp_key()->set_process_guid("p"); }},
      {"12030a014e", [](auto& m) { m.add_environment_variables()->set_name("N"); }},
      {"1a00", [](auto& m) { m.mutable_setup(); }},
      {"2200", [](auto& m) { m.mutable_action(); }},
      {"2a00", [](auto& m) { m.mutable_monitor(); }},
      {"303c", [](auto& m) { m.set_deprecated_start_timeout_s(60); }},
      {"3801", [](auto& m) { m.set_privileged(true); }},
      {"4005", [](auto& m) { m.set_cpu_weight(5); }},
      {"48504851",
       [](auto& m) {
         m.add_ports(80);
         m.add_ports(81);
       }},
      {"52050a03616c6c", [](auto& m) { m.add_egress_rules()->set_protocol("all"); }},
      {"5a016c", [](auto& m) { m.set_log_source("l"); }},
      {"62026d67", [](auto& m) { m.set_metrics_guid("mg"); }},
      {"6807", [](auto& m) { m.set_created_at(7); }},
      {"72030a016e", [](auto& m) { m.add_cached_dependencies()->set_name("n"); }},
      {"7a0175", [](auto& m) { m.set_legacy_download_user("u"); }},
      {"8201022f63", [](auto& m) { m.set_trusted_system_certificates_path("/c"); }},
      {"8a01050a036e6673", [](auto& m) { m.add_volume_mounts()->set_driver("nfs"); }},
      {"920100", [](auto& m) { m.mutable_network(); }},
      {"980109", [](auto& m) { m.set_start_timeout_ms(9); }},
      {"a20100", [](auto& m) { m.mutable_certificate_properties(); }},
      {"aa01026975", [](auto& m) { m.set_image_username("iu"); }},
      {"b201026970", [](auto& m) { m.set_image_password("ip"); }},
      {"ba0100", [](auto& m) { m.mutable_check_definition(); }},
      {"c20103120175", [](auto& m) { m.add_image_layers()->set_url("u"); }},
      {"ca01070a017412021001",
       [](auto& m) { (*m.mutable_metric_tags())["t"].set_dynamic(MetricTagValue::INDEX); }},
      {"d201021808", [](auto& m) { m.add_sidecars()->set_memory_mb(8); }},
      {"da01020805", [](auto& m) { m.mutable_log_rate_limit()->set_bytes_per_second(5); }},
      {"e201030a0166", [](auto& m) { m.add_volume_mounted_files()->set_path("f"); }},
  });
}

TEST(GoldenDesired, scheduling_info) {
  expect_golden<DesiredLRPKey>({{"0a0170", [](auto& m) { m.set_process_guid("p"); }},
                                {"120164", [](auto& m) { m.set_domain("d"); }},
                                {"1a016c", [](auto& m) { m.set_log_guid("l"); }}});
  expect_golden<DesiredLRPResource>({{"0840", [](auto& m) { m.set_memory_mb(64); }},
                                     {"108001", [](auto& m) { m.set_disk_mb(128); }},
                                     {"1a0172", [](auto& m) { m.set_root_fs("r"); }},
                                     {"2009", [](auto& m) { m.set_max_pids(9); }}});
  expect_golden<DesiredLRPSchedulingInfo>({
      {"0a030a0170", [](auto& m) { m.mutable_desired_lrp_key()->set_process_guid("p"); }},
      {"120161", [](auto& m) { m.set_annotation("a"); }},
      {"1802", [](auto& m) { m.set_instances(2); }},
      {"22020840", [](auto& m) { m.mutable_desired_lrp_resource()->set_memory_mb(64); }},
      {"2a080a060a016b120131", [](auto& m) { (*m.mutable_routes()->mutable_routes())["k"] = "1"; }},
      {"32030a0165", [](auto& m) { m.mutable_modification_tag()->set_epoch("e"); }},
      {"3a050a036e6673", [](auto& m) { m.mutable_volume_placement()->add_driver_names("nfs"); }},
      {"420174", [](auto& m) { m.add_placement_tags("t"); }},
  });
  DesiredLRPSchedulingInfo empty;
  set_always_written(empty);
  EXPECT_EQ(to_hex(encode(empty)), "0a0022002a003200");
}

TEST(GoldenDesired, an_update_tells_zero_from_absent) {
  expect_golden<DesiredLRPUpdate>({
      {"0800", [](auto& m) { m.set_instances(0); }},
      {"1200", [](auto& m) { m.mutable_routes(); }},
      {"1a00", [](auto& m) { m.set_annotation(""); }},
      {"22080a017412030a0173", [](auto& m) { (*m.mutable_metric_tags())["t"].set_static_("s"); }},
      {"2a00", [](auto& m) { m.set_image_username(""); }},
      {"320170", [](auto& m) { m.set_image_password("p"); }},
  });
}

TEST(GoldenDesired, requests_and_responses) {
  expect_golden<DesiredLRPsRequest>({{"0a0164", [](auto& m) { m.set_domain("d"); }},
                                     {"120170", [](auto& m) { m.add_process_guids("p"); }},
                                     {"1a0161", [](auto& m) { m.add_app_guids("a"); }}});
  expect_golden<DesiredLRPByProcessGuidRequest>(
      {{"0a0170", [](auto& m) { m.set_process_guid("p"); }}});
  expect_golden<DesireLRPRequest>({{"0a00", [](auto& m) { m.mutable_desired_lrp(); }}});
  expect_golden<UpdateDesiredLRPRequest>(
      {{"0a0170", [](auto& m) { m.set_process_guid("p"); }},
       {"12020803", [](auto& m) { m.mutable_update()->set_instances(3); }}});
  expect_golden<RemoveDesiredLRPRequest>({{"0a0170", [](auto& m) { m.set_process_guid("p"); }}});
  expect_golden<DesiredLRPLifecycleResponse>(
      {{"0a02080c", [](auto& m) { m.mutable_error()->set_type(models::Error::ResourceExists); }}});
  expect_golden<DesiredLRPsResponse>(
      {{"0a00", [](auto& m) { m.mutable_error(); }},
       {"12030a0170", [](auto& m) { m.add_desired_lrps()->set_process_guid("p"); }}});
  expect_golden<DesiredLRPResponse>(
      {{"0a00", [](auto& m) { m.mutable_error(); }},
       {"12030a0170", [](auto& m) { m.mutable_desired_lrp()->set_process_guid("p"); }}});
  expect_golden<DesiredLRPSchedulingInfosResponse>(
      {{"0a00", [](auto& m) { m.mutable_error(); }},
       {"1200", [](auto& m) { m.add_desired_lrp_scheduling_infos(); }}});
  expect_golden<DesiredLRPSchedulingInfoByProcessGuidResponse>(
      {{"0a00", [](auto& m) { m.mutable_error(); }},
       {"1200", [](auto& m) { m.mutable_desired_lrp_scheduling_info(); }}});
}

// What a newer client says is not lost on its way through an older bbs.
TEST(GoldenDesired, unknown_fields_are_kept) {
  constexpr std::string_view hex = "0a0170980601a206030a0178";
  DesiredLRP lrp;
  ASSERT_TRUE(decode(from_hex(hex), lrp));
  EXPECT_EQ(lrp.process_guid(), "p");
  EXPECT_EQ(to_hex(encode(lrp)), hex);
}

}  // namespace
}  // namespace causeway::cf
