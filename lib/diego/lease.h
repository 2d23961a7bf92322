#pragma once

#include <functional>
#include <string>

#include "base/boot_clock.h"
#include "base/result.h"
#include "diego/locket_client.h"
#include "net/timer.h"

namespace causeway::diego {

// A lock or presence in Locket that is taken as soon as it is free and renewed while we live. A
// lock that is refused on renewal, or could not be renewed for its ttl, is lost: nothing more is
// tried, the service ends. A lost presence is taken again. What may be done by the holder only is
// asked for right before it is done: may_act(). Owner: main(). Thread: its loop's. Not to be ended
// inside its callbacks.
class Lease {
 public:
  enum class Kind : uint8_t { lock, presence };
  struct Options {
    std::string locket_url;
    Kind kind = Kind::lock;
    std::string key;
    std::string owner;  // unique for the process
    std::string value = {};
    Duration ttl = std::chrono::seconds(14);
    Duration retry_interval = std::chrono::seconds(5);
    rpc::Identity* identity = nullptr;  // for https; outlives the lease
    const BootClock* clock = nullptr;   // absent: the machine's
  };
  struct Events {
    std::function<void()> on_held = {};
    std::function<void(const Error&)> on_lost = {};
    std::function<void(const Error&)> on_refused = {};  // an attempt failed; more follow
  };

  Lease(net::Loop& loop, Options options, Events events);
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  bool is_held() const { return is_held_; }
  // Whether it is ours now, and for long enough that what is sent now arrives while it is. Looks at
  // the clock itself: a loop that was stopped does not know the time yet, and its clock does not
  // count the time that the machine was suspended.
  bool may_act() const { return is_held_ && granted_.is_sure(); }
  // From when on may_act() says no, unless it is renewed before.
  BootInstant acts_until() const { return is_held_ ? granted_.sure_until() : BootInstant{}; }
  // From the next renewal on, which happens at once.
  void value(std::string value);
  // Gives it up, so that nobody has to wait for its ttl; `done` also when that fails. An attempt
  // that is under way is waited for, since it could win after the release. Nothing is tried
  // afterwards.
  void release(std::function<void()> done);

 private:
  void attempt();
  void answered(Result<void> answer);
  void watch();
  void give_up();
  void lose(const Error& error);

  const Options options_;
  const Events events_;
  models::Resource resource_;
  bool is_held_ = false;
  bool is_over_ = false;
  bool is_asking_ = false;
  net::Timer next_;      // attempt
  net::Timer deadline_;  // while it is held: has its time ended?
  BootInstant asked_{};
  GrantedTime granted_;  // by the last renewal
  std::function<void()> on_released_;
  net::Loop& loop_;
  LocketClient client_;
};

}  // namespace causeway::diego
