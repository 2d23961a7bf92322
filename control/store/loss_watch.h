#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "control/store/store.h"

namespace causeway::store {

// Remembers the newest acknowledged write of each shard, to be looked for. Redis, whatever it is
// configured for, loses the newest first: while that one is there, so are all before it. Owner:
// RedisStore. Thread: its loop's.
class LossWatch {
 public:
  explicit LossWatch(size_t shards) : shards_(shards) {}

  void acknowledged(size_t shard, const Change& change);
  // Its rows may be as the change leaves them, or not.
  void uncertain(size_t shard, const Change& change);

  // Whose row is to be read now; absent: nothing is known, or a look is under way.
  std::optional<RowKey> begin_look(size_t shard);
  // Whether that is not what was acknowledged, and nobody has touched the row meanwhile.
  bool end_look(size_t shard, const std::optional<std::string>& found);
  // The look has failed.
  void drop_look(size_t shard);

 private:
  struct Witness {
    RowKey key;
    size_t digest = 0;  // of its bytes
  };
  struct Shard {
    std::optional<Witness> newest;
    std::optional<Witness> sought;
    bool is_looking = false;
  };
  std::vector<Shard> shards_;
};

}  // namespace causeway::store
