#include "net/timer.h"

#include <utility>

#include "base/check.h"
#include "net/loop.h"
#include "net/loop_core.h"

namespace causeway::net {

namespace {

void on_timer_closed(uv_handle_t* handle) {
  auto* block = reinterpret_cast<TimerBlock*>(handle);
  block->callback = nullptr;
  block->core->timer_blocks.give(block);
}

void on_fire(uv_timer_t* handle) {
  auto* block = reinterpret_cast<TimerBlock*>(handle);
  if (handle->data == nullptr) return;
  // The callback may arm the timer anew or end it, and must outlive that.
  std::function<void()> callback = std::exchange(block->callback, nullptr);
  block->is_firing = true;
  block->is_dropped = false;
  block->core->is_firing_timers = true;
  callback();
  block->core->is_firing_timers = false;
  block->is_firing = false;
  if (handle->data != nullptr && !block->is_dropped && !block->callback) {
    block->callback = std::move(callback);
  }
}

void start(TimerBlock& block, Duration delay, uint64_t repeat_ms) {
  // Inside a turn the deadline counts from the turn's start; outside, libuv's clock stands still.
  if (!block.core->is_running) uv_update_time(&block.core->loop);
  uint64_t delay_ms = to_uv_ms(delay);
  // libuv goes on with timers until none is due, by a clock that stands still meanwhile: one that
  // is due at once, armed by another, would keep the loop from its sockets.
  if (delay_ms == 0 && block.core->is_firing_timers) delay_ms = 1;
  uv_timer_start(&block.handle, on_fire, delay_ms, repeat_ms);
}

}  // namespace

Timer::Timer(Loop& loop) {
  loop.check_thread();
  LoopCore& core = LoopCore::of(loop);
  block_ = core.timer_blocks.take();
  CHECK(uv_timer_init(&core.loop, &block_->handle) == 0);
  block_->handle.data = this;
  block_->core = &core;
  block_->is_firing = block_->is_dropped = false;
}

Timer::~Timer() {
  block_->handle.data = nullptr;
  uv_close(as_handle(&block_->handle), on_timer_closed);
}

void Timer::once(Duration delay, std::function<void()> callback) {
  CHECK(callback != nullptr);
  block_->callback = std::move(callback);
  start(*block_, delay, 0);
}

void Timer::every(Duration interval, std::function<void()> callback) {
  CHECK(callback != nullptr && interval > Duration::zero());
  block_->callback = std::move(callback);
  start(*block_, interval, to_uv_ms(interval));
}

void Timer::extend(Duration delay) {
  const bool has_callback = block_->callback || (block_->is_firing && !block_->is_dropped);
  if (has_callback) start(*block_, delay, 0);
}

void Timer::disarm() {
  uv_timer_stop(&block_->handle);
  block_->callback = nullptr;
  block_->is_dropped = true;
}

bool Timer::is_armed() const {
  return uv_is_active(reinterpret_cast<const uv_handle_t*>(&block_->handle)) != 0;
}

}  // namespace causeway::net
