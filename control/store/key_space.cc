#include "control/store/key_space.h"

#include <cstdint>

#include "base/check.h"

namespace causeway::store {

KeySpace::KeySpace(size_t shards) : shards_(shards) { CHECK(shards_ > 0); }

size_t KeySpace::shard_of(std::string_view id) const {
  if (shards_ == 1) return 0;
  // FNV-1a: the same for ever, since rows lie where it says.
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : id) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return (hash ^ hash >> 32) % shards_;
}

size_t KeySpace::shard_of(const RowKey& row) const {
  return row.table < Table::domain ? shard_of(row.id) : 0;
}

std::string KeySpace::prefix(size_t shard) { return "bbs:{" + std::to_string(shard) + "}:"; }

std::string KeySpace::of_guid(const std::string& guid, const char* kind) const {
  return prefix(shard_of(guid)) + kind + guid;
}

std::string KeySpace::cell(size_t shard, const std::string& cell) const {
  return prefix(shard) + "cell:" + cell;
}

std::string KeySpace::cell_tasks(size_t shard, const std::string& cell) const {
  return prefix(shard) + "celltasks:" + cell;
}

std::pair<std::string, std::string> KeySpace::place_of(const RowKey& row) const {
  switch (row.table) {
    case Table::scheduling:
      return {scheduling(row.id), ""};
    case Table::run:
      return {run(row.id), ""};
    case Table::actual:
      return {actual(row.id), row.slot};
    case Table::task:
      return {task(row.id), ""};
    case Table::domain:
      return {prefix(0) + "domains", row.id};
    case Table::lock:
      return {prefix(0) + "locks", row.id};
    case Table::presence:
      return {prefix(0) + "presences", row.id};
  }
  check_failed(__FILE__, __LINE__, "table");
}

}  // namespace causeway::store
