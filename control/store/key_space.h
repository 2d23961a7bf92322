#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "control/store/store.h"

namespace causeway::store {

// The layout of keys that this program reads and writes; see doc/bbs.md.
inline constexpr int kSchemaVersion = 2;

// Names of keys in Redis. State is cut into shards by process guid, task guid or name; all keys of
// a shard carry its number as hash tag, so that whatever one script touches lies in one slot of a
// cluster. A value. Any thread.
class KeySpace {
 public:
  explicit KeySpace(size_t shards = 1);

  size_t shards() const { return shards_; }
  size_t shard_of(std::string_view id) const;
  size_t shard_of(const RowKey& row) const;

  // Where a row lives: a key, and a field for tables that are hashes.
  std::pair<std::string, std::string> place_of(const RowKey& row) const;
  std::string scheduling(const std::string& guid) const { return of_guid(guid, "s:"); }
  std::string run(const std::string& guid) const { return of_guid(guid, "r:"); }
  std::string actual(const std::string& guid) const { return of_guid(guid, "a:"); }
  std::string task(const std::string& guid) const { return of_guid(guid, "t:"); }

  // Indexes; each shard has its own.
  std::string processes(size_t shard) const { return prefix(shard) + "processes"; }
  std::string tasks(size_t shard) const { return prefix(shard) + "tasks"; }
  std::string cell(size_t shard, const std::string& cell) const;
  std::string cell_tasks(size_t shard, const std::string& cell) const;

  // Who may write to the shard.
  std::string fence(size_t shard) const { return prefix(shard) + "fence"; }
  // What is written to have something confirmed; says nothing.
  std::string mark(size_t shard) const { return prefix(shard) + "mark"; }
  // Of the whole: what the state is like, and who leads.
  static std::string meta() { return prefix(0) + "meta"; }
  static std::string leader() { return prefix(0) + "leader"; }

  // "bbs:{3}:"
  static std::string prefix(size_t shard);

 private:
  std::string of_guid(const std::string& guid, const char* kind) const;

  size_t shards_;
};

}  // namespace causeway::store
