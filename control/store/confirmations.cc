#include "control/store/confirmations.h"

#include <iterator>
#include <utility>

namespace causeway::store {

namespace {

// Rows of a shard that were changed while no replica confirms; beyond, it is doubted as a whole.
constexpr size_t kUnconfirmedMax = 100'000;

}  // namespace

Confirmations::Confirmations(redis::Client& client, Options options)
    : client_(client), options_(std::move(options)), shards_(1) {}

void Confirmations::shards(size_t count) {
  shards_ = std::vector<Shard>(count);
  links_.clear();
}

void Confirmations::written(size_t shard, const Change& change, const redis::Place& place,
                            OnDone on_done) {
  if (options_.replicas == 0) return on_done({});
  drop_former_links(place);
  UnconfirmedRows& unconfirmed = links_[place].unconfirmed[shard];
  if (unconfirmed.size() < kUnconfirmedMax) {
    unconfirmed.add(change);
  } else {
    doubt(shard);
  }
  ask(place, [this, on_done = std::move(on_done)](const Result<redis::Value>& reply) {
    on_done(verdict_of(reply));
  });
}

// A server has one link: another one has gone, and confirms nothing any more.
void Confirmations::drop_former_links(const redis::Place& place) {
  for (auto at = links_.lower_bound({place.server, 0}); at != links_.end() && at->first < place;) {
    for (const auto& [shard, rows] : at->second.unconfirmed) doubt(shard);
    // Those who wait hear of it.
    at = at->second.asking.empty() ? links_.erase(at) : std::next(at);
  }
}

// A link answers in order, and WAIT covers all that it has written before it: what is answered
// before the WAIT under way is covered by that one too. More than one would only hold the link up,
// each for the whole timeout; on any other link it would confirm nothing.
void Confirmations::ask(const redis::Place& place, redis::OnReply on_reply) {
  auto& asking = links_[place].asking;
  asking.push_back(std::move(on_reply));
  if (asking.size() > 1) return;
  client_.confirm(place, options_.replicas, options_.timeout,
                  [this, place](const Result<redis::Value>& reply) { take(place, reply); });
}

void Confirmations::take(const redis::Place& place, const Result<redis::Value>& reply) {
  Link& link = links_[place];
  const auto covered = std::exchange(link.asking, {});
  if (!reply) {  // that link will confirm nothing any more
    for (const auto& [shard, rows] : link.unconfirmed) doubt(shard);
    links_.erase(place);
  } else if (reply->integer >= options_.replicas) {
    links_.erase(place);
  }
  for (const auto& each : covered) each(reply);
}

void Confirmations::confirm(size_t shard, const Rests& rests, OnDone on_done) {
  if (options_.replicas == 0) return on_done({});
  std::vector<redis::Place> places;
  for (const auto& [place, link] : links_) {
    const auto unconfirmed = link.unconfirmed.find(shard);
    if (unconfirmed != link.unconfirmed.end() && rests(unconfirmed->second))
      places.push_back(place);
  }
  ask_all(std::move(places), shard, shards_[shard].is_doubtful || !shards_[shard].waiting.empty(),
          std::move(on_done));
}

// A mark that was under way before does not cover what was written on other links since.
void Confirmations::ask_all(std::vector<redis::Place> places, size_t shard, bool needs_mark,
                            OnDone on_done) {
  if (places.empty()) return needs_mark ? mark(shard, std::move(on_done)) : on_done({});
  const redis::Place place = std::move(places.back());
  places.pop_back();
  ask(place, [this, places = std::move(places), shard, needs_mark,
              on_done = std::move(on_done)](const auto& reply) mutable {
    if (!reply) return mark(shard, std::move(on_done));
    if (const auto verdict = verdict_of(reply); !verdict) return on_done(verdict);
    ask_all(std::move(places), shard, needs_mark, std::move(on_done));
  });
}

void Confirmations::mark(size_t shard, OnDone on_done) {
  auto& waiting = shards_[shard].waiting;
  waiting.push_back(std::move(on_done));
  if (waiting.size() == 1) begin_mark(shard);
}

void Confirmations::begin_mark(size_t shard) {
  shards_[shard].is_doubtful = false;  // unless it becomes so meanwhile
  options_.mark(shard, [this, shard](const Result<redis::Value>& reply, const auto& place) {
    if (!reply) return end_mark(shard, reply.error());
    ask(place, [this, shard](const auto& answer) { end_mark(shard, verdict_of(answer)); });
  });
}

void Confirmations::end_mark(size_t shard, const Result<void>& verdict) {
  if (verdict && shards_[shard].is_doubtful) return begin_mark(shard);
  if (!verdict) doubt(shard);
  for (const auto& each : std::exchange(shards_[shard].waiting, {})) each(verdict);
}

// What is not confirmed is written all the same.
Result<void> Confirmations::verdict_of(const Result<redis::Value>& reply) const {
  if (reply && reply->integer >= options_.replicas) return {};
  return Error{
      .fault = Fault::timeout,
      .side = Side::backend,
      .detail = reply ? "only " + std::to_string(reply->integer) +
                            " replicas have confirmed the write in time"
                      // Demoted, or the link broke.
                      : "it is not known whether replicas have the write: " + reply.error().detail};
}

}  // namespace causeway::store
