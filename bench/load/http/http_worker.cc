#include "bench/load/http/http_worker.h"

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

unsigned share(unsigned total, unsigned index, unsigned of) {
  return total / of + (index < total % of ? 1 : 0);
}

std::string in_words(const Error& error) {
  if (error.os != 0 && error.detail.empty() && error.side != Side::client &&
      error.fault != Fault::protocol)
    return std::strerror(error.os);
  return to_string(error);
}

}  // namespace

HttpWorker::HttpWorker(const HttpPlan& plan, unsigned index, Events& events)
    : plan_(plan),
      index_(index),
      events_(events),
      orders_(loop_, 16, [this](Order&& order) { on_order(order); }),
      sweep_timer_(loop_),
      window_begin_timer_(loop_),
      window_end_timer_(loop_),
      tally_(plan.digits, plan.interval_count) {
  // Each worker begins elsewhere, so that not all ask for the same at once.
  for (const auto& requests : plan.requests_of)
    cursors_.push_back(requests.size() * index / plan.threads);
  HttpConnection::Events& me = *this;
  const unsigned mine = share(plan.connections, index, plan.threads);
  for (unsigned i = 0; i < mine; ++i) {
    const size_t address = (index + size_t{i} * plan.threads) % plan.addresses.size();
    connections_.push_back(
        std::make_unique<HttpConnection>(loop_, plan, me, address, cursors_[address]));
  }
}

void HttpWorker::post(Order order) { CHECK(orders_.post(order)); }

void HttpWorker::run() {
  ::prctl(PR_SET_TIMERSLACK, 1000UL);  // wake within a microsecond of what was asked, not 50
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
  connections_.clear();
  events_.on_finished();
}

void HttpWorker::open_some() {
  if (plan_.close_each) {
    for (const auto& connection : connections_) idle_.push_back(*connection);
    opening_next_ = connections_.size();
    phase_ = Phase::ready;
    return events_.on_ready(opened_, failed_to_open_, open_example_);
  }
  while (opening_next_ < connections_.size() &&
         opening_next_ < opened_ + failed_to_open_ + opening_at_once)
    connections_[opening_next_++]->open();
}

void HttpWorker::on_opened(HttpConnection& connection, const Error* error) {
  if (phase_ == Phase::finished) return;
  idle_.push_back(connection);
  if (error == nullptr) {
    ++opened_;
  } else {
    ++failed_to_open_;
    if (open_example_.empty()) open_example_ = in_words(*error);
  }
  if (opened_ + failed_to_open_ < connections_.size()) return open_some();
  phase_ = Phase::ready;
  events_.on_ready(opened_, failed_to_open_, open_example_);
}

void HttpWorker::on_order(const Order& order) {
  if (order.kind == Order::Kind::start) return start(order.at);
  stop();
}

void HttpWorker::start(Instant at) {
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
    if (!plan_.profile) phase_ = Phase::draining;
    finish_if_drained();
  });
  sweep_timer_.every(sweep_every, [this] { sweep(); });
  if (plan_.profile) {
    arrivals_.emplace(*plan_.profile, plan_.spacing, plan_.seed, index_, plan_.threads);
    due_ = arrivals_->next();
    return;
  }
  pump_closed(now);
}

void HttpWorker::end_window() {
  if (std::exchange(window_has_ended_, true)) return;
  const Instant end = std::min(clock_now(), window_end_);
  const double length = std::chrono::duration<double>(end - window_begin_).count();
  const Duration cpu = window_is_open_ ? thread_cpu() - cpu_at_begin_ : Duration::zero();
  tally_.cpu_seconds = std::chrono::duration<double>(cpu).count();
  tally_.thread_busy.push_back(length > 0 ? tally_.cpu_seconds / length : 0);
}

void HttpWorker::stop() {
  if (phase_ == Phase::finished) return;
  if (phase_ == Phase::running || phase_ == Phase::draining) {
    window_end_ = std::min(window_end_, clock_now());
    end_window();
    busy_.for_each([this](HttpConnection& connection) {
      if (is_measured(connection.intended())) ++tally_.unfinished;
    });
  }
  phase_ = Phase::finished;
}

void HttpWorker::begin(HttpConnection& connection, Instant intended, Instant now) {
  connection.unlink();
  busy_.push_back(connection);
  if (is_measured(intended))
    tally_.send_delay.record(nanoseconds(now - std::max(intended, connection.free_since)));
  connection.send(intended, now);
}

void HttpWorker::pump_closed(Instant now) {
  for (size_t count = idle_.size(); count > 0; --count) begin(idle_.front(), now, now);
}

void HttpWorker::pump() {
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

void HttpWorker::sweep() {
  const Instant now = clock_now();
  while (!busy_.empty() && busy_.front().intended() + plan_.timeout <= now) {
    HttpConnection& connection = busy_.front();
    connection.drop();
    count_failure(connection.intended(), now, Failure::timeout, nullptr);
    settle(connection, now, true);
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
void HttpWorker::settle(HttpConnection& connection, Instant now, bool may_rest) {
  connection.unlink();
  connection.free_since = now;
  if (phase_ == Phase::running && !arrivals_) {
    if (may_rest) return resting_.push_back(connection);
    return begin(connection, now, now);
  }
  idle_.push_back(connection);
  pump();
  finish_if_drained();
}

void HttpWorker::finish_if_drained() {
  if (phase_ == Phase::draining && busy_.empty() && window_has_ended_) phase_ = Phase::finished;
}

Tally::Interval& HttpWorker::interval_at(Instant at) {
  const auto index = static_cast<size_t>((at - window_begin_) / plan_.interval);
  return tally_.intervals[std::min(index, tally_.intervals.size() - 1)];
}

void HttpWorker::on_replied(HttpConnection& connection, uint16_t status) {
  const Instant now = clock_now();
  const uint64_t latency = nanoseconds(now - connection.intended());
  if (is_measured(connection.intended())) {
    tally_.latency.record(latency);
    tally_.service.record(nanoseconds(now - connection.begun()));
    ++tally_.statuses[status];
  }
  if (is_measured(now)) {
    Tally::Interval& interval = interval_at(now);
    ++interval.replies;
    interval.latency.record(latency);
  }
  live_replies_.store(live_replies_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  settle(connection, now, false);
}

void HttpWorker::count_failure(Instant intended, Instant now, Failure failure, const Error* error) {
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

void HttpWorker::on_failed(HttpConnection& connection, Failure failure, const Error& error) {
  const Instant now = clock_now();
  count_failure(connection.intended(), now, failure, &error);
  settle(connection, now, true);
}

void HttpWorker::on_connected() {
  if (window_is_open_ && !window_has_ended_) ++tally_.connections;
}

void HttpWorker::on_traffic(size_t bytes_in, size_t bytes_out) {
  if (!window_is_open_ || window_has_ended_) return;
  tally_.bytes_in += bytes_in;
  tally_.bytes_out += bytes_out;
}

}  // namespace causeway::load
