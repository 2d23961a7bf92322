#include "bench/load/drive/slow_stream.h"

#include <sys/socket.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/clock.h"
#include "net/loop.h"

namespace causeway::load {
namespace {

constexpr double step_seconds = 0.02;
constexpr int small_receive_buffer = 4096;  // bytes; the kernel doubles it
constexpr Duration credit_max = Milliseconds(20);

}  // namespace

size_t SlowStream::Gate::step() const {
  return static_cast<size_t>(std::max(rate * step_seconds, 1.0));
}

void SlowStream::Gate::pass(size_t bytes, Instant now) {
  const auto cost = Duration(std::llround(static_cast<double>(bytes) / rate * 1e9));
  // Time not used is forgotten, but for what a late timer made of it.
  ready = std::max(ready, now - credit_max) + cost;
}

SlowStream::SlowStream(std::unique_ptr<net::Stream> inner, Speed speed)
    : inner_(std::move(inner)), send_timer_(inner_->loop()), read_timer_(inner_->loop()) {
  send_.rate = speed.send;
  read_.rate = speed.read;
  send_.ready = read_.ready = inner_->loop().now();
  if (read_.rate > 0)
    ::setsockopt(inner_->descriptor(), SOL_SOCKET, SO_RCVBUF, &small_receive_buffer,
                 sizeof small_receive_buffer);
}

SlowStream::~SlowStream() {
  if (is_gone_ != nullptr) *is_gone_ = true;
}

void SlowStream::arm(net::Timer& timer, const Gate& gate, void (SlowStream::*action)()) {
  if (timer.is_armed()) return;
  const Duration wait = gate.ready - inner_->loop().now();
  timer.once(std::max(wait, Duration::zero()), [this, action] { (this->*action)(); });
}

void SlowStream::listen(net::Stream::Events& events) {
  events_ = &events;
  inner_->listen(*this);
}

void SlowStream::pause(net::Pause reason) {
  pauses_ |= static_cast<uint8_t>(reason);
  inner_->pause(reason);
}

void SlowStream::resume(net::Pause reason) {
  pauses_ = static_cast<uint8_t>(pauses_ & ~static_cast<uint8_t>(reason));
  if (pauses_ != 0) return;
  if (!to_deliver_.empty() || has_ended_) return arm(read_timer_, read_, &SlowStream::deliver_some);
  for (const net::Pause each : {net::Pause::peer_full, net::Pause::exchange, net::Pause::owner})
    inner_->resume(each);
}

void SlowStream::write(std::span<const std::string_view> pieces) {
  if (send_.rate <= 0) return inner_->write(pieces);
  for (const std::string_view piece : pieces) to_send_ += piece;
  if (is_full()) was_full_ = true;
  if (!to_send_.empty()) arm(send_timer_, send_, &SlowStream::send_some);
}

void SlowStream::send_some() {
  const size_t count = std::min(send_.step(), to_send_.size());
  inner_->write(std::string_view(to_send_).substr(0, count));
  to_send_.erase(0, count);
  send_.pass(count, inner_->loop().now());
  if (!to_send_.empty()) {
    arm(send_timer_, send_, &SlowStream::send_some);
  } else if (wants_fin_) {
    inner_->shutdown();
  }
  on_drained();
}

void SlowStream::on_drained() {
  if (send_.rate <= 0) return events_->on_drained();
  if (!was_full_ || queued_bytes() > high_mark_ / 4) return;
  was_full_ = false;
  if (events_ != nullptr) events_->on_drained();
}

void SlowStream::shutdown() {
  wants_fin_ = true;
  if (to_send_.empty()) inner_->shutdown();
}

void SlowStream::on_read(std::span<char> bytes) {
  if (read_.rate <= 0) return events_->on_read(bytes);
  to_deliver_.append(bytes.data(), bytes.size());
  inner_->pause(net::Pause::owner);
  arm(read_timer_, read_, &SlowStream::deliver_some);
}

void SlowStream::deliver_some() {
  if (pauses_ != 0) return;  // resume() goes on
  if (!to_deliver_.empty()) {
    const size_t count = std::min(read_.step(), to_deliver_.size());
    std::string bytes = to_deliver_.substr(0, count);
    to_deliver_.erase(0, count);
    read_.pass(count, inner_->loop().now());
    bool is_gone = false;
    is_gone_ = &is_gone;
    events_->on_read({bytes.data(), bytes.size()});
    if (is_gone) return;
    is_gone_ = nullptr;
  }
  if (!to_deliver_.empty()) return arm(read_timer_, read_, &SlowStream::deliver_some);
  if (has_ended_ && !end_is_told_) {
    end_is_told_ = true;
    return events_->on_end();
  }
  if (pauses_ == 0) inner_->resume(net::Pause::owner);
}

void SlowStream::on_end() {
  has_ended_ = true;
  if (!to_deliver_.empty()) return;
  end_is_told_ = true;
  events_->on_end();
}

void SlowStream::on_failure(const Error& error) { events_->on_failure(error); }

}  // namespace causeway::load
