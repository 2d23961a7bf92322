#pragma once

#include <cstddef>

namespace causeway::store {

// All rows that one shard's index lists under a cell, in one step. KEYS: the index; ARGV: what the
// names of instance keys begin with, how many rows at most. Answers member, bytes, member, bytes …,
// or nil when there are more.
extern const char* const kCellScript;
// About a millisecond of Redis.
inline constexpr size_t kCellScriptRows = 1000;

}  // namespace causeway::store
