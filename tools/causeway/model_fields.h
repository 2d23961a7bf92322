#pragma once

// Internal to model_json: one description of every message, walked by who writes JSON and by who
// reads it. A walker has text, number, flag, list, ... for each kind of field; `F::always` fields
// are written even when they are empty.

#include "cf/models/models.h"

namespace causeway::cli {

enum class F { always, unless_empty };

#define CAUSEWAY_NUMBER(walker, name, message, field, rule) \
  walker.number(                                            \
      name, message.field(), [&message](auto n) { message.set_##field(n); }, rule)

template <class W>
void fields(W& w, models::ModificationTag& m) {
  w.text("epoch", *m.mutable_epoch(), F::always);
  CAUSEWAY_NUMBER(w, "index", m, index, F::always);
}

template <class W>
void fields(W& w, models::EnvironmentVariable& m) {
  w.text("name", *m.mutable_name(), F::always);
  w.text("value", *m.mutable_value(), F::always);
}

template <class W>
void fields(W& w, models::File& m) {
  w.text("path", *m.mutable_path(), F::always);
  w.text("content", *m.mutable_content(), F::always);
}

template <class W>
void fields(W& w, models::ResourceLimits& m) {
  w.optional("nofile", m.has_nofile(), m.nofile(), [&m](auto n) { m.set_nofile(n); });
  w.optional("nproc", m.has_nproc(), m.nproc(), [&m](auto n) { m.set_nproc(n); });
}

template <class W>
void fields(W& w, models::Action& m);

template <class W>
void fields(W& w, models::DownloadAction& m) {
  w.text("artifact", *m.mutable_artifact(), F::unless_empty);
  w.text("from", *m.mutable_from(), F::always);
  w.text("to", *m.mutable_to(), F::always);
  w.text("cache_key", *m.mutable_cache_key(), F::always);
  w.text("log_source", *m.mutable_log_source(), F::unless_empty);
  w.text("user", *m.mutable_user(), F::always);
  w.text("checksum_algorithm", *m.mutable_checksum_algorithm(), F::unless_empty);
  w.text("checksum_value", *m.mutable_checksum_value(), F::unless_empty);
}

template <class W>
void fields(W& w, models::UploadAction& m) {
  w.text("artifact", *m.mutable_artifact(), F::unless_empty);
  w.text("from", *m.mutable_from(), F::always);
  w.text("to", *m.mutable_to(), F::always);
  w.text("log_source", *m.mutable_log_source(), F::unless_empty);
  w.text("user", *m.mutable_user(), F::always);
}

template <class W>
void fields(W& w, models::RunAction& m) {
  w.text("path", *m.mutable_path(), F::always);
  w.texts("args", *m.mutable_args());
  w.text("dir", *m.mutable_dir(), F::unless_empty);
  w.list("env", *m.mutable_env(), F::unless_empty);
  w.part("resource_limits", m.has_resource_limits(), [&m] { return m.mutable_resource_limits(); });
  w.text("user", *m.mutable_user(), F::always);
  w.text("log_source", *m.mutable_log_source(), F::unless_empty);
  w.flag(
      "suppress_log_output", m.suppress_log_output(),
      [&m](bool b) { m.set_suppress_log_output(b); }, F::always);
  w.list("volume_mounted_files", *m.mutable_volume_mounted_files(), F::unless_empty);
}

template <class W>
void fields(W& w, models::TimeoutAction& m) {
  w.part("action", m.has_action(), [&m] { return m.mutable_action(); });
  CAUSEWAY_NUMBER(w, "timeout", m, deprecated_timeout_ns, F::unless_empty);
  w.text("log_source", *m.mutable_log_source(), F::unless_empty);
  CAUSEWAY_NUMBER(w, "timeout_ms", m, timeout_ms, F::always);
}

template <class W>
void fields(W& w, models::EmitProgressAction& m) {
  w.part("action", m.has_action(), [&m] { return m.mutable_action(); });
  w.text("start_message", *m.mutable_start_message(), F::always);
  w.text("success_message", *m.mutable_success_message(), F::always);
  w.text("failure_message_prefix", *m.mutable_failure_message_prefix(), F::always);
  w.text("log_source", *m.mutable_log_source(), F::unless_empty);
}

template <class W>
void fields(W& w, models::TryAction& m) {
  w.part("action", m.has_action(), [&m] { return m.mutable_action(); });
  w.text("log_source", *m.mutable_log_source(), F::unless_empty);
}

template <class W, class Several>
void fields_of_several(W& w, Several& m) {
  w.list("actions", *m.mutable_actions(), F::unless_empty);
  w.text("log_source", *m.mutable_log_source(), F::unless_empty);
}
template <class W>
void fields(W& w, models::ParallelAction& m) {
  fields_of_several(w, m);
}
template <class W>
void fields(W& w, models::SerialAction& m) {
  fields_of_several(w, m);
}
template <class W>
void fields(W& w, models::CodependentAction& m) {
  fields_of_several(w, m);
}

template <class W>
void fields(W& w, models::Action& m) {
  w.part("download", m.has_download_action(), [&m] { return m.mutable_download_action(); });
  w.part("upload", m.has_upload_action(), [&m] { return m.mutable_upload_action(); });
  w.part("run", m.has_run_action(), [&m] { return m.mutable_run_action(); });
  w.part("timeout", m.has_timeout_action(), [&m] { return m.mutable_timeout_action(); });
  w.part("emit_progress", m.has_emit_progress_action(),
         [&m] { return m.mutable_emit_progress_action(); });
  w.part("try", m.has_try_action(), [&m] { return m.mutable_try_action(); });
  w.part("parallel", m.has_parallel_action(), [&m] { return m.mutable_parallel_action(); });
  w.part("serial", m.has_serial_action(), [&m] { return m.mutable_serial_action(); });
  w.part("codependent", m.has_codependent_action(),
         [&m] { return m.mutable_codependent_action(); });
}

template <class W>
void fields(W& w, models::PortRange& m) {
  CAUSEWAY_NUMBER(w, "start", m, start, F::always);
  CAUSEWAY_NUMBER(w, "end", m, end, F::always);
}

template <class W>
void fields(W& w, models::ICMPInfo& m) {
  CAUSEWAY_NUMBER(w, "type", m, type, F::always);
  CAUSEWAY_NUMBER(w, "code", m, code, F::always);
}

template <class W>
void fields(W& w, models::SecurityGroupRule& m) {
  w.text("protocol", *m.mutable_protocol(), F::unless_empty);
  w.texts("destinations", *m.mutable_destinations());
  w.numbers("ports", *m.mutable_ports());
  w.part("port_range", m.has_port_range(), [&m] { return m.mutable_port_range(); });
  w.part("icmp_info", m.has_icmp_info(), [&m] { return m.mutable_icmp_info(); });
  w.flag(
      "log", m.log(), [&m](bool b) { m.set_log(b); }, F::always);
  w.texts("annotations", *m.mutable_annotations());
}

template <class W>
void fields(W& w, models::CachedDependency& m) {
  w.text("name", *m.mutable_name(), F::always);
  w.text("from", *m.mutable_from(), F::always);
  w.text("to", *m.mutable_to(), F::always);
  w.text("cache_key", *m.mutable_cache_key(), F::always);
  w.text("log_source", *m.mutable_log_source(), F::always);
  w.text("checksum_algorithm", *m.mutable_checksum_algorithm(), F::unless_empty);
  w.text("checksum_value", *m.mutable_checksum_value(), F::unless_empty);
}

template <class W>
void fields(W& w, models::SharedDevice& m) {
  w.text("volume_id", *m.mutable_volume_id(), F::always);
  w.text("mount_config", *m.mutable_mount_config(), F::always);
}

template <class W>
void fields(W& w, models::DedicatedDevice& m) {
  w.text("mounter_id", *m.mutable_mounter_id(), F::always);
  w.text("mount_config", *m.mutable_mount_config(), F::always);
  w.text("device_config", *m.mutable_device_config(), F::always);
}

template <class W>
void fields(W& w, models::VolumeMount& m) {
  w.text("driver", *m.mutable_driver(), F::always);
  w.text("container_dir", *m.mutable_container_dir(), F::always);
  w.text("mode", *m.mutable_mode(), F::always);
  w.part("shared", m.has_shared(), [&m] { return m.mutable_shared(); });
  w.part("dedicated", m.has_dedicated(), [&m] { return m.mutable_dedicated(); });
}

template <class W>
void fields(W& w, models::Network& m) {
  w.texts_by_name("properties", *m.mutable_properties());
}

template <class W>
void fields(W& w, models::CertificateProperties& m) {
  w.texts("organizational_unit", *m.mutable_organizational_unit());
}

template <class W>
void fields(W& w, models::LogRateLimit& m) {
  CAUSEWAY_NUMBER(w, "bytes_per_second", m, bytes_per_second, F::unless_empty);
}

template <class W>
void fields(W& w, models::TCPCheck& m) {
  CAUSEWAY_NUMBER(w, "port", m, port, F::always);
  CAUSEWAY_NUMBER(w, "connect_timeout_ms", m, connect_timeout_ms, F::unless_empty);
  CAUSEWAY_NUMBER(w, "interval_ms", m, interval_ms, F::unless_empty);
}

template <class W>
void fields(W& w, models::HTTPCheck& m) {
  CAUSEWAY_NUMBER(w, "port", m, port, F::always);
  CAUSEWAY_NUMBER(w, "request_timeout_ms", m, request_timeout_ms, F::unless_empty);
  w.text("path", *m.mutable_path(), F::always);
  CAUSEWAY_NUMBER(w, "interval_ms", m, interval_ms, F::unless_empty);
}

template <class W>
void fields(W& w, models::Check& m) {
  w.part("tcp_check", m.has_tcp_check(), [&m] { return m.mutable_tcp_check(); });
  w.part("http_check", m.has_http_check(), [&m] { return m.mutable_http_check(); });
}

template <class W>
void fields(W& w, models::CheckDefinition& m) {
  w.list("checks", *m.mutable_checks(), F::unless_empty);
  w.text("log_source", *m.mutable_log_source(), F::always);
  w.list("readiness_checks", *m.mutable_readiness_checks(), F::unless_empty);
}

template <class W>
void fields(W& w, models::ImageLayer& m) {
  using models::ImageLayer;
  w.text("name", *m.mutable_name(), F::unless_empty);
  w.text("url", *m.mutable_url(), F::always);
  w.text("destination_path", *m.mutable_destination_path(), F::always);
  w.choice(
      "layer_type", m.layer_type(), [&m](auto c) { m.set_layer_type(c); },
      ImageLayer::Type_Name<ImageLayer::Type>, ImageLayer::Type_Parse, F::always);
  w.choice(
      "media_type", m.media_type(), [&m](auto c) { m.set_media_type(c); },
      ImageLayer::MediaType_Name<ImageLayer::MediaType>, ImageLayer::MediaType_Parse, F::always);
  w.choice(
      "digest_algorithm", m.digest_algorithm(), [&m](auto c) { m.set_digest_algorithm(c); },
      ImageLayer::DigestAlgorithm_Name<ImageLayer::DigestAlgorithm>,
      ImageLayer::DigestAlgorithm_Parse, F::unless_empty);
  w.text("digest_value", *m.mutable_digest_value(), F::unless_empty);
}

template <class W>
void fields(W& w, models::MetricTagValue& m) {
  w.text("static", *m.mutable_static_(), F::unless_empty);
  using models::MetricTagValue;
  w.choice(
      "dynamic", m.dynamic(), [&m](auto c) { m.set_dynamic(c); },
      MetricTagValue::DynamicValue_Name<MetricTagValue::DynamicValue>,
      MetricTagValue::DynamicValue_Parse, F::unless_empty);
}

template <class W>
void fields(W& w, models::Sidecar& m) {
  w.part("action", m.has_action(), [&m] { return m.mutable_action(); });
  CAUSEWAY_NUMBER(w, "disk_mb", m, disk_mb, F::always);
  CAUSEWAY_NUMBER(w, "memory_mb", m, memory_mb, F::always);
}

template <class W>
void fields(W& w, models::DesiredLRP& m) {
  w.text("process_guid", *m.mutable_process_guid(), F::always);
  w.text("domain", *m.mutable_domain(), F::always);
  w.text("rootfs", *m.mutable_root_fs(), F::always);
  CAUSEWAY_NUMBER(w, "instances", m, instances, F::always);
  w.list("env", *m.mutable_environment_variables(), F::always);
  w.part("setup", m.has_setup(), [&m] { return m.mutable_setup(); });
  w.part("action", m.has_action(), [&m] { return m.mutable_action(); });
  CAUSEWAY_NUMBER(w, "start_timeout_ms", m, start_timeout_ms, F::always);
  CAUSEWAY_NUMBER(w, "deprecated_timeout_ns", m, deprecated_start_timeout_s, F::unless_empty);
  w.part("monitor", m.has_monitor(), [&m] { return m.mutable_monitor(); });
  CAUSEWAY_NUMBER(w, "disk_mb", m, disk_mb, F::always);
  CAUSEWAY_NUMBER(w, "memory_mb", m, memory_mb, F::always);
  CAUSEWAY_NUMBER(w, "cpu_weight", m, cpu_weight, F::always);
  w.flag(
      "privileged", m.privileged(), [&m](bool b) { m.set_privileged(b); }, F::always);
  w.numbers("ports", *m.mutable_ports());
  w.routes("routes", m.has_routes(), [&m] { return m.mutable_routes(); });
  w.text("log_source", *m.mutable_log_source(), F::always);
  w.text("log_guid", *m.mutable_log_guid(), F::always);
  w.text("metrics_guid", *m.mutable_metrics_guid(), F::always);
  w.text("annotation", *m.mutable_annotation(), F::always);
  w.list("egress_rules", *m.mutable_egress_rules(), F::unless_empty);
  w.part("modification_tag", m.has_modification_tag(),
         [&m] { return m.mutable_modification_tag(); });
  w.list("cached_dependencies", *m.mutable_cached_dependencies(), F::unless_empty);
  w.text("legacy_download_user", *m.mutable_legacy_download_user(), F::unless_empty);
  w.text("trusted_system_certificates_path", *m.mutable_trusted_system_certificates_path(),
         F::unless_empty);
  w.list("volume_mounts", *m.mutable_volume_mounts(), F::unless_empty);
  w.part("network", m.has_network(), [&m] { return m.mutable_network(); });
  w.texts("placement_tags", *m.mutable_placement_tags());
  CAUSEWAY_NUMBER(w, "max_pids", m, max_pids, F::always);
  w.part("certificate_properties", m.has_certificate_properties(),
         [&m] { return m.mutable_certificate_properties(); });
  w.text("image_username", *m.mutable_image_username(), F::unless_empty);
  w.text("image_password", *m.mutable_image_password(), F::unless_empty);
  w.part("check_definition", m.has_check_definition(),
         [&m] { return m.mutable_check_definition(); });
  w.list("image_layers", *m.mutable_image_layers(), F::unless_empty);
  w.parts_by_name("metric_tags", *m.mutable_metric_tags());
  w.list("sidecars", *m.mutable_sidecars(), F::unless_empty);
  w.part("log_rate_limit", m.has_log_rate_limit(), [&m] { return m.mutable_log_rate_limit(); });
  w.list("volume_mounted_files", *m.mutable_volume_mounted_files(), F::unless_empty);
  w.number(
      "update_strategy", static_cast<int32_t>(m.update_strategy()),
      [&m](auto n) { m.set_update_strategy(static_cast<models::DesiredLRP::UpdateStrategy>(n)); },
      F::unless_empty);
}

template <class W>
void fields(W& w, models::VolumePlacement& m) {
  w.texts("driver_names", *m.mutable_driver_names());
}

template <class W>
void fields(W& w, models::DesiredLRPSchedulingInfo& m) {
  auto& key = *m.mutable_desired_lrp_key();
  w.text("process_guid", *key.mutable_process_guid(), F::always);
  w.text("domain", *key.mutable_domain(), F::always);
  w.text("log_guid", *key.mutable_log_guid(), F::always);
  w.text("annotation", *m.mutable_annotation(), F::always);
  CAUSEWAY_NUMBER(w, "instances", m, instances, F::always);
  auto& resource = *m.mutable_desired_lrp_resource();
  CAUSEWAY_NUMBER(w, "memory_mb", resource, memory_mb, F::always);
  CAUSEWAY_NUMBER(w, "disk_mb", resource, disk_mb, F::always);
  w.text("rootfs", *resource.mutable_root_fs(), F::always);
  CAUSEWAY_NUMBER(w, "max_pids", resource, max_pids, F::always);
  w.routes("routes", true, [&m] { return m.mutable_routes(); });
  w.part("modification_tag", true, [&m] { return m.mutable_modification_tag(); });
  w.part("volume_placement", m.has_volume_placement(),
         [&m] { return m.mutable_volume_placement(); });
  w.texts("placement_tags", *m.mutable_placement_tags());
}

template <class W>
void fields(W& w, models::DesiredLRPUpdate& m) {
  w.optional("instances", m.has_instances(), m.instances(), [&m](auto n) { m.set_instances(n); });
  w.routes("routes", m.has_routes(), [&m] { return m.mutable_routes(); });
  w.optional_text("annotation", m.has_annotation(), [&m] { return m.mutable_annotation(); });
  w.parts_by_name("metric_tags", *m.mutable_metric_tags());
  w.optional_text("image_username", m.has_image_username(),
                  [&m] { return m.mutable_image_username(); });
  w.optional_text("image_password", m.has_image_password(),
                  [&m] { return m.mutable_image_password(); });
}

template <class W>
void fields(W& w, models::PortMapping& m) {
  CAUSEWAY_NUMBER(w, "container_port", m, container_port, F::always);
  CAUSEWAY_NUMBER(w, "host_port", m, host_port, F::always);
  CAUSEWAY_NUMBER(w, "container_tls_proxy_port", m, container_tls_proxy_port, F::always);
  CAUSEWAY_NUMBER(w, "host_tls_proxy_port", m, host_tls_proxy_port, F::always);
}

template <class W>
void fields(W& w, models::ActualLRPInternalRoute& m) {
  w.text("hostname", *m.mutable_hostname(), F::always);
}

template <class W>
void fields(W& w, models::ActualLRPKey& m) {
  w.text("process_guid", *m.mutable_process_guid(), F::always);
  CAUSEWAY_NUMBER(w, "index", m, index, F::always);
  w.text("domain", *m.mutable_domain(), F::always);
}

template <class W>
void fields(W& w, models::ActualLRPInstanceKey& m) {
  w.text("instance_guid", *m.mutable_instance_guid(), F::always);
  w.text("cell_id", *m.mutable_cell_id(), F::always);
}

template <class W>
void fields(W& w, models::ActualLRPNetInfo& m) {
  using models::ActualLRPNetInfo;
  w.text("address", *m.mutable_address(), F::always);
  w.list("ports", *m.mutable_ports(), F::always);
  w.text("instance_address", *m.mutable_instance_address(), F::unless_empty);
  w.choice(
      "preferred_address", m.preferred_address(), [&m](auto c) { m.set_preferred_address(c); },
      ActualLRPNetInfo::PreferredAddress_Name<ActualLRPNetInfo::PreferredAddress>,
      ActualLRPNetInfo::PreferredAddress_Parse, F::always);
  w.text("instance_ipv6_address", *m.mutable_instance_ipv6_address(), F::unless_empty);
}

// What an instance has beside its identity; ActualLRP and ActualLRPInfo name these fields alike.
template <class W, class Message>
void fields_of_state(W& w, Message& m) {
  fields(w, *m.mutable_actual_lrp_net_info());
  CAUSEWAY_NUMBER(w, "crash_count", m, crash_count, F::always);
  w.text("crash_reason", *m.mutable_crash_reason(), F::unless_empty);
  w.text("state", *m.mutable_state(), F::always);
  w.text("placement_error", *m.mutable_placement_error(), F::unless_empty);
  CAUSEWAY_NUMBER(w, "since", m, since, F::always);
  w.part("modification_tag", true, [&m] { return m.mutable_modification_tag(); });
  w.choice(
      "presence", m.presence(), [&m](auto c) { m.set_presence(c); },
      models::ActualLRP::Presence_Name<models::ActualLRP::Presence>,
      models::ActualLRP::Presence_Parse, F::always);
}

template <class W>
void fields(W& w, models::ActualLRP& m) {
  fields(w, *m.mutable_actual_lrp_key());
  fields(w, *m.mutable_actual_lrp_instance_key());
  fields_of_state(w, m);
  w.list("actual_lrp_internal_routes", *m.mutable_actual_lrp_internal_routes(), F::unless_empty);
  w.texts_by_name("metric_tags", *m.mutable_metric_tags());
  w.optional_flag("routable", m.has_routable(), m.routable(), [&m](bool b) { m.set_routable(b); });
  w.text("availability_zone", *m.mutable_availability_zone(), F::always);
}

template <class W>
void fields(W& w, models::ActualLRPGroup& m) {
  w.part("instance", m.has_instance(), [&m] { return m.mutable_instance(); });
  w.part("evacuating", m.has_evacuating(), [&m] { return m.mutable_evacuating(); });
}

template <class W>
void fields(W& w, models::ActualLRPInfo& m) {
  fields_of_state(w, m);
  w.optional_flag("routable", m.has_routable(), m.routable(), [&m](bool b) { m.set_routable(b); });
  w.text("availability_zone", *m.mutable_availability_zone(), F::always);
}

template <class W>
void fields(W& w, models::TaskDefinition& m) {
  w.text("rootfs", *m.mutable_root_fs(), F::always);
  w.list("env", *m.mutable_environment_variables(), F::unless_empty);
  w.part("action", m.has_action(), [&m] { return m.mutable_action(); });
  CAUSEWAY_NUMBER(w, "disk_mb", m, disk_mb, F::always);
  CAUSEWAY_NUMBER(w, "memory_mb", m, memory_mb, F::always);
  CAUSEWAY_NUMBER(w, "cpu_weight", m, cpu_weight, F::always);
  w.flag(
      "privileged", m.privileged(), [&m](bool b) { m.set_privileged(b); }, F::always);
  w.text("log_source", *m.mutable_log_source(), F::always);
  w.text("log_guid", *m.mutable_log_guid(), F::always);
  w.text("metrics_guid", *m.mutable_metrics_guid(), F::always);
  w.text("result_file", *m.mutable_result_file(), F::always);
  w.text("completion_callback_url", *m.mutable_completion_callback_url(), F::unless_empty);
  w.text("annotation", *m.mutable_annotation(), F::unless_empty);
  w.list("egress_rules", *m.mutable_egress_rules(), F::unless_empty);
  w.list("cached_dependencies", *m.mutable_cached_dependencies(), F::unless_empty);
  w.text("legacy_download_user", *m.mutable_legacy_download_user(), F::unless_empty);
  w.text("trusted_system_certificates_path", *m.mutable_trusted_system_certificates_path(),
         F::unless_empty);
  w.list("volume_mounts", *m.mutable_volume_mounts(), F::unless_empty);
  w.part("network", m.has_network(), [&m] { return m.mutable_network(); });
  w.texts("placement_tags", *m.mutable_placement_tags());
  CAUSEWAY_NUMBER(w, "max_pids", m, max_pids, F::always);
  w.part("certificate_properties", m.has_certificate_properties(),
         [&m] { return m.mutable_certificate_properties(); });
  w.text("image_username", *m.mutable_image_username(), F::always);
  w.text("image_password", *m.mutable_image_password(), F::always);
  w.list("image_layers", *m.mutable_image_layers(), F::unless_empty);
  w.part("log_rate_limit", m.has_log_rate_limit(), [&m] { return m.mutable_log_rate_limit(); });
  w.parts_by_name("metric_tags", *m.mutable_metric_tags());
  w.list("volume_mounted_files", *m.mutable_volume_mounted_files(), F::unless_empty);
}

template <class W>
void fields(W& w, models::Task& m) {
  fields(w, *m.mutable_task_definition());
  w.text("task_guid", *m.mutable_task_guid(), F::always);
  w.text("domain", *m.mutable_domain(), F::always);
  CAUSEWAY_NUMBER(w, "created_at", m, created_at, F::always);
  CAUSEWAY_NUMBER(w, "updated_at", m, updated_at, F::always);
  CAUSEWAY_NUMBER(w, "first_completed_at", m, first_completed_at, F::always);
  w.choice(
      "state", m.state(), [&m](auto c) { m.set_state(c); },
      models::Task::State_Name<models::Task::State>, models::Task::State_Parse, F::always);
  w.text("cell_id", *m.mutable_cell_id(), F::always);
  w.text("result", *m.mutable_result(), F::always);
  w.flag(
      "failed", m.failed(), [&m](bool b) { m.set_failed(b); }, F::always);
  w.text("failure_reason", *m.mutable_failure_reason(), F::always);
  CAUSEWAY_NUMBER(w, "rejection_count", m, rejection_count, F::always);
  w.text("rejection_reason", *m.mutable_rejection_reason(), F::always);
}

template <class W>
void fields(W& w, models::CellCapacity& m) {
  CAUSEWAY_NUMBER(w, "memory_mb", m, memory_mb, F::always);
  CAUSEWAY_NUMBER(w, "disk_mb", m, disk_mb, F::always);
  CAUSEWAY_NUMBER(w, "containers", m, containers, F::always);
}

template <class W>
void fields(W& w, models::Provider& m) {
  w.text("name", *m.mutable_name(), F::unless_empty);
  w.texts("properties", *m.mutable_properties());
}

template <class W>
void fields(W& w, models::CellPresence& m) {
  w.text("cell_id", *m.mutable_cell_id(), F::always);
  w.text("rep_address", *m.mutable_rep_address(), F::always);
  w.text("zone", *m.mutable_zone(), F::always);
  w.part("capacity", m.has_capacity(), [&m] { return m.mutable_capacity(); });
  w.list("rootfs_provider_list", *m.mutable_rootfs_providers(), F::unless_empty);
  w.texts("placement_tags", *m.mutable_placement_tags());
  w.texts("optional_placement_tags", *m.mutable_optional_placement_tags());
  w.text("rep_url", *m.mutable_rep_url(), F::always);
  w.texts_by_name("annotations", *m.mutable_annotations());
}

template <class W>
void fields(W& w, models::Resource& m) {
  w.text("key", *m.mutable_key(), F::unless_empty);
  w.text("owner", *m.mutable_owner(), F::unless_empty);
  w.text("value", *m.mutable_value(), F::unless_empty);
  w.text("type", *m.mutable_type(), F::unless_empty);
  w.number(
      "type_code", static_cast<int32_t>(m.type_code()),
      [&m](auto n) { m.set_type_code(static_cast<models::Resource::TypeCode>(n)); },
      F::unless_empty);
}

}  // namespace causeway::cli
