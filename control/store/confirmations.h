#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "control/store/store.h"
#include "control/store/unconfirmed_rows.h"
#include "redis/client.h"

namespace causeway::store {

// What replicas have of what was written: asks with WAIT, one at a time on each link, and remembers
// which rows were changed since without a yes, so that an answer that only repeats what stands
// costs nothing while everything is confirmed. A write of which nothing is known any more, since
// its link broke, makes its whole shard doubtful; so is every shard at the beginning. A mark
// written and confirmed there ends that: replicas have whatever the server had before it. Owner:
// RedisStore. Thread: its loop's.
class Confirmations {
 public:
  using OnDone = Store::On<void>;
  struct Options {
    uint32_t replicas = 0;  // 0: nothing is asked, everything counts as confirmed
    Duration timeout{};
    // Writes something of no meaning to the shard.
    std::function<void(size_t shard, redis::OnWritten)> mark = {};
  };
  Confirmations(redis::Client& client, Options options);
  Confirmations(const Confirmations&) = delete;
  Confirmations& operator=(const Confirmations&) = delete;

  void shards(size_t count);
  // It has been carried out there. `on_done` hears Fault::timeout unless replicas have it.
  void written(size_t shard, const Change& change, const redis::Place& place, OnDone on_done);
  // A change may have been made there, and nobody tells.
  void doubt(size_t shard) { shards_[shard].is_doubtful = true; }
  // See Store::confirm_process(), confirm_row().
  using Rests = std::function<bool(const UnconfirmedRows& unconfirmed)>;
  void confirm(size_t shard, const Rests& rests, OnDone on_done);

 private:
  struct Link {
    std::vector<redis::OnReply> asking;             // of the WAIT under way
    std::map<size_t, UnconfirmedRows> unconfirmed;  // by shard
  };
  struct Shard {
    bool is_doubtful = true;
    std::vector<OnDone> waiting;  // for the mark under way
  };
  void drop_former_links(const redis::Place& place);
  void ask(const redis::Place& place, redis::OnReply on_reply);
  void ask_all(std::vector<redis::Place> places, size_t shard, bool needs_mark, OnDone on_done);
  void take(const redis::Place& place, const Result<redis::Value>& reply);
  void mark(size_t shard, OnDone on_done);
  void begin_mark(size_t shard);
  void end_mark(size_t shard, const Result<void>& verdict);
  Result<void> verdict_of(const Result<redis::Value>& reply) const;

  redis::Client& client_;
  const Options options_;
  std::vector<Shard> shards_;
  std::map<redis::Place, Link> links_;
};

}  // namespace causeway::store
