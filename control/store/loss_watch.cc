#include "control/store/loss_watch.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace causeway::store {

namespace {

size_t digest_of(const std::optional<std::string>& bytes) {
  return bytes ? std::hash<std::string>()(*bytes) : 0;
}

bool touches(const Change& change, const RowKey& key) {
  return std::any_of(change.begin(), change.end(),
                     [&](const RowChange& row) { return row.key == key; });
}

}  // namespace

uint64_t LossWatch::written(size_t shard, const Change& change, const redis::Place& place) {
  uncertain(shard, change);
  Shard& written = shards_[shard];
  if (written.written_at != place) {
    written.written_at = place;
    ++written.links;
  }
  return written.links;
}

void LossWatch::acknowledged(size_t shard, const Change& change, uint64_t link) {
  if (link != shards_[shard].links) return;
  const auto written = std::find_if(change.begin(), change.end(), [](const RowChange& row) {
    return row.blind || row.before != row.after;
  });
  if (written == change.end()) return;
  uncertain(shard, change);
  shards_[shard].newest = {written->key, digest_of(written->after)};
}

void LossWatch::uncertain(size_t shard, const Change& change) {
  for (auto* witness : {&shards_[shard].newest, &shards_[shard].sought})
    if (*witness && touches(change, (*witness)->key)) witness->reset();
}

std::optional<RowKey> LossWatch::begin_look(size_t shard) {
  Shard& looked_at = shards_[shard];
  if (!looked_at.newest || std::exchange(looked_at.is_looking, true)) return std::nullopt;
  looked_at.sought = looked_at.newest;
  return looked_at.sought->key;
}

bool LossWatch::end_look(size_t shard, const std::optional<std::string>& found) {
  Shard& looked_at = shards_[shard];
  looked_at.is_looking = false;
  const auto sought = std::exchange(looked_at.sought, std::nullopt);
  if (!sought || digest_of(found) == sought->digest) return false;
  if (looked_at.newest && looked_at.newest->key == sought->key) looked_at.newest.reset();
  return true;
}

void LossWatch::drop_look(size_t shard) {
  shards_[shard].is_looking = false;
  shards_[shard].sought.reset();
}

}  // namespace causeway::store
