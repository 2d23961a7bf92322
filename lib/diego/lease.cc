#include "diego/lease.h"

#include <algorithm>
#include <utility>

#include "net/loop.h"

namespace causeway::diego {

namespace {

// Who waits for a lock looks often: one that was given up, or has run out, is taken at once, as
// people see it.
constexpr Duration kLookInterval = std::chrono::milliseconds(500);

// How often a holder looks at the clock: one that was stopped finds out before it does anything
// that was due later than this.
constexpr Duration kWatchInterval = std::chrono::milliseconds(250);

}  // namespace

Lease::Lease(net::Loop& loop, Options options, Events events)
    : options_(std::move(options)),
      events_(std::move(events)),
      next_(loop),
      deadline_(loop),
      granted_(options_.clock),
      loop_(loop),
      client_(loop, {.url = options_.locket_url,
                     .timeout = options_.retry_interval,
                     .attempts = 1,
                     .identity = options_.identity}) {
  const bool is_lock = options_.kind == Kind::lock;
  resource_.set_key(options_.key);
  resource_.set_owner(options_.owner);
  resource_.set_value(options_.value);
  resource_.set_type(is_lock ? "lock" : "presence");
  resource_.set_type_code(is_lock ? models::Resource::LOCK : models::Resource::PRESENCE);
  attempt();
}

void Lease::value(std::string value) {
  resource_.set_value(std::move(value));
  if (!is_over_ && !is_asking_) attempt();
}

void Lease::release(std::function<void()> done) {
  is_over_ = true;
  is_held_ = false;
  next_.disarm();
  deadline_.disarm();
  on_released_ = std::move(done);
  if (!is_asking_) give_up();
}

void Lease::give_up() {
  client_.release(resource_, [this](const Result<void>&) { std::exchange(on_released_, {})(); });
}

void Lease::attempt() {
  is_asking_ = true;
  asked_ = granted_.now();
  client_.lock(resource_, options_.ttl,
               [this](Result<void> answer) { answered(std::move(answer)); });
}

void Lease::answered(Result<void> answer) {
  is_asking_ = false;
  // Whatever the answer is: one that was lost may have been a yes.
  if (is_over_ && on_released_) return give_up();
  if (is_over_) return;
  const bool waits =
      !answer && !is_held_ && answer.error().fault == Fault::conflict;  // another one has it
  next_.once(waits ? std::min(options_.retry_interval, kLookInterval) : options_.retry_interval,
             [this] { attempt(); });
  if (answer) {
    granted_.grant(asked_, options_.ttl);
    if (!deadline_.is_armed()) deadline_.every(kWatchInterval, [this] { watch(); });
    if (!std::exchange(is_held_, true) && events_.on_held) events_.on_held();
    return;
  }
  if (is_held_ && answer.error().fault == Fault::conflict) {
    lose(answer.error());
  } else if (events_.on_refused) {
    events_.on_refused(answer.error());
  }
}

void Lease::watch() {
  if (granted_.left() == Duration::zero())
    lose({.fault = Fault::timeout, .detail = "not renewed for its ttl"});
}

void Lease::lose(const Error& error) {
  is_held_ = false;
  deadline_.disarm();
  if (options_.kind == Kind::lock) {
    is_over_ = true;
    next_.disarm();
  }
  if (events_.on_lost) events_.on_lost(error);
}

}  // namespace causeway::diego
