#include "cf/wire/cell_presence.h"

#include "cf/wire/wire_parts.h"

namespace causeway::cf {

std::string to_json(const CellPresence& presence) {
  json::Writer writer;
  writer.object().member("cell_id", presence.cell_id).member("rep_address", presence.rep_address);
  writer.member("zone", presence.zone).key("capacity").object();
  writer.member("memory_mb", presence.capacity.memory_mb)
      .member("disk_mb", presence.capacity.disk_mb);
  writer.member("containers", presence.capacity.containers).end();
  writer.key("rootfs_provider_list").array();
  for (const auto& [name, properties] : presence.root_fs_providers) {
    writer.object().member("name", name);
    write_strings(writer, "properties", properties);
    writer.end();
  }
  writer.end();
  write_strings(writer, "placement_tags", presence.placement_tags);
  write_strings(writer, "optional_placement_tags", presence.optional_placement_tags);
  writer.member("rep_url", presence.rep_url);
  if (!presence.annotations.empty()) {
    writer.key("annotations").object();
    for (const auto& [name, value] : presence.annotations) writer.member(name, value);
    writer.end();
  }
  writer.end();
  return writer.take();
}

Result<CellPresence> parse_cell_presence(std::string_view json) {
  auto document = json::Document::parse(json);
  if (!document) return std::move(document).error();
  WireFault fault;
  if (!document->root().is_object()) fault.note("", "", "not an object");
  const JsonFields fields(document->root(), "", fault);
  CellPresence presence;
  fields.read("cell_id", presence.cell_id);
  fields.read("rep_address", presence.rep_address);
  fields.read("zone", presence.zone);
  const JsonFields capacity = fields.object("capacity");
  capacity.read("memory_mb", presence.capacity.memory_mb);
  capacity.read("disk_mb", presence.capacity.disk_mb);
  capacity.read("containers", presence.capacity.containers);
  fields.each("rootfs_provider_list", [&](const JsonFields& provider) {
    auto& [name, properties] = presence.root_fs_providers.emplace_back();
    provider.read("name", name);
    provider.read("properties", properties);
  });
  fields.read("placement_tags", presence.placement_tags);
  fields.read("optional_placement_tags", presence.optional_placement_tags);
  fields.read("rep_url", presence.rep_url);
  fields.read("annotations", presence.annotations);
  if (presence.cell_id.empty()) fields.note("cell_id", "empty");
  if (!fault.is_empty()) return fault.error();
  return presence;
}

}  // namespace causeway::cf
