#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/store/store.h"
#include "redis/client.h"

namespace causeway::store {

// Remembers the newest acknowledged write of each shard, to be looked for. Redis, whatever it is
// configured for, loses the newest first: while that one is there, so are all before it. Owner:
// RedisStore. Thread: its loop's.
class LossWatch {
 public:
  explicit LossWatch(size_t shards) : shards_(shards) {}

  // Carried out there, and may be lost until it is acknowledged. Answers which link of the shard's
  // that was, counted.
  uint64_t written(size_t shard, const Change& change, const redis::Place& place);
  // Links acknowledge for themselves: what comes when another one has written is not the newest.
  void acknowledged(size_t shard, const Change& change, uint64_t link);
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
    redis::Place written_at;
    uint64_t links = 0;
  };
  std::vector<Shard> shards_;
};

}  // namespace causeway::store
