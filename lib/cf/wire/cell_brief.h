#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cf/wire/rep_messages.h"

namespace causeway::cf {

// What placing needs of a cell's state: a tenth of it on a full cell. A value.
struct CellBrief {
  CellState facts = {};                     // without its LRPs and tasks
  std::vector<std::string> processes = {};  // one entry for each instance there
  int64_t tasks = 0;
  friend bool operator==(const CellBrief&, const CellBrief&) = default;
};

CellBrief brief_of(CellState state);

// Reads an answer of GET /state in one pass. What it does not look at (all of an instance but its
// process guid, all of a task) needs to be JSON only; anything else that is wrong is found as
// parse_cell_state() finds it.
Result<CellBrief> parse_cell_brief(std::string_view json);

}  // namespace causeway::cf
