#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/boot_clock.h"
#include "base/result.h"
#include "log/logger.h"
#include "net/timer.h"
#include "redis/client.h"

namespace causeway::locks {

// The right to write: a lock in Redis, renewed while we live, and a fence. A token, "NUMBER OWNER",
// is given with the lock and laid before every shard of the state; scripts that carry another one
// change nothing. So who was stopped, cut off or slow, and comes back after somebody else has
// taken over, can do no harm, whatever it believes. Numbers only grow; the owner's name tells two
// tokens apart that a failover of Redis has given the same number.
//
// Who has the lock keeps it as long as it renews it; everybody else waits until its time is over.
// Lost, once and for all: when somebody else has taken it, when it could not be renewed for its ttl
// (standing by only), or when a shard refuses the token. Owner: main(). Thread: its loop's. Not to
// be ended inside its callbacks.
class Leadership {
 public:
  enum class Mode : uint8_t {
    standing_by,  // one of several: who cannot renew ends, another one leads by then
    alone,        // nobody else is expected: keeps the lead while Redis is away, and goes on if
                  // really nobody has taken it
  };
  struct Options {
    Mode mode = Mode::standing_by;
    std::string lock_key;
    std::vector<std::string> fence_keys;  // one of each shard; the first lies beside the lock
    std::string owner;                    // unique for the process, no spaces
    Duration ttl = std::chrono::seconds(14);
    Duration retry_interval = std::chrono::seconds(5);
    const BootClock* clock = nullptr;  // absent: the machine's
  };
  struct Events {
    std::function<void(const std::string& token)> on_held;
    std::function<void(const Error&)> on_lost;
    std::function<void(const std::string& owner)> on_waiting = {};  // for another one; once each
  };

  // Begins when it is made; `client` outlives it.
  Leadership(net::Loop& loop, redis::Client& client, const log::Logger& logger, Options options,
             Events events);
  Leadership(const Leadership&) = delete;
  Leadership& operator=(const Leadership&) = delete;

  bool is_held() const { return phase_ == Phase::held; }
  // Whether nobody else can lead at this moment: the lock is held, and its last renewal lasts.
  // Looks at the clock itself, so that a process that was stopped, or whose machine was, and has
  // woken up says no. Without it is_held() is what we believe; writes need neither, they carry the
  // token.
  bool is_sure() const { return is_held() && granted_.is_sure(); }
  // Gives it up, so that a stand-by need not wait for the ttl; `done` also when that fails. What is
  // under way is waited for, since it could win after the release.
  void release(std::function<void()> done);

 private:
  enum class Phase : uint8_t { waiting, fencing, held, over };

  void attempt();
  void take_attempt(Result<redis::Value> reply);
  void lay_fences();
  void take_fences(const Error* refusal);
  void renew();
  void take_renewal(const Result<redis::Value>& reply, BootInstant asked);
  void wait(Duration left);
  void guard(BootInstant asked);
  // What was asked of the lock has been answered; whether that still matters.
  bool answered();
  void give_up();
  void lose(Error error);

  const Options options_;
  const Events events_;
  net::Loop& loop_;
  redis::Client& client_;
  const log::Logger logger_;
  const redis::Script take_script_, fence_script_, renew_script_, release_script_;
  Phase phase_ = Phase::waiting;
  std::string token_;
  std::string waits_for_;
  BootInstant asked_{};  // of the attempt under way
  GrantedTime granted_;  // by it, or by the last renewal
  size_t fences_missing_ = 0;
  size_t unanswered_ = 0;  // attempts and renewals
  bool may_be_ours_ = false;
  bool is_renewal_failing_ = false;
  std::function<void()> on_released_;
  net::Timer next_;      // attempt or renewal
  net::Timer deadline_;  // of what is held: ttl after the last renewal was sent
};

}  // namespace causeway::locks
