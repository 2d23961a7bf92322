#include "control/locks/leadership.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "net/loop.h"

namespace causeway::locks {

namespace {

// A stand-by looks often: a lock that was given up is taken at once, as people see it.
constexpr Duration kLookInterval = std::chrono::milliseconds(500);

// KEYS: lock, fence. ARGV: owner, ttl in ms. Answers {1, token}, or {0, ms left, owner}.
constexpr const char* kTakeScript = R"(
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
  return {0, redis.call('PTTL', KEYS[1]), holder}
end
local fence = redis.call('GET', KEYS[2])
local number = fence and tonumber(string.match(fence, '^%d+')) or 0
local token = string.format('%d %s', number + 1, ARGV[1])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[2], token)
return {1, token}
)";

// KEYS: fence. ARGV: token.
constexpr const char* kFenceScript = R"(
local fence = redis.call('GET', KEYS[1])
local found = fence and tonumber(string.match(fence, '^%d+')) or 0
if found > tonumber(string.match(ARGV[1], '^%d+')) then
  return redis.error_reply('FENCED ' .. fence)
end
redis.call('SET', KEYS[1], ARGV[1])
return 1
)";

// KEYS: lock, fence. ARGV: owner, ttl in ms, token. The fence decides: while it is ours nobody has
// had the lock in between.
constexpr const char* kRenewScript = R"(
local fence = redis.call('GET', KEYS[2])
if fence ~= ARGV[3] then return redis.error_reply('FENCED ' .. (fence or 'none')) end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
)";

constexpr const char* kReleaseScript = R"(
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
)";

std::string milliseconds_text(Duration duration) {
  return std::to_string(std::chrono::duration_cast<Milliseconds>(duration).count());
}

}  // namespace

Leadership::Leadership(net::Loop& loop, redis::Client& client, const log::Logger& logger,
                       Options options, Events events)
    : options_(std::move(options)),
      events_(std::move(events)),
      loop_(loop),
      client_(client),
      logger_(logger.session("lock")),
      take_script_(kTakeScript),
      fence_script_(kFenceScript),
      renew_script_(kRenewScript),
      release_script_(kReleaseScript),
      granted_(options_.clock),
      next_(loop),
      deadline_(loop) {
  CHECK(!options_.fence_keys.empty() && options_.owner.find(' ') == std::string::npos);
  attempt();
}

void Leadership::attempt() {
  asked_ = granted_.now();
  ++unanswered_;
  client_.eval(take_script_, {options_.lock_key, options_.fence_keys[0]},
               {options_.owner, milliseconds_text(options_.ttl)},
               [this](Result<redis::Value> reply) { take_attempt(std::move(reply)); });
}

void Leadership::take_attempt(Result<redis::Value> reply) {
  // An answer that was lost may have been a yes.
  may_be_ours_ |= reply ? reply->items.size() == 2 : reply.error().retry != Retry::always;
  if (!answered()) return;
  if (!reply || reply->items.size() < 2) {
    if (!reply && reply.error().fault != Fault::unavailable)
      logger_.error("failed-to-acquire-lock", reply.error());
    return wait(options_.retry_interval);
  }
  if (reply->items[0].integer == 1) {
    token_ = reply->items[1].text;
    phase_ = Phase::fencing;
    guard(asked_);
    return lay_fences();
  }
  const std::string owner = reply->items.size() > 2 ? reply->items[2].text : "";
  if (std::exchange(waits_for_, owner) != owner) {
    logger_.info("waiting", {{"owner", owner}});
    if (events_.on_waiting) events_.on_waiting(owner);
  }
  wait(std::chrono::milliseconds(std::max<int64_t>(reply->items[1].integer, 0)));
}

void Leadership::wait(Duration left) {
  const Duration pause = std::min({left, options_.retry_interval, kLookInterval});
  next_.once(std::max<Duration>(pause, std::chrono::milliseconds(10)), [this] { attempt(); });
}

// Old leaders may still write to shards that have not been reached; we write to none until all have
// been.
void Leadership::lay_fences() {
  fences_missing_ = options_.fence_keys.size();
  for (const std::string& key : options_.fence_keys) {
    client_.eval(fence_script_, {key}, {token_},
                 [this, token = token_](const Result<redis::Value>& reply) {
                   if (token == token_) take_fences(reply ? nullptr : &reply.error());
                 });
  }
}

void Leadership::take_fences(const Error* refusal) {
  if (phase_ != Phase::fencing) return;
  if (refusal != nullptr) {
    logger_.info("failed-to-fence", {{"error", to_string(*refusal)}});
    phase_ = Phase::waiting;
    deadline_.disarm();
    return wait(kLookInterval);  // the next token has a higher number
  }
  if (--fences_missing_ > 0) return;
  phase_ = Phase::held;
  waits_for_.clear();
  logger_.info("acquired-lock", {{"token", token_}});
  next_.once(options_.retry_interval, [this] { renew(); });
  events_.on_held(token_);
}

void Leadership::renew() {
  next_.once(options_.retry_interval, [this] { renew(); });
  ++unanswered_;
  client_.eval(renew_script_, {options_.lock_key, options_.fence_keys[0]},
               {options_.owner, milliseconds_text(options_.ttl), token_},
               [this, asked = granted_.now()](const Result<redis::Value>& reply) {
                 take_renewal(reply, asked);
               });
}

void Leadership::take_renewal(const Result<redis::Value>& reply, BootInstant asked) {
  if (!answered()) return;
  if (reply) {
    is_renewal_failing_ = false;
    return guard(asked);
  }
  if (reply.error().fault == Fault::refused) return lose(reply.error());
  // Once for each outage.
  if (!std::exchange(is_renewal_failing_, true))
    logger_.error("failed-to-renew-lock", reply.error());
}

// Who is alone needs no deadline: whoever takes the lock all the same lays a fence.
void Leadership::guard(BootInstant asked) {
  granted_.grant(asked, options_.ttl);
  if (options_.mode == Mode::alone) return;
  deadline_.once(granted_.left(),
                 [this] { lose({.fault = Fault::timeout, .detail = "not renewed for its ttl"}); });
}

void Leadership::lose(Error error) {
  phase_ = Phase::over;
  next_.disarm();
  deadline_.disarm();
  events_.on_lost(error);
}

bool Leadership::answered() {
  --unanswered_;
  if (phase_ != Phase::over) return true;
  if (on_released_ && unanswered_ == 0) give_up();
  return false;
}

void Leadership::release(std::function<void()> done) {
  phase_ = Phase::over;
  next_.disarm();
  deadline_.disarm();
  on_released_ = std::move(done);
  if (unanswered_ == 0) give_up();
}

void Leadership::give_up() {
  std::function<void()> done = std::exchange(on_released_, {});
  if (!may_be_ours_) return loop_.defer(std::move(done));
  client_.eval(release_script_, {options_.lock_key}, {options_.owner},
               [done = std::move(done)](const Result<redis::Value>&) { done(); });
}

}  // namespace causeway::locks
