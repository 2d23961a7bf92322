#include "bench/load/drive/worker.h"

#include <sys/prctl.h>
#include <time.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace causeway::load {
namespace {

constexpr unsigned opening_at_once = 64;  // below what a listener's backlog takes
constexpr Duration sweep_every = Milliseconds(10);

Duration thread_cpu() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

// Loop::now() may be as old as the turn: too old for measuring.
Instant clock_now() { return SystemClock().now(); }

uint64_t nanoseconds(Duration duration) {
  return static_cast<uint64_t>(std::max<int64_t>(duration.count(), 0));
}

// An errno says more to people than the word for it; `os` of a parser's error is a status.
std::string in_words(const Error& error) {
  const bool is_parsers =
      error.fault == Fault::protocol || error.fault == Fault::closed || error.fault == Fault::limit;
  if (error.os != 0 && error.detail.empty() && !is_parsers) return std::strerror(error.os);
  const std::string name(fault_name(error.fault));
  return error.detail.empty() ? name : name + ": " + error.detail;
}

}  // namespace

Worker::Worker(const LoadPlan& plan, const Workload& workload, unsigned index, Events& events)
    : plan_(plan),
      workload_(workload),
      index_(index),
      events_(events),
      orders_(loop_, 16, [this](Order&& order) { on_order(order); }),
      sweep_timer_(loop_),
      window_begin_timer_(loop_),
      window_end_timer_(loop_),
      tally_(plan.digits, plan.interval_count) {}

void Worker::post(Order order) { CHECK(orders_.post(order)); }

void Worker::run() {
  ::prctl(PR_SET_TIMERSLACK, 1000UL);  // wake within a microsecond of what was asked, not 50
  Place::Events& me = *this;
  share_ = workload_.open_share(loop_, index_, me);
  loop_.defer([this] { open_some(); });
  while (phase_ != Phase::finished) {
    if (phase_ != Phase::running || !arrivals_) {
      loop_.run_once();
      continue;
    }
    pump();
    const bool waits_for_time = due_ && !idle_.empty();
    loop_.wait_until(waits_for_time ? start_ + *due_ : clock_now() + sweep_every);
  }
  sweep_timer_.disarm();
  window_begin_timer_.disarm();
  window_end_timer_.disarm();
  share_.reset();
  events_.on_finished();
}

void Worker::open_some() {
  if (!plan_.opens_ahead) {
    for (size_t i = 0; i < share_->size(); ++i) idle_.push_back(share_->place(i));
    opening_next_ = share_->size();
    phase_ = Phase::ready;
    return events_.on_ready(opened_, failed_to_open_, open_example_);
  }
  while (opening_next_ < share_->size() &&
         opening_next_ < opened_ + failed_to_open_ + opening_at_once)
    share_->place(opening_next_++).open();
}

void Worker::on_opened(Place& place, const Error* error) {
  if (phase_ == Phase::finished) return;
  idle_.push_back(place);
  if (error == nullptr) {
    ++opened_;
  } else {
    ++failed_to_open_;
    if (open_example_.empty()) open_example_ = in_words(*error);
  }
  if (opened_ + failed_to_open_ < share_->size()) return open_some();
  phase_ = Phase::ready;
  events_.on_ready(opened_, failed_to_open_, open_example_);
}

void Worker::on_order(const Order& order) {
  if (order.kind == Order::Kind::start) return start(order.at);
  stop();
}

void Worker::start(Instant at) {
  if (phase_ != Phase::ready) return;
  phase_ = Phase::running;
  start_ = at;
  window_begin_ = at + plan_.warm_up;
  window_end_ = window_begin_ + plan_.duration;
  const Instant now = clock_now();
  window_begin_timer_.once(window_begin_ - now, [this] {
    cpu_at_begin_ = thread_cpu();
    window_is_open_ = true;
  });
  window_end_timer_.once(window_end_ - now, [this] {
    end_window();
    if (plan_.pace != LoadPlan::Pace::open) phase_ = Phase::draining;
    finish_if_drained();
  });
  sweep_timer_.every(sweep_every, [this] { sweep(); });
  if (plan_.pace == LoadPlan::Pace::open) {
    arrivals_.emplace(*plan_.profile, plan_.spacing, plan_.seed, index_, plan_.threads);
    due_ = arrivals_->next();
    return;
  }
  if (plan_.pace == LoadPlan::Pace::closed) pump_closed(now);
}

void Worker::end_window() {
  if (std::exchange(window_has_ended_, true)) return;
  const Instant end = std::min(clock_now(), window_end_);
  const double length = std::chrono::duration<double>(end - window_begin_).count();
  const Duration cpu = window_is_open_ ? thread_cpu() - cpu_at_begin_ : Duration::zero();
  tally_.cpu_seconds = std::chrono::duration<double>(cpu).count();
  tally_.thread_busy.push_back(length > 0 ? tally_.cpu_seconds / length : 0);
}

