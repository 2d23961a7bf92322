#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cf/wire/rep_messages.h"

namespace causeway::cf {

// What a rep says of its cell: the value of its presence in Locket, as JSON. A value.
struct CellPresence {
  std::string cell_id = {};
  std::string rep_address = {};
  std::string zone = {};
  CellResources capacity = {};
  std::vector<std::pair<std::string, std::vector<std::string>>>
      root_fs_providers;  // scheme, names (none: any)
  std::vector<std::string> placement_tags = {};
  std::vector<std::string> optional_placement_tags = {};
  std::string rep_url = {};
  std::map<std::string, std::string> annotations = {};
  friend bool operator==(const CellPresence&, const CellPresence&) = default;
};

std::string to_json(const CellPresence& presence);
// Refuses a presence without cell_id.
Result<CellPresence> parse_cell_presence(std::string_view json);

}  // namespace causeway::cf
