#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "control/bbs/store_config.h"
#include "control/locks/leadership.h"
#include "control/store/resealer.h"
#include "control/store/state_opening.h"
#include "log/logger.h"
#include "metrics/registry.h"

namespace causeway::bbs {

// One bbs' time as the one that writes: looks at the state in Redis as soon as it can (a state it
// cannot work on ends the program at once, not at the hand-over), waits for the lock, makes the
// state fit, begins; seals rows again that lie under an older key; ends when the lock is lost.
// Owner: main(). Thread: its loop's.
class Tenure {
 public:
  struct Events {
    std::function<void()> on_begin;        // may serve and write now
    std::function<void(int code)> on_end;  // may do neither any more
  };
  Tenure(net::Loop& loop, const log::Logger& logger, store::RedisStore& store,
         const StoreConfig& config, metrics::Registry& registry, Events events);
  Tenure(const Tenure&) = delete;
  Tenure& operator=(const Tenure&) = delete;
  ~Tenure();

  bool is_held() const { return has_begun_; }
  // Whether nobody else can have begun one at this moment (locks::Leadership::is_sure).
  bool is_sure() const { return has_begun_ && !is_over_ && leadership_->is_sure(); }
  // Gives the lock up; `done` also when that fails.
  void release(std::function<void()> done);

 private:
  void expose(metrics::Registry& registry);
  void inspect();
  void stand(const store::StateFacts& facts);
  void note_leader(const std::string& owner);
  void take_office(const std::string& token);
  void begin(const std::string& token, const store::StateFacts& facts);
  void go_on(const store::StateFacts& facts);
  void reseal(const std::string& token, const store::StateFacts& facts);
  void check_durability();
  void check_replicas();
  void note_loss(const store::RowKey& missing);
  void end(const char* message, const Error& error);

  net::Loop& loop_;
  const log::Logger logger_;
  store::RedisStore& store_;
  const StoreConfig config_;
  const Events events_;
  bool has_begun_ = false, is_over_ = false, is_reopening_ = false;
  Instant began_work_{};
  Duration opening_duration_{}, resealing_duration_{};
  bool is_durable_ = true;  // as far as known
  size_t replicas_unasked_ = 0;
  uint64_t losses_ = 0;
  std::string token_;
  net::Timer retry_;
  redis::Client client_;  // not the store's: the lock does not wait behind bulk reads
  store::StateOpening opening_;
  std::unique_ptr<locks::Leadership> leadership_;
  std::unique_ptr<store::Resealer> resealer_;
};

}  // namespace causeway::bbs
