#include "control/bbs/sweep/settled.h"

#include <algorithm>

#include "cf/models/models.h"
#include "control/bbs/rows/rows.h"
#include "control/bbs/rows/wire_fields.h"
#include "control/converge/drift.h"

namespace causeway::bbs {

namespace {

// Of an entry of a map of strings.
constexpr int kMapKey = 1, kMapValue = 2;

}  // namespace

bool Settled::is(const models::DesiredLRP& scheduling, const std::vector<store::SlotRow>& rows,
                 const converge::World& world) {
  // As many rows as indexes, each with another one below: all are there.
  if (rows.size() != static_cast<size_t>(std::max(scheduling.instances(), 0))) return false;
  scheduling_ = &scheduling;
  wanted_hostnames_ = converge::internal_hostnames(scheduling.routes());
  std::sort(wanted_hostnames_.begin(), wanted_hostnames_.end());
  return std::all_of(rows.begin(), rows.end(),
                     [&](const store::SlotRow& row) { return is_settled(row, world); });
}

bool Settled::is_settled(const store::SlotRow& row, const converge::World& world) {
  Found found;
  if (!look_into(row.bytes, found)) return false;
  // Slots are unique, and this one is the ordinary one of the row's index.
  if (!found.is_ordinary || found.index < 0 || found.index >= scheduling_->instances() ||
      row.slot != slot_name(found.index, models::ActualLRP::ORDINARY))
    return false;
  if (found.state != cf::kRunning || !world.cells.contains(found.cell_id)) return false;
  std::sort(hostnames_.begin(), hostnames_.end());
  return std::equal(hostnames_.begin(), hostnames_.end(), wanted_hostnames_.begin(),
                    wanted_hostnames_.end()) &&
         has_wanted_tags(found);
}

bool Settled::look_into(std::string_view row, Found& found) {
  using models::ActualLRP;
  const auto message = row_message(row);
  if (!message) return false;
  hostnames_.clear();
  tags_.clear();
  bool is_sound = true;
  const auto read = [&is_sound](std::string_view part, auto visit) {
    is_sound = is_sound && each_field(part, visit);
  };
  read(*message, [&](const WireField& field) {
    if (field.is_number(ActualLRP::kPresenceFieldNumber))
      found.is_ordinary = field.value == models::ActualLRP::ORDINARY;
    if (field.kind != WireField::Kind::bytes) return;
    switch (field.number) {
      case ActualLRP::kActualLrpKeyFieldNumber:
        return read(field.bytes, [&](const WireField& part) {
          if (part.is_number(models::ActualLRPKey::kIndexFieldNumber))
            found.index = static_cast<int32_t>(part.value);
        });
      case ActualLRP::kActualLrpInstanceKeyFieldNumber:
        return read(field.bytes, [&](const WireField& part) {
          using Key = models::ActualLRPInstanceKey;
          if (part.is_bytes(Key::kInstanceGuidFieldNumber)) found.instance_guid = part.bytes;
          if (part.is_bytes(Key::kCellIdFieldNumber)) found.cell_id = part.bytes;
        });
      case ActualLRP::kActualLrpInternalRoutesFieldNumber:
        hostnames_.emplace_back();
        return read(field.bytes, [&](const WireField& part) {
          if (part.is_bytes(models::ActualLRPInternalRoute::kHostnameFieldNumber))
            hostnames_.back() = part.bytes;
        });
      case ActualLRP::kMetricTagsFieldNumber:
        tags_.emplace_back();
        return read(field.bytes, [&](const WireField& part) {
          if (part.is_bytes(kMapKey)) tags_.back().first = part.bytes;
          if (part.is_bytes(kMapValue)) tags_.back().second = part.bytes;
        });
      case ActualLRP::kStateFieldNumber:
        found.state = field.bytes;
        return;
      default:
        return;
    }
  });
  return is_sound;
}

bool Settled::has_wanted_tags(const Found& found) const {
  const auto& wanted = scheduling_->metric_tags();
  if (tags_.size() != wanted.size()) return false;
  for (const auto& [name, value] : wanted) {
    const auto has_name = [&name = name](const Tag& tag) { return tag.first == name; };
    const auto tag = std::find_if(tags_.begin(), tags_.end(), has_name);
    if (tag == tags_.end()) return false;
    switch (value.dynamic()) {
      case models::MetricTagValue::INDEX:
        if (tag->second != std::to_string(found.index)) return false;
        break;
      case models::MetricTagValue::INSTANCE_GUID:
        if (tag->second != found.instance_guid) return false;
        break;
      default:
        if (tag->second != value.static_()) return false;
    }
  }
  return true;
}

}  // namespace causeway::bbs
