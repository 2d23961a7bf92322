#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/list.h"
#include "bench/load/drive/load_plan.h"
#include "bench/load/drive/place.h"
#include "bench/load/measure/rate.h"
#include "bench/load/measure/tally.h"
#include "net/loop.h"
#include "net/mailbox.h"
#include "net/timer.h"

namespace causeway::load {

// One thread of the generator: its share of the connections and of the arrivals.
// Units are taken from the arrivals as places become free; nothing is queued, so a target that is
// behind costs no memory, and what could not be sent within the timeout is counted as such.
// Owner: Run, which starts the thread and joins it. Thread: its own in run(); post() and the
// live counters: any.
class Worker final : Place::Events {
 public:
  struct Order {
    enum class Kind : uint8_t { start, stop } kind = Kind::stop;
    Instant at{};  // start: when the run begins
  };
  // What it tells its owner, from its own thread.
  class Events {
   public:
    virtual void on_ready(unsigned opened, unsigned failed, std::string example) = 0;
    virtual void on_finished() = 0;

   protected:
    ~Events() = default;
  };

  Worker(const LoadPlan& plan, const Workload& workload, unsigned index, Events& events);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // The thread's body: opens the connections, waits for the order to start, sends, waits for the
  // last replies.
  void run();
  void post(Order order);

  uint64_t live_replies() const { return live_replies_.load(std::memory_order_relaxed); }
  uint64_t live_failures() const { return live_failures_.load(std::memory_order_relaxed); }

  // After the thread has ended.
  const Tally& tally() const { return tally_; }

 private:
  enum class Phase : uint8_t { opening, ready, running, draining, finished };

  void open_some();
  void on_order(const Order& order);
  void start(Instant at);
  void stop();
  // Sends what is due on what is free.
  void pump();
  void pump_closed(Instant now);
  void begin(Place& place, Instant intended, Instant now);
  // Gives up what has waited too long, lets failed connections try again.
  void sweep();
  void settle(Place& place, Instant now, bool may_rest);
  void finish_if_drained();
  void count_failure(Instant intended, Instant now, Failure failure, const Error* error);
  bool is_measured(Instant at) const { return at >= window_begin_ && at < window_end_; }
  Tally::Interval& interval_at(Instant at);
  void end_window();

  void on_opened(Place& place, const Error* error) override;
  void on_replied(Place& place, uint16_t status) override;
  void on_failed(Place& place, Failure failure, const Error& error) override;
  void on_connected(const ConnectionFacts& facts) override;
  void on_dropped(const Error& error) override;
  void on_traffic(size_t bytes_in, size_t bytes_out) override;

  const LoadPlan& plan_;
  const Workload& workload_;
  unsigned index_;
  Events& events_;
  net::Loop loop_;
  net::Mailbox<Order> orders_;
  net::Timer sweep_timer_, window_begin_timer_, window_end_timer_;
  Phase phase_ = Phase::opening;
  std::unique_ptr<Share> share_;
  size_t opening_next_ = 0;
  unsigned opened_ = 0, failed_to_open_ = 0;
  std::string open_example_;
  List<Place> idle_;
  List<Place> busy_;     // by intended time
  List<Place> resting_;  // closed loop: failed, not to try again at once
  std::optional<Arrivals> arrivals_;
  std::optional<Duration> due_;  // the next arrival, from start_
  Instant start_{}, window_begin_{}, window_end_{};
  Duration cpu_at_begin_{};
  bool window_is_open_ = false;
  bool window_has_ended_ = false;
  Tally tally_;
  std::atomic<uint64_t> live_replies_{0};
  std::atomic<uint64_t> live_failures_{0};
};

}  // namespace causeway::load
