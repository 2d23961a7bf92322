#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cf/wire/rep_messages.h"

namespace causeway::place {

// How far a cell's offer meets a demand, in the order of the filters.
enum class Match : uint8_t { wrong_root_fs, wrong_drivers, wrong_tags, fits };

// A cell's required tags must all be wanted, and every wanted tag must be one of the cell's
// required or optional ones; so a cell with required tags takes no untagged work.
Match match(const cf::CellState& cell, const cf::Demand& demand);

// Why a demand that no cell fits cannot be placed: `furthest` is the best match any cell reached.
std::string mismatch_reason(Match furthest, const cf::Demand& demand);

}  // namespace causeway::place
