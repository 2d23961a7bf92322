#include "net/loop.h"

#include <poll.h>

#include <algorithm>
#include <cstdio>

#include "base/check.h"
#include "net/child_process.h"
#include "net/loop_core.h"

namespace causeway::net {

struct Loop::State : LoopCore {};

namespace {

void on_prepare(uv_prepare_t* handle) {
  LoopCore& core = *static_cast<LoopCore*>(handle->data);
  core.settle();
  core.now_is_fresh = false;
  if (core.turn_start_ms == 0) return;
  // uv_now() was taken when the poll returned, from a clock that may lag a few milliseconds.
  const auto took =
      std::chrono::nanoseconds(uv_hrtime()) - std::chrono::milliseconds(core.turn_start_ms);
  core.turn_start_ms = 0;
  if (took <= LoopCore::slow_turn) return;
  ++core.slow_turns;
  if (core.slow_turn_callback) core.slow_turn_callback(took);
}

void on_check(uv_check_t* handle) {
  LoopCore& core = *static_cast<LoopCore*>(handle->data);
  core.turn_start_ms = uv_now(&core.loop);
  core.settle();
  core.now_is_fresh = false;
}

void on_idle(uv_idle_t*) {}  // being active is all: the loop does not wait

void on_walk(uv_handle_t* handle, void*) {
  if (uv_is_closing(handle) != 0 || close_detached_child(handle)) return;
  std::fprintf(stderr, "net: a %s outlives its loop\n", uv_handle_type_name(handle->type));
  const bool everything_ended_before_its_loop = false;
  CHECK(everything_ended_before_its_loop);
}

}  // namespace

LoopCore& LoopCore::of(Loop& loop) { return *static_cast<LoopCore*>(loop.raw()->data); }

bool LoopCore::settle() {
  if (is_settled()) return false;
  for (int round = 0; round < settle_rounds_max && !(owed.empty() && deferred.empty()); ++round) {
    for (size_t count = owed.size(); count > 0 && !owed.empty(); --count) {
      Owed& next = owed.front();
      next.unlink();
      next.pay();
    }
    running.swap(deferred);
    for (auto& action : running) action();
    running.clear();
  }
  // Last, because a deferred action may know an object that has been buried since.
  if (owed.empty() && deferred.empty()) {
    while (!graveyard.empty()) {
      dying.swap(graveyard);
      for (const Grave& grave : dying) grave.end(grave.object);
      dying.clear();
    }
  }
  if (!is_settled()) {
    uv_idle_start(&idle, on_idle);
  } else if (uv_is_active(as_handle(&idle)) != 0) {
    uv_idle_stop(&idle);
  }
  return true;
}

void LoopCore::give_chunks(Chunk* first) {
  while (first != nullptr) {
    Chunk* const next = first->next;
    chunks.give(first);
    first = next;
  }
}

Loop::Loop() : state_(std::make_unique<State>()) {
  State& state = *state_;
  CHECK(uv_loop_init(&state.loop) == 0);
  state.loop.data = static_cast<LoopCore*>(&state);
  uv_prepare_init(&state.loop, &state.prepare);
  uv_check_init(&state.loop, &state.check);
  uv_idle_init(&state.loop, &state.idle);
  state.prepare.data = state.check.data = state.idle.data = static_cast<LoopCore*>(&state);
  uv_prepare_start(&state.prepare, on_prepare);
  uv_check_start(&state.check, on_check);
  uv_unref(as_handle(&state.prepare));
  uv_unref(as_handle(&state.check));
  uv_unref(as_handle(&state.idle));
  uv_timer_init(&state.loop, &state.stalled_timer);
  state.stalled_timer.data = static_cast<LoopCore*>(&state);
  uv_unref(as_handle(&state.stalled_timer));
}

Loop::~Loop() {
  State& state = *state_;
  CHECK(!state.is_running);
  while (state.settle()) {
  }
  uv_close(as_handle(&state.prepare), nullptr);
  uv_close(as_handle(&state.check), nullptr);
  uv_close(as_handle(&state.idle), nullptr);
  uv_close(as_handle(&state.stalled_timer), nullptr);
  uv_walk(&state.loop, on_walk, nullptr);
  // Only close callbacks and cancelled requests are left.
  uv_run(&state.loop, UV_RUN_DEFAULT);
  CHECK(state.is_settled());
  CHECK(uv_loop_close(&state.loop) == 0);
}

void Loop::run() {
  State& state = *state_;
  CHECK(!state.is_running);
  state.thread.store(std::this_thread::get_id(), std::memory_order_relaxed);
  state.turn_start_ms = 0;
  bool is_alive = true;
  while (true) {
    const bool did_something = state.settle();
    if (state.is_stopping || (!is_alive && !did_something)) break;
    state.is_running = true;
    is_alive = uv_run(&state.loop, UV_RUN_DEFAULT) != 0;
    state.is_running = false;
  }
  state.is_stopping = false;
  state.now_is_fresh = false;
  state.thread.store({}, std::memory_order_relaxed);
}

void Loop::run_once(bool wait) {
  State& state = *state_;
  CHECK(!state.is_running);
  state.thread.store(std::this_thread::get_id(), std::memory_order_relaxed);
  state.turn_start_ms = 0;
  const bool did_something = state.settle();
  state.is_running = true;
  uv_run(&state.loop, wait && !did_something ? UV_RUN_ONCE : UV_RUN_NOWAIT);
  state.is_running = false;
  state.settle();
  state.is_stopping = false;
  state.now_is_fresh = false;
  state.thread.store({}, std::memory_order_relaxed);
}

void Loop::wait_until(Instant deadline) {
  State& state = *state_;
  CHECK(!state.is_running);
  uv_update_time(&state.loop);
  // 0 also when the loop's descriptor does not know yet what it is to watch.
  const int timeout_ms = state.is_settled() ? uv_backend_timeout(&state.loop) : 0;
  Duration wait = deadline - std::chrono::steady_clock::now();
  if (timeout_ms >= 0) wait = std::min<Duration>(wait, Milliseconds(timeout_ms));
  if (wait > Duration::zero()) {
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(wait);
    const timespec time{.tv_sec = whole.count(), .tv_nsec = (wait - whole).count()};
    pollfd watched{.fd = uv_backend_fd(&state.loop), .events = POLLIN, .revents = 0};
    ::ppoll(&watched, 1, &time, nullptr);
  }
  run_once(false);
}

void Loop::stop() {
  check_thread();
  state_->is_stopping = true;
  if (state_->is_running) uv_stop(&state_->loop);
}

Instant Loop::now() const {
  State& state = *state_;
  if (!state.now_is_fresh) {
    state.now_cached = std::chrono::steady_clock::now();
    state.now_is_fresh = state.is_running;
  }
  return state.now_cached;
}

void Loop::bury_erased(Corpse corpse) {
  check_thread();
  state_->graveyard.push_back({corpse.object, corpse.end});
}

void Loop::defer(std::function<void()> action) {
  check_thread();
  state_->deferred.push_back(std::move(action));
}

std::span<char> Loop::scratch() { return {state_->scratch.get(), LoopCore::scratch_bytes}; }

void Loop::check_thread() const {
#ifndef NDEBUG
  const std::thread::id owner = state_->thread.load(std::memory_order_relaxed);
  CHECK(owner == std::thread::id() || owner == std::this_thread::get_id());
#endif
}

uv_loop_s* Loop::raw() noexcept { return &state_->loop; }

void Loop::on_slow_turn(std::function<void(Duration)> callback) {
  state_->slow_turn_callback = std::move(callback);
}

uint64_t Loop::slow_turns() const { return state_->slow_turns; }

}  // namespace causeway::net
