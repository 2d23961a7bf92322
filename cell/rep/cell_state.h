#pragma once

#include <string>

#include "cell/executor/executor.h"
#include "cell/rep/config.h"
#include "cf/wire/cell_presence.h"
#include "cf/wire/rep_messages.h"

namespace causeway::rep {

// What GET /state says of the cell, and what its presence says. Pure.
cf::CellState cell_state(const Config& config, const std::string& rep_url,
                         const executor::Executor& executor, bool is_evacuating);
cf::CellPresence cell_presence(const Config& config, const std::string& rep_url,
                               const executor::Resources& total);

// Reserves what of `work` finds room; answers what does not (everything when the cell is
// evacuating). New instances get a guid from `new_guid`.
cf::Work reserve_work(executor::Executor& executor, const cf::Work& work, bool is_evacuating,
                      const std::function<std::string()>& new_guid);

}  // namespace causeway::rep
