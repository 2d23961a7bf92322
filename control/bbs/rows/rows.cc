#include "control/bbs/rows/rows.h"

#include <charconv>

#include "base/check.h"
#include "cf/models/models.h"

namespace causeway::bbs {

namespace {

constexpr char kPlainFormat = 1;

}  // namespace

std::optional<models::ActualLRP>& IndexRows::of(Presence presence) {
  switch (presence) {
    case models::ActualLRP::EVACUATING:
      return evacuating;
    case models::ActualLRP::SUSPECT:
      return suspect;
    default:
      return ordinary;
  }
}

const std::optional<models::ActualLRP>& IndexRows::of(Presence presence) const {
  return const_cast<IndexRows*>(this)->of(presence);
}

std::string encode_row(const google::protobuf::MessageLite& message) {
  return kPlainFormat + cf::encode(message);
}

std::optional<std::string_view> row_message(std::string_view bytes) {
  if (bytes.empty() || bytes.front() != kPlainFormat) return std::nullopt;
  return bytes.substr(1);
}

bool decode_row(std::string_view bytes, google::protobuf::MessageLite& message) {
  const auto plain = row_message(bytes);
  return plain && cf::decode(*plain, message);
}

std::string slot_name(int32_t index, Presence presence) {
  std::string name = std::to_string(index);
  if (presence == models::ActualLRP::EVACUATING) name += 'e';
  if (presence == models::ActualLRP::SUSPECT) name += 's';
  return name;
}

std::optional<std::pair<int32_t, Presence>> parse_slot(std::string_view slot) {
  Presence presence = models::ActualLRP::ORDINARY;
  if (slot.ends_with('e')) presence = models::ActualLRP::EVACUATING;
  if (slot.ends_with('s')) presence = models::ActualLRP::SUSPECT;
  if (presence != models::ActualLRP::ORDINARY) slot.remove_suffix(1);
  int32_t index = 0;
  const auto [end, error] = std::from_chars(slot.data(), slot.data() + slot.size(), index);
  if (error != std::errc() || end != slot.data() + slot.size() || index < 0) return std::nullopt;
  return std::pair(index, presence);
}

DesiredParts split_desired(const models::DesiredLRP& lrp) {
  DesiredParts parts{.scheduling = {}, .run = lrp};
  models::DesiredLRP& small = parts.scheduling;
  models::DesiredLRP& run = parts.run;
  small.set_process_guid(lrp.process_guid());
  small.set_domain(lrp.domain());
  small.set_log_guid(lrp.log_guid());
  small.set_root_fs(lrp.root_fs());
  small.set_instances(lrp.instances());
  small.set_memory_mb(lrp.memory_mb());
  small.set_disk_mb(lrp.disk_mb());
  small.set_max_pids(lrp.max_pids());
  small.set_annotation(lrp.annotation());
  small.set_update_strategy(lrp.update_strategy());
  if (lrp.has_routes()) *small.mutable_routes() = lrp.routes();
  if (lrp.has_modification_tag()) *small.mutable_modification_tag() = lrp.modification_tag();
  *small.mutable_placement_tags() = lrp.placement_tags();
  *small.mutable_metric_tags() = lrp.metric_tags();
  for (const auto& mount : lrp.volume_mounts())
    small.add_volume_mounts()->set_driver(mount.driver());

  run.clear_domain();
  run.clear_log_guid();
  run.clear_root_fs();
  run.clear_instances();
  run.clear_memory_mb();
  run.clear_disk_mb();
  run.clear_max_pids();
  run.clear_annotation();
  run.clear_update_strategy();
  run.clear_routes();
  run.clear_modification_tag();
  run.clear_placement_tags();
  run.clear_metric_tags();
  return parts;
}

models::DesiredLRP join_desired(const models::DesiredLRP& scheduling,
                                const models::DesiredLRP& run) {
  models::DesiredLRP lrp = scheduling;
  lrp.clear_volume_mounts();
  lrp.MergeFrom(run);
  return lrp;
}

models::DesiredLRPSchedulingInfo scheduling_info(const models::DesiredLRP& scheduling) {
  models::DesiredLRPSchedulingInfo info;
  cf::set_always_written(info);
  auto& key = *info.mutable_desired_lrp_key();
  key.set_process_guid(scheduling.process_guid());
  key.set_domain(scheduling.domain());
  key.set_log_guid(scheduling.log_guid());
  info.set_annotation(scheduling.annotation());
  info.set_instances(scheduling.instances());
  auto& resource = *info.mutable_desired_lrp_resource();
  resource.set_memory_mb(scheduling.memory_mb());
  resource.set_disk_mb(scheduling.disk_mb());
  resource.set_root_fs(scheduling.root_fs());
  resource.set_max_pids(scheduling.max_pids());
  *info.mutable_routes() = scheduling.routes();
  *info.mutable_modification_tag() = scheduling.modification_tag();
  auto& placement = *info.mutable_volume_placement();
  for (const auto& mount : scheduling.volume_mounts()) placement.add_driver_names(mount.driver());
  *info.mutable_placement_tags() = scheduling.placement_tags();
  return info;
}

models::DesiredLRP routing_info(const models::DesiredLRP& scheduling) {
  models::DesiredLRP info;
  info.set_process_guid(scheduling.process_guid());
  info.set_domain(scheduling.domain());
  info.set_log_guid(scheduling.log_guid());
  info.set_instances(scheduling.instances());
  *info.mutable_routes() = scheduling.routes();
  *info.mutable_modification_tag() = scheduling.modification_tag();
  *info.mutable_placement_tags() = scheduling.placement_tags();
  *info.mutable_metric_tags() = scheduling.metric_tags();
  return info;
}

bool same_message(const google::protobuf::MessageLite& left,
                  const google::protobuf::MessageLite& right) {
  return cf::encode(left) == cf::encode(right);
}

}  // namespace causeway::bbs
