#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cells.pb.h"
#include "control/store/store.h"

namespace causeway::log {
class Logger;
}

namespace causeway::bbs {

// The cells that are present, as their presences in Locket tell. Owner: main(). Thread: its loop's.
class Cells {
 public:
  Cells(store::Store& store, const log::Logger& logger) : store_(store), logger_(logger) {}

  // A presence that cannot be read is logged and left out.
  void list(store::Store::On<std::vector<models::CellPresence>> on_cells);
  void find(const std::string& cell_id,
            store::Store::On<std::optional<models::CellPresence>> on_cell);

 private:
  std::optional<models::CellPresence> parse(std::string_view row) const;

  store::Store& store_;
  const log::Logger& logger_;
};

}  // namespace causeway::bbs
