#pragma once

#include <algorithm>
#include <cstddef>
#include <set>
#include <string>
#include <utility>

#include "control/store/store.h"

namespace causeway::store {

// Which rows were changed without anybody's confirmation. A value.
class UnconfirmedRows {
 public:
  void add(const Change& change) {
    for (const RowChange& row : change)
      if (row.blind || row.before != row.after) rows_.emplace(row.key.id, row.key.slot);
  }
  void clear() { rows_.clear(); }
  size_t size() const { return rows_.size(); }

  // One of these rows of the process.
  bool has(const std::string& process_guid, const ProcessParts& parts) const {
    const auto& slots = parts.slots;
    for (auto row = rows_.lower_bound({process_guid, ""});
         row != rows_.end() && row->first == process_guid; ++row) {
      const std::string& slot = row->second;
      if (slot.empty() ? parts.scheduling || parts.run : parts.all_slots) return true;
      if (std::find(slots.begin(), slots.end(), slot) != slots.end()) return true;
    }
    return false;
  }
  bool has(const RowKey& key) const { return rows_.contains({key.id, key.slot}); }

 private:
  std::set<std::pair<std::string, std::string>> rows_;  // id, slot
};

}  // namespace causeway::store
