// Desired LRPs, task definitions and what they are made of.
#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "control/bbs/rules/validation.h"
#include "json/json.h"

namespace causeway::bbs {

namespace {

// An IPv4 or IPv6 address as bytes; empty when it is none.
std::string address_bytes(std::string_view text) {
  const std::string name(text);
  std::array<char, 16> bytes{};
  if (inet_pton(AF_INET, name.c_str(), bytes.data()) == 1) return {bytes.data(), 4};
  if (inet_pton(AF_INET6, name.c_str(), bytes.data()) == 1) return {bytes.data(), 16};
  return {};
}

bool is_one_destination(std::string_view text) {
  if (const size_t dash = text.find('-'); dash != std::string_view::npos) {
    const std::string from = address_bytes(text.substr(0, dash));
    const std::string to = address_bytes(text.substr(dash + 1));
    return !from.empty() && from.size() == to.size() && from <= to;
  }
  if (const size_t slash = text.find('/'); slash != std::string_view::npos) {
    const std::string address = address_bytes(text.substr(0, slash));
    const std::string_view bits = text.substr(slash + 1);
    size_t prefix = 0;
    const auto [end, error] = std::from_chars(bits.data(), bits.data() + bits.size(), prefix);
    return !address.empty() && error == std::errc() && end == bits.data() + bits.size() &&
           prefix <= 8 * address.size();
  }
  return !address_bytes(text).empty();
}

void check_ports_of_rule(const models::SecurityGroupRule& rule, Complaints& complaints) {
  const bool any_ports = rule.ports_size() > 0;
  complaints.require(!rule.has_icmp_info(), "icmp_info");
  if (any_ports == rule.has_port_range()) return complaints.field("ports");
  for (const uint32_t port : rule.ports()) {
    if (port < 1 || port > 65535) return complaints.field("ports");
  }
  const auto& range = rule.port_range();
  if (rule.has_port_range())
    complaints.require(range.start() >= 1 && range.start() <= range.end() && range.end() <= 65535,
                       "port_range");
}

void check_dependency(const models::CachedDependency& dependency, Complaints& complaints) {
  complaints.require(!dependency.from().empty(), "from");
  complaints.require(!dependency.to().empty(), "to");
}

// Both or none of algorithm and value, and a known algorithm.
void check_checksum(const std::string& algorithm, const std::string& value,
                    Complaints& complaints) {
  if (algorithm.empty() && value.empty()) return;
  if (value.empty()) return complaints.field("checksum value");
  if (algorithm.empty()) return complaints.field("checksum algorithm");
  complaints.require(algorithm == "md5" || algorithm == "sha1" || algorithm == "sha256",
                     "invalid algorithm");
}

bool check_layer(const models::ImageLayer& layer, Complaints& complaints) {
  complaints.require(!layer.url().empty(), "url");
  complaints.require(!layer.destination_path().empty(), "destination_path");
  complaints.require(layer.layer_type() == models::ImageLayer::SHARED ||
                         layer.layer_type() == models::ImageLayer::EXCLUSIVE,
                     "layer_type");
  complaints.require(layer.media_type() >= models::ImageLayer::TGZ &&
                         layer.media_type() <= models::ImageLayer::ZIP,
                     "media_type");
  const bool algorithm = layer.digest_algorithm() == models::ImageLayer::SHA256 ||
                         layer.digest_algorithm() == models::ImageLayer::SHA512;
  const bool value = !layer.digest_value().empty();
  const bool exclusive = layer.layer_type() == models::ImageLayer::EXCLUSIVE;
  if (exclusive || value) complaints.require(algorithm, "digest_algorithm");
  if (exclusive || algorithm) complaints.require(value, "digest_value");
  return exclusive;
}

template <class Layers>
void check_layers(const Layers& layers, const std::string& legacy_user, Complaints& complaints) {
  bool exclusive = false;
  const size_t mark = complaints.size();
  for (const auto& layer : layers) exclusive |= check_layer(layer, complaints);
  complaints.prefix_since(mark, "image_layer");
  if (exclusive) complaints.require(!legacy_user.empty(), "legacy_download_user");
}

template <class Mounts>
void check_mounts(const Mounts& mounts, Complaints& complaints) {
  const size_t mark = complaints.size();
  for (const auto& mount : mounts) {
    complaints.require(!mount.driver().empty(), "driver");
    complaints.require(!mount.container_dir().empty(), "container_dir");
    complaints.require(mount.mode() == "r" || mount.mode() == "rw", "mode");
    complaints.require(!mount.shared().volume_id().empty(), "volume_id");
  }
  complaints.prefix_since(mark, "volume_mount");
}

template <class Tags>
void check_tags(const Tags& tags, const std::string& metrics_guid, Complaints& complaints) {
  const size_t mark = complaints.size();
  for (const auto& [name, value] : tags) {
    const bool is_static = !value.static_().empty();
    const bool is_dynamic = value.dynamic() != models::MetricTagValue::DynamicValueInvalid;
    const bool known = models::MetricTagValue::DynamicValue_IsValid(value.dynamic());
    if (is_static == is_dynamic) {
      complaints.field("static");
      complaints.field("dynamic");
    } else if (!known) {
      complaints.field("dynamic");
    }
  }
  if (!metrics_guid.empty() && !tags.empty()) {
    const auto source = tags.find("source_id");
    if (source == tags.end() || source->second.static_() != metrics_guid)
      complaints.field("source_id should match metrics_guid");
  }
  complaints.prefix_since(mark, "metric_tags");
}

template <class Ports>
void check_port_of_check(const Ports& check, Complaints& complaints) {
  complaints.require(check.port() >= 1 && check.port() <= 65535, "port");
}

void check_definition(const models::CheckDefinition& definition, Complaints& complaints) {
  const size_t mark = complaints.size();
  for (const auto* checks : {&definition.checks(), &definition.readiness_checks()}) {
    for (const auto& check : *checks) {
      if (check.has_tcp_check() == check.has_http_check()) {
        complaints.field("check");
        continue;
      }
      if (check.has_tcp_check()) check_port_of_check(check.tcp_check(), complaints);
      if (check.has_http_check()) check_port_of_check(check.http_check(), complaints);
    }
  }
  complaints.prefix_since(mark, "check_definition");
}

template <class Files>
void check_files(const Files& files, Complaints& complaints) {
  size_t bytes = 0;
  bool named = true;
  for (const auto& file : files) {
    bytes += file.content().size();
    named &= !file.path().empty();
  }
  complaints.require(named && bytes <= kMountedFilesBytesMax, "volume_mounted_files");
}

// What desired LRPs and task definitions have in common.
template <class Definition>
void check_common(const Definition& definition, Complaints& complaints) {
  complaints.require(definition.annotation().size() <= kAnnotationBytesMax, "annotation");
  complaints.require(definition.memory_mb() >= 0, "memory_mb");
  complaints.require(definition.disk_mb() >= 0, "disk_mb");
  complaints.require(definition.max_pids() >= 0, "max_pids");
  size_t mark = complaints.size();
  for (const auto& rule : definition.egress_rules()) check(rule, complaints);
  complaints.prefix_since(mark, "egress_rules");
  mark = complaints.size();
  for (const auto& dependency : definition.cached_dependencies())
    check_dependency(dependency, complaints);
  complaints.prefix_since(mark, "cached_dependency");
  check_layers(definition.image_layers(), definition.legacy_download_user(), complaints);
  check_mounts(definition.volume_mounts(), complaints);
  if (definition.image_username().empty() != definition.image_password().empty())
    complaints.field(definition.image_username().empty() ? "image_username" : "image_password");
  if (definition.has_log_rate_limit())
    complaints.require(definition.log_rate_limit().bytes_per_second() >= -1, "log_rate_limit");
  check_files(definition.volume_mounted_files(), complaints);
}

void check_routes(const models::ProtoRoutes& routes, Complaints& complaints) {
  size_t bytes = 0;
  bool good = true;
  for (const auto& [name, value] : routes.routes()) {
    bytes += value.size();
    good &= json::Document::parse(value).has_value();
  }
  complaints.require(good && bytes <= kRoutesBytesMax, "routes");
}

void check_optional_action(bool present, const models::Action& action, std::string_view name,
                           Complaints& complaints) {
  if (!present) return;
  const size_t mark = complaints.size();
  check(action, complaints);
  complaints.prefix_since(mark, name);
}

void check_inner(bool present, const models::Action& action, Complaints& complaints, int depth) {
  if (!present) return complaints.field("action");
  check(action, complaints, depth + 1);
}

template <class Composite>
void check_all(const Composite& composite, Complaints& complaints, int depth) {
  complaints.require(composite.actions_size() > 0, "actions");
  for (const auto& action : composite.actions()) check(action, complaints, depth + 1);
}

void check_run(const models::RunAction& run, Complaints& complaints) {
  complaints.require(!run.path().empty(), "path");
  complaints.require(!run.user().empty(), "user");
  check_files(run.volume_mounted_files(), complaints);
}

void check_download(const models::DownloadAction& download, Complaints& complaints) {
  complaints.require(!download.from().empty(), "from");
  complaints.require(!download.to().empty(), "to");
  complaints.require(!download.user().empty(), "user");
  check_checksum(download.checksum_algorithm(), download.checksum_value(), complaints);
}

void check_upload(const models::UploadAction& upload, Complaints& complaints) {
  complaints.require(!upload.to().empty(), "to");
  complaints.require(!upload.from().empty(), "from");
  complaints.require(!upload.user().empty(), "user");
}

}  // namespace

bool is_root_fs(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const std::string_view scheme = text.substr(0, colon);
  if (!letter(scheme.front())) return false;
  const bool plain = std::all_of(scheme.begin(), scheme.end(), [&](char c) {
    return letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
  });
  // What no URL may hold.
  return plain && std::none_of(text.begin(), text.end(), [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
         });
}

bool is_destination(std::string_view text) {
  while (true) {
    const size_t comma = text.find(',');
    std::string_view one = text.substr(0, comma);
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    if (!is_one_destination(one)) return false;
    if (comma == std::string_view::npos) return true;
    text.remove_prefix(comma + 1);
  }
}

bool compact_routes(models::ProtoRoutes& routes) {
  for (auto& [name, value] : *routes.mutable_routes()) {
    const auto document = json::Document::parse(value);
    if (!document) return false;
    value = document->root().text();
  }
  return true;
}

void check(const models::Action& action, Complaints& complaints, int depth) {
  if (depth > kActionDepthMax) return complaints.field("action");
  const int inner =
      action.has_download_action() + action.has_upload_action() + action.has_run_action() +
      action.has_timeout_action() + action.has_emit_progress_action() + action.has_try_action() +
      action.has_parallel_action() + action.has_serial_action() + action.has_codependent_action();
  if (inner != 1) return complaints.field("inner-action");
  if (action.has_download_action()) check_download(action.download_action(), complaints);
  if (action.has_upload_action()) check_upload(action.upload_action(), complaints);
  if (action.has_run_action()) check_run(action.run_action(), complaints);
  if (action.has_timeout_action()) {
    const auto& timeout = action.timeout_action();
    check_inner(timeout.has_action(), timeout.action(), complaints, depth);
    complaints.require(timeout.timeout_ms() > 0 || timeout.deprecated_timeout_ns() > 0,
                       "timeout_ms");
  }
  if (action.has_emit_progress_action()) {
    const auto& progress = action.emit_progress_action();
    check_inner(progress.has_action(), progress.action(), complaints, depth);
  }
  if (action.has_try_action()) {
    check_inner(action.try_action().has_action(), action.try_action().action(), complaints, depth);
  }
  if (action.has_parallel_action()) check_all(action.parallel_action(), complaints, depth);
  if (action.has_serial_action()) check_all(action.serial_action(), complaints, depth);
  if (action.has_codependent_action()) check_all(action.codependent_action(), complaints, depth);
}

void check(const models::SecurityGroupRule& rule, Complaints& complaints) {
  const std::string& protocol = rule.protocol();
  if (protocol == "tcp" || protocol == "udp") {
    check_ports_of_rule(rule, complaints);
  } else if (protocol == "icmp" || protocol == "icmpv6") {
    complaints.require(rule.has_icmp_info(), "icmp_info");
    complaints.require(rule.ports_size() == 0, "ports");
    complaints.require(!rule.has_port_range(), "port_range");
  } else if (protocol == "all") {
    complaints.require(!rule.has_icmp_info(), "icmp_info");
    complaints.require(rule.ports_size() == 0, "ports");
    complaints.require(!rule.has_port_range(), "port_range");
  } else {
    complaints.field("protocol");
  }
  const bool good = rule.destinations_size() > 0 &&
                    std::all_of(rule.destinations().begin(), rule.destinations().end(),
                                [](const auto& text) { return is_destination(text); });
  complaints.require(good, "destinations");
}

void check(const models::DesiredLRP& lrp, Complaints& complaints) {
  complaints.require(!lrp.domain().empty(), "domain");
  complaints.require(is_guid(lrp.process_guid()), "process_guid");
  complaints.require(is_root_fs(lrp.root_fs()), "rootfs");
  if (!lrp.has_action()) complaints.field("action");
  check_optional_action(lrp.has_setup(), lrp.setup(), "setup", complaints);
  check_optional_action(lrp.has_action(), lrp.action(), "action", complaints);
  check_optional_action(lrp.has_monitor(), lrp.monitor(), "monitor", complaints);
  complaints.require(lrp.instances() >= 0, "instances");
  check_common(lrp, complaints);
  check_routes(lrp.routes(), complaints);
  const size_t mark = complaints.size();
  for (const auto& sidecar : lrp.sidecars()) {
    check_optional_action(true, sidecar.action(), "action", complaints);
    complaints.require(sidecar.memory_mb() >= 0, "memory_mb");
    complaints.require(sidecar.disk_mb() >= 0, "disk_mb");
  }
  complaints.prefix_since(mark, "sidecars");
  if (lrp.has_check_definition()) check_definition(lrp.check_definition(), complaints);
  complaints.require(!lrp.metric_tags().empty(), "metric_tags");
  check_tags(lrp.metric_tags(), lrp.metrics_guid(), complaints);
}

void check(const models::DesiredLRPUpdate& update, Complaints& complaints) {
  complaints.require(!update.has_instances() || update.instances() >= 0, "instances");
  complaints.require(update.annotation().size() <= kAnnotationBytesMax, "annotation");
  check_routes(update.routes(), complaints);
  check_tags(update.metric_tags(), "", complaints);
  if (update.image_username().empty() != update.image_password().empty())
    complaints.field(update.image_username().empty() ? "image_username" : "image_password");
}

void check(const models::TaskDefinition& definition, Complaints& complaints) {
  complaints.require(is_root_fs(definition.root_fs()), "rootfs");
  if (!definition.has_action()) complaints.field("action");
  check_optional_action(definition.has_action(), definition.action(), "action", complaints);
  check_common(definition, complaints);
  check_tags(definition.metric_tags(), definition.metrics_guid(), complaints);
}

}  // namespace causeway::bbs
