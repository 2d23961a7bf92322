#include "control/bbs/rows/stored_bytes.h"

#include <google/protobuf/wire_format_lite.h>

#include "actual_lrp.pb.h"
#include "control/bbs/rows/rows.h"
#include "control/bbs/rows/wire_fields.h"
#include "desired_lrp.pb.h"

namespace causeway::bbs {

std::optional<StoredActual> look_into_actual(std::string_view row) {
  const auto message = row_message(row);
  if (!message) return std::nullopt;
  StoredActual found{.message = *message};
  std::string_view key, instance;
  const bool is_message = each_field(*message, [&](const WireField& field) {
    if (field.is_bytes(models::ActualLRP::kActualLrpKeyFieldNumber)) key = field.bytes;
    if (field.is_bytes(models::ActualLRP::kActualLrpInstanceKeyFieldNumber)) instance = field.bytes;
  });
  const bool has_key = each_field(key, [&](const WireField& field) {
    if (field.is_bytes(models::ActualLRPKey::kProcessGuidFieldNumber))
      found.process_guid = field.bytes;
    if (field.is_bytes(models::ActualLRPKey::kDomainFieldNumber)) found.domain = field.bytes;
    if (field.is_number(models::ActualLRPKey::kIndexFieldNumber))
      found.index = static_cast<int32_t>(field.value);
  });
  const bool has_instance = each_field(instance, [&](const WireField& field) {
    if (field.is_bytes(models::ActualLRPInstanceKey::kCellIdFieldNumber))
      found.cell_id = field.bytes;
  });
  if (!is_message || !has_key || !has_instance) return std::nullopt;
  return found;
}

std::optional<StoredDesired> look_into_desired(std::string_view scheduling_row) {
  const auto message = row_message(scheduling_row);
  if (!message) return std::nullopt;
  StoredDesired found{.message = *message, .domain = {}};
  const bool is_message = each_field(*message, [&](const WireField& field) {
    if (field.is_bytes(models::DesiredLRP::kDomainFieldNumber)) found.domain = field.bytes;
  });
  if (!is_message) return std::nullopt;
  return found;
}

void append_message(std::string& out, uint32_t number, std::string_view message) {
  const auto put = [&out](uint64_t value) {
    for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
    out += static_cast<char>(value);
  };
  using google::protobuf::internal::WireFormatLite;
  put(uint64_t{number} << 3 | WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
  put(message.size());
  out += message;
}

bool append_whole_desired(std::string& out, uint32_t number, std::string_view scheduling_row,
                          std::string_view run_row) {
  const auto scheduling = row_message(scheduling_row);
  const auto run = run_row.empty() ? std::optional<std::string_view>("") : row_message(run_row);
  if (!scheduling || !run) return false;
  std::string whole;
  whole.reserve(scheduling->size() + run->size());
  // Of volume mounts the small part names the drivers only.
  const bool is_message = each_field(*scheduling, [&](const WireField& field) {
    if (!field.is_bytes(models::DesiredLRP::kVolumeMountsFieldNumber)) whole += field.whole;
  });
  if (!is_message || !each_field(*run, [](const WireField&) {})) return false;
  // Messages behind each other are one with the fields of both.
  whole += *run;
  append_message(out, number, whole);
  return true;
}

}  // namespace causeway::bbs
