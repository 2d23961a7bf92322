#include "control/bbs/readers/cells.h"

#include <utility>

#include "cf/wire/cell_presence.h"
#include "control/bbs/rows/rows.h"
#include "locket.pb.h"
#include "log/logger.h"

namespace causeway::bbs {

namespace {

models::CellPresence to_message(const cf::CellPresence& presence) {
  models::CellPresence message;
  message.set_cell_id(presence.cell_id);
  message.set_rep_address(presence.rep_address);
  message.set_rep_url(presence.rep_url);
  message.set_zone(presence.zone);
  message.mutable_capacity()->set_memory_mb(presence.capacity.memory_mb);
  message.mutable_capacity()->set_disk_mb(presence.capacity.disk_mb);
  message.mutable_capacity()->set_containers(presence.capacity.containers);
  for (const auto& [name, properties] : presence.root_fs_providers) {
    auto* provider = message.add_rootfs_providers();
    provider->set_name(name);
    for (const auto& property : properties) provider->add_properties(property);
  }
  for (const auto& tag : presence.placement_tags) message.add_placement_tags(tag);
  for (const auto& tag : presence.optional_placement_tags) message.add_optional_placement_tags(tag);
  for (const auto& [name, value] : presence.annotations)
    (*message.mutable_annotations())[name] = value;
  return message;
}

}  // namespace

std::optional<models::CellPresence> Cells::parse(std::string_view row) const {
  models::StoredResource stored;
  if (!decode_row(row, stored)) {
    logger_.error("undecodable-presence");
    return std::nullopt;
  }
  const auto presence = cf::parse_cell_presence(stored.resource().value());
  if (!presence) {
    logger_.error("unreadable-presence", presence.error(), {{"key", stored.resource().key()}});
    return std::nullopt;
  }
  return to_message(*presence);
}

void Cells::list(store::Store::On<std::vector<models::CellPresence>> on_cells) {
  store_.read_table(store::Table::presence, [this, on_cells = std::move(on_cells)](auto rows) {
    if (!rows) return on_cells(std::move(rows.error()));
    std::vector<models::CellPresence> cells;
    for (const auto& row : *rows) {
      if (auto cell = parse(row.bytes)) cells.push_back(std::move(*cell));
    }
    on_cells(std::move(cells));
  });
}

void Cells::find(const std::string& cell_id,
                 store::Store::On<std::optional<models::CellPresence>> on_cell) {
  store_.read_row({store::Table::presence, cell_id},
                  [this, on_cell = std::move(on_cell)](auto row) {
                    if (!row) return on_cell(std::move(row.error()));
                    on_cell(*row ? parse(**row) : std::nullopt);
                  });
}

}  // namespace causeway::bbs
