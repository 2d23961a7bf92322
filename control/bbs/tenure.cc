#include "control/bbs/tenure.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "net/loop.h"
#include "tls/random.h"

namespace causeway::bbs {

namespace {

constexpr Duration kInspectAgain = std::chrono::milliseconds(250);

// Of a bbs that is alone: one that was killed is back soon after it has been started again.
constexpr Duration kLoneTtl = std::chrono::seconds(3);
constexpr Duration kLoneRetryInterval = std::chrono::milliseconds(500);

// From least to most.
int strength_of(const std::string& appendfsync) {
  if (appendfsync == "always") return 3;
  if (appendfsync == "everysec") return 2;
  return appendfsync == "no" ? 1 : 0;
}

// The value behind a name in the reply to CONFIG GET.
std::string setting_of(const redis::Value& reply, const std::string& name) {
  for (size_t i = 0; i + 1 < reply.items.size(); i += 2)
    if (reply.items[i].text == name) return reply.items[i + 1].text;
  return "";
}

double seconds_of(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

Tenure::Tenure(net::Loop& loop, const log::Logger& logger, store::RedisStore& store,
               const StoreConfig& config, metrics::Registry& registry, Events events)
    : loop_(loop),
      logger_(logger),
      store_(store),
      config_(config),
      events_(std::move(events)),
      retry_(loop),
      client_(loop, logger.session("tenure"), config.redis),
      opening_(client_, logger,
               {.keys = config.keys.get(),
                .shards = config.shards,
                .insists_on_shards = config.insists_on_shards}) {
  expose(registry);
  inspect();
}

Tenure::~Tenure() = default;

void Tenure::expose(metrics::Registry& registry) {
  registry.gauge_from("LockHeld", "1 while this bbs holds the lock.",
                      [this] { return has_begun_ && !is_over_ ? 1.0 : 0.0; });
  registry.gauge_from("MigrationDuration", "Seconds that making the state fit has taken.",
                      [this] { return seconds_of(opening_duration_); });
  registry.gauge_from("EncryptionDuration", "Seconds that sealing under a new key has taken.",
                      [this] { return seconds_of(resealing_duration_); });
  registry.gauge_from("RowsResealed", "Rows that were sealed under the active key anew.", [this] {
    return resealer_ == nullptr ? 0.0 : static_cast<double>(resealer_->resealed());
  });
  registry.gauge_from("RowsUnreadable", "Rows met that no key opens.",
                      [this] { return static_cast<double>(store_.unreadable_rows()); });
  registry.gauge_from("StoreDurabilityAsExpected",
                      "0 when Redis writes to disk less often than redis.appendfsync expects.",
                      [this] { return is_durable_ ? 1.0 : 0.0; });
  registry.gauge_from("StoreReplicasUnasked",
                      "Replicas beyond redis.wait_replicas: one of them may be promoted without a "
                      "write that others have confirmed.",
                      [this] { return static_cast<double>(replicas_unasked_); });
  registry.counter_from("StoreLosses",
                        "Times that Redis was found without what it had acknowledged.",
                        [this] { return static_cast<double>(losses_); });
}

// Again and again, until Redis answers.
void Tenure::inspect() {
  opening_.inspect([this](Result<store::StateFacts> facts) {
    if (is_over_) return;
    if (facts) return stand(*facts);
    const Fault fault = facts.error().fault;
    if (fault == Fault::invalid || fault == Fault::unsupported)
      return end("state-unusable", facts.error());
    if (fault != Fault::unavailable) logger_.error("failed-to-inspect-state", facts.error());
    retry_.once(kInspectAgain, [this] { inspect(); });
  });
}

void Tenure::stand(const store::StateFacts& facts) {
  store_.shards(facts.shards);
  const store::KeySpace space(facts.shards);
  locks::Leadership::Options options;
  options.mode =
      config_.stands_by ? locks::Leadership::Mode::standing_by : locks::Leadership::Mode::alone;
  options.lock_key = store::KeySpace::leader();
  for (size_t shard = 0; shard < facts.shards; ++shard)
    options.fence_keys.push_back(space.fence(shard));
  options.owner = config_.uuid.empty() ? tls::random_uuid() : config_.uuid;
  options.ttl = config_.stands_by ? config_.lock_ttl : std::min(config_.lock_ttl, kLoneTtl);
  options.retry_interval = config_.stands_by
                               ? config_.lock_retry_interval
                               : std::min(config_.lock_retry_interval, kLoneRetryInterval);
  logger_.info("lock.acquiring-lock", {{"key", options.lock_key}, {"owner", options.owner}});
  leadership_ = std::make_unique<locks::Leadership>(
      loop_, client_, logger_, std::move(options),
      locks::Leadership::Events{
          .on_held = [this](const std::string& token) { take_office(token); },
          .on_lost = [this](const Error& error) { end("lock.lost-lock", error); },
          .on_waiting = [this](const std::string& owner) { note_leader(owner); }});
}

// After a kill it is the former self, whose time is over soon.
void Tenure::note_leader(const std::string& owner) {
  if (config_.stands_by) return;
  logger_.warn("another-bbs-leads",
               {{"owner", owner},
                {"consequence", "waiting until it ends"},
                {"advice", "set locks_locket_enabled where there is more than one bbs"}});
}

void Tenure::take_office(const std::string& token) {
  began_work_ = loop_.now();
  store_.fence(token, [this] {
    end("lock.lost-lock", {.fault = Fault::refused, .detail = "another bbs leads"});
  });
  opening_.prepare(token, [this, token](Result<store::StateFacts> facts) {
    if (is_over_) return;
    if (facts) return begin(token, *facts);
    if (facts.error().fault == Fault::refused) return end("lock.lost-lock", facts.error());
    if (facts.error().fault != Fault::unavailable) return end("state-unusable", facts.error());
    retry_.once(kInspectAgain, [this, token] { take_office(token); });
  });
}

void Tenure::begin(const std::string& token, const store::StateFacts& facts) {
  if (has_begun_) return go_on(facts);
  opening_duration_ = loop_.now() - began_work_;
  store_.shards(facts.shards);
  store_.labels_in_use(facts.labels());
  has_begun_ = true;
  token_ = token;
  check_durability();
  client_.on_link([this](bool connected) {
    if (connected && !is_over_) check_durability();  // it may be another server
  });
  store_.on_loss([this](const store::RowKey& missing) { note_loss(missing); });
  events_.on_begin();
  if (!is_over_) reseal(token, facts);
}

// With a state that has been found to be an older one.
void Tenure::go_on(const store::StateFacts& facts) {
  is_reopening_ = false;
  if (facts.shards != store_.shards()) {
    return end("state-unusable", {.fault = Fault::invalid,
                                  .detail = "it has come back with another number of shards"});
  }
  store_.labels_in_use(facts.labels());
  reseal(token_, facts);
}

void Tenure::reseal(const std::string& token, const store::StateFacts& facts) {
  const auto labels = facts.labels();
  const bool all_active = config_.keys == nullptr ||
                          std::all_of(labels.begin(), labels.end(), [this](const auto& label) {
                            return label == config_.keys->active_label();
                          });
  if (all_active) return;
  resealer_ = std::make_unique<store::Resealer>(
      loop_, client_, logger_,
      store::Resealer::Options{.keys = *config_.keys,
                               .space = store::KeySpace(facts.shards),
                               .token = token,
                               .rows_per_second = config_.reencryption_rows_per_second},
      [this, token, began = loop_.now()](bool clean) {
        resealing_duration_ = loop_.now() - began;
        if (!clean) return logger_.error("rows-left-under-other-keys");
        opening_.forget_other_keys(token, [this](const Result<void>& done) {
          if (done) return store_.labels_in_use({});
          logger_.error("failed-to-note-keys", done.error());
        });
      });
}

// What an acknowledged write is worth is what the server does: doc/durability.md.
void Tenure::check_durability() {
  check_replicas();
  if (config_.appendfsync == "unchecked") return;
  // In a cluster: of the node with the first shard.
  client_.command_at(
      store::KeySpace::meta(), {"CONFIG", "GET", "append*"},
      [this](const Result<redis::Value>& reply) {
        if (!reply) return logger_.warn("durability-unknown", {{"reason", reply.error().detail}});
        const bool appends = setting_of(*reply, "appendonly") == "yes";
        const std::string fsync = appends ? setting_of(*reply, "appendfsync") : "off";
        is_durable_ = strength_of(fsync) >= strength_of(config_.appendfsync);
        if (is_durable_) return logger_.info("durability", {{"appendfsync", fsync}});
        logger_.warn("durability-less-than-expected",
                     {{"appendfsync", fsync},
                      {"expected", config_.appendfsync},
                      {"consequence", "acknowledged writes may be lost when Redis ends"}});
      });
}

// Sentinels may promote any replica, whether it has confirmed or not.
void Tenure::check_replicas() {
  if (config_.wait_replicas == 0 || config_.redis.topology != redis::Topology::sentinel) return;
  client_.command({"ROLE"}, [this](const Result<redis::Value>& reply) {
    if (!reply || reply->items.size() < 3) return;  // not a primary: the link looks for it
    const size_t attached = reply->items[2].items.size();
    const size_t unasked = attached > config_.wait_replicas ? attached - config_.wait_replicas : 0;
    if (std::exchange(replicas_unasked_, unasked) == unasked || unasked == 0) return;
    logger_.warn("confirmed-by-some-replicas-only",
                 {{"wait_replicas", config_.wait_replicas},
                  {"replicas", attached},
                  {"consequence",
                   "a primary that was cut off may go on confirming what is lost "
                   "when another one is promoted"},
                  {"advice", "set redis.wait_replicas to the number of all replicas"}});
  });
}

// Subscribers and convergence have been told that the store was away. What it says of itself is
// older now, too: rows may lie under keys that were out of use.
void Tenure::note_loss(const store::RowKey& missing) {
  ++losses_;
  logger_.error("acknowledged-writes-lost",
                {{"missing", missing.id},
                 {"slot", missing.slot},
                 {"reason",
                  "Redis has come back without what it had acknowledged: restored from "
                  "an older state, or failed over to a replica that was behind"},
                 {"consequence", "event streams are cut, cells and clients are compared with"}});
  if (is_over_ || std::exchange(is_reopening_, true)) return;
  if (resealer_) loop_.bury(std::move(resealer_));
  take_office(token_);
}

void Tenure::end(const char* message, const Error& error) {
  if (std::exchange(is_over_, true)) return;
  logger_.error(message, error);
  std::fprintf(stderr, "bbs: %s: %s\n", message, to_string(error).c_str());
  retry_.disarm();
  events_.on_end(1);
}

void Tenure::release(std::function<void()> done) {
  is_over_ = true;
  retry_.disarm();
  if (resealer_) loop_.bury(std::move(resealer_));
  if (leadership_ == nullptr) return loop_.defer(std::move(done));
  leadership_->release(std::move(done));
}

}  // namespace causeway::bbs