void Worker::stop() {
  if (phase_ == Phase::finished) return;
  if (phase_ == Phase::running || phase_ == Phase::draining) {
    window_end_ = std::min(window_end_, clock_now());
    end_window();
    busy_.for_each([this](Place& place) {
      if (is_measured(place.intended())) ++tally_.unfinished;
    });
  }
  phase_ = Phase::finished;
}

void Worker::begin(Place& place, Instant intended, Instant now) {
  place.unlink();
  busy_.push_back(place);
  if (is_measured(intended))
    tally_.send_delay.record(nanoseconds(now - std::max(intended, place.free_since)));
  place.send(intended, now);
}

void Worker::pump_closed(Instant now) {
  for (size_t count = idle_.size(); count > 0; --count) begin(idle_.front(), now, now);
}

void Worker::pump() {
  if (phase_ != Phase::running || !arrivals_) return;
  while (due_) {
    const Instant now = clock_now();
    const Instant intended = start_ + *due_;
    if (intended > now) return;
    if (intended + plan_.timeout <= now) {
      count_failure(intended, now, Failure::unsent, nullptr);
    } else if (idle_.empty()) {
      return;
    } else {
      begin(idle_.front(), intended, now);
    }
    due_ = arrivals_->next();
  }
  phase_ = Phase::draining;
  finish_if_drained();
}

void Worker::sweep() {
  const Instant now = clock_now();
  while (!busy_.empty() && busy_.front().intended() + plan_.timeout <= now) {
    Place& place = busy_.front();
    place.drop();
    count_failure(place.intended(), now, Failure::timeout, nullptr);
    settle(place, now, true);
  }
  if (phase_ == Phase::running && !arrivals_) {
    for (size_t count = resting_.size(); count > 0; --count) {
      const Instant again = clock_now();
      begin(resting_.front(), again, again);
    }
  }
  finish_if_drained();
}

// The connection is free again.
void Worker::settle(Place& place, Instant now, bool may_rest) {
  place.unlink();
  place.free_since = now;
  if (phase_ == Phase::running && !arrivals_) {
    if (may_rest) return resting_.push_back(place);
    return begin(place, now, now);
  }
  idle_.push_back(place);
  pump();
  finish_if_drained();
}

void Worker::finish_if_drained() {
  if (phase_ == Phase::draining && busy_.empty() && window_has_ended_) phase_ = Phase::finished;
}

Tally::Interval& Worker::interval_at(Instant at) {
  const auto index = static_cast<size_t>((at - window_begin_) / plan_.interval);
  return tally_.intervals[std::min(index, tally_.intervals.size() - 1)];
}

void Worker::on_replied(Place& place, uint16_t status) {
  const Instant now = clock_now();
  const uint64_t latency = nanoseconds(now - place.intended());
  if (is_measured(place.intended())) {
    tally_.latency.record(latency);
    tally_.service.record(nanoseconds(now - place.begun()));
    if (status != 0) ++tally_.statuses[status];
  }
  if (is_measured(now)) {
    Tally::Interval& interval = interval_at(now);
    ++interval.replies;
    interval.latency.record(latency);
  }
  live_replies_.store(live_replies_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  settle(place, now, false);
}

void Worker::count_failure(Instant intended, Instant now, Failure failure, const Error* error) {
  if (is_measured(intended)) {
    const auto kind = static_cast<size_t>(failure);
    ++tally_.failures[kind];
    if (error != nullptr && tally_.examples[kind].empty()) tally_.examples[kind] = in_words(*error);
    if (failure == Failure::timeout || failure == Failure::unsent) {
      ++tally_.late;
      tally_.latency.record(nanoseconds(now - intended));
    }
  }
  if (is_measured(now)) ++interval_at(now).failures;
  live_failures_.store(live_failures_.load(std::memory_order_relaxed) + 1,
                       std::memory_order_relaxed);
}

void Worker::on_failed(Place& place, Failure failure, const Error& error) {
  const Instant now = clock_now();
  count_failure(place.intended(), now, failure, &error);
  settle(place, now, true);
}

void Worker::on_connected(const ConnectionFacts& facts) {
  if (window_is_open_ && !window_has_ended_) ++tally_.connections;
  ++tally_.connections_in_all;
  if (tally_.tls_version.empty()) tally_.tls_version = facts.tls_version;
  tally_.connect_time.record(nanoseconds(facts.took));
  if (facts.handshake == ConnectionFacts::Handshake::full) ++tally_.handshakes_full;
  if (facts.handshake == ConnectionFacts::Handshake::resumed) ++tally_.handshakes_resumed;
}

void Worker::on_dropped(const Error& error) {
  if (!window_is_open_ || window_has_ended_) return;
  ++tally_.dropped;
  if (tally_.dropped_example.empty()) tally_.dropped_example = in_words(error);
}

void Worker::on_traffic(size_t bytes_in, size_t bytes_out) {
  if (!window_is_open_ || window_has_ended_) return;
  tally_.bytes_in += bytes_in;
  tally_.bytes_out += bytes_out;
}

}  // namespace causeway::load
