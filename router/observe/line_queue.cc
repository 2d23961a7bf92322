#include "router/observe/line_queue.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/background.h"

namespace causeway::router {
namespace {

// Emptied strings handed back to the workers: two for each of a few.
constexpr size_t spare_strings_max = 32;
constexpr size_t spare_bytes_max = 512u << 10;  // a larger one is not kept

}  // namespace

// What workers and the queue's thread share, under one lock that is held for moments
// (doc/adr/0005).
struct LineQueue::State final : Ending {
  struct Batch {
    std::string text;
    size_t lines = 0;
  };

  State(std::unique_ptr<LineOutlet> o, const Options& given)
      : outlet(std::move(o)), options(given) {}

  bool is_over() const override {
    const std::lock_guard lock(mutex);
    return is_ending && SystemClock().now() >= deadline;
  }
  bool has_begun() const override {
    const std::lock_guard lock(mutex);
    return is_ending;
  }
  void wait(Duration time) override {
    std::unique_lock lock(mutex);
    ending_began.wait_for(lock, time, [this] { return is_ending; });
  }

  void run();
  bool take(std::vector<Batch>& batches, bool& reopens);
  void write(const Batch& batch);
  void give_back(std::vector<Batch>& batches);
  void reopen_outlet();
  bool make_room(std::unique_lock<std::mutex>& lock, size_t bytes, size_t lines);
  std::string spare_string();

  const std::unique_ptr<LineOutlet> outlet;
  const Options options;
  bool write_failed = false;  // the thread's own: the last batch did not leave whole

  mutable std::mutex mutex;
  std::condition_variable something_to_do;
  std::condition_variable something_done;
  std::condition_variable ending_began;
  std::vector<Batch> waiting;
  std::vector<std::string> spare;
  size_t bytes = 0;  // queued or being written
  uint64_t submitted = 0;
  uint64_t finished = 0;
  uint64_t written_lines = 0;
  uint64_t dropped_lines = 0;
  uint64_t dropped_before = 0;  // when the queue was last empty
  bool is_full = false;         // lines were dropped since then
  bool wants_reopen = false;
  bool may_block = false;
  bool is_ending = false;
  Instant deadline{};
  std::thread thread;
};

bool LineQueue::State::take(std::vector<Batch>& batches, bool& reopens) {
  std::unique_lock lock(mutex);
  something_to_do.wait(lock, [this] { return !waiting.empty() || wants_reopen || is_ending; });
  if (waiting.empty() && !wants_reopen) return false;
  batches.swap(waiting);
  reopens = std::exchange(wants_reopen, false);
  return true;
}

void LineQueue::State::write(const Batch& batch) {
  const LineOutlet::Written written = outlet->write(batch.text, *this);
  const size_t lines = std::min(written.lines, batch.lines);
  {
    const std::lock_guard lock(mutex);
    written_lines += lines;
    dropped_lines += batch.lines - lines;
  }
  const bool fails = lines < batch.lines;
  if (fails == write_failed) return;
  write_failed = fails;
  if (options.logger == nullptr) return;
  if (fails) {
    options.logger->error(
        "access-log-write-failed",
        Error{.fault = fault_of_errno(written.os), .os = written.os, .detail = "write"},
        {{"sink", outlet->name()}});
  } else {
    options.logger->info("access-log-write-recovered", {{"sink", outlet->name()}});
  }
}

void LineQueue::State::give_back(std::vector<Batch>& batches) {
  uint64_t dropped = 0;
  {
    const std::lock_guard lock(mutex);
    for (Batch& batch : batches) {
      bytes -= batch.text.size();
      if (spare.size() == spare_strings_max || batch.text.capacity() > spare_bytes_max) continue;
      batch.text.clear();
      spare.push_back(std::move(batch.text));
    }
    finished += batches.size();
    batches.clear();
    if (waiting.empty() && std::exchange(is_full, false)) {
      dropped = dropped_lines - dropped_before;
      dropped_before = dropped_lines;
    }
    something_done.notify_all();
  }
  if (dropped > 0 && options.logger != nullptr)
    options.logger->info("access-log-queue-drained",
                         {{"sink", outlet->name()}, {"dropped", dropped}});
}

void LineQueue::State::reopen_outlet() {
  const Result<void> reopened = outlet->reopen();
  if (!reopened && options.logger != nullptr)
    options.logger->error("access-log-not-reopened", reopened.error(), {{"sink", outlet->name()}});
}

void LineQueue::State::run() {
  // Signals are the business of the threads that have a loop.
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  pthread_setname_np(pthread_self(), "access-log");
  become_background_thread(options.thread_niceness);
  std::vector<Batch> batches;
  bool reopens = false;
  while (take(batches, reopens)) {
    if (reopens) reopen_outlet();
    for (const Batch& batch : batches) write(batch);
    give_back(batches);
  }
}

bool LineQueue::State::make_room(std::unique_lock<std::mutex>& lock, size_t size, size_t lines) {
  const auto fits = [this, size] { return bytes + size <= options.bytes_max; };
  if (!fits() && may_block && size <= options.bytes_max) {
    something_done.wait(lock, [&] { return fits() || !may_block; });
  }
  if (fits()) return true;
  dropped_lines += lines;
  return false;
}

std::string LineQueue::State::spare_string() {
  std::string string;
  if (!spare.empty()) {
    string = std::move(spare.back());
    spare.pop_back();
  }
  return string;
}

LineQueue::LineQueue(std::unique_ptr<LineOutlet> outlet, const Options& options)
    : state_(std::make_unique<State>(std::move(outlet), options)) {
  state_->may_block = options.blocks_when_full;
  state_->thread = std::thread([raw = state_.get()] { raw->run(); });
}

LineQueue::~LineQueue() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->is_ending = true;
    state_->may_block = false;
    state_->deadline = SystemClock().now() + state_->options.close_wait;
  }
  state_->ending_began.notify_all();
  state_->something_done.notify_all();
  state_->something_to_do.notify_one();
  state_->thread.join();
}

void LineQueue::submit(std::string& text, size_t lines) {
  if (text.empty()) return;
  bool was_idle = false;
  bool is_first_drop = false;
  {
    std::unique_lock lock(state_->mutex);
    if (state_->make_room(lock, text.size(), lines)) {
      was_idle = state_->waiting.empty();
      state_->bytes += text.size();
      state_->waiting.push_back({std::move(text), lines});
      ++state_->submitted;
      text = state_->spare_string();
    } else {
      text.clear();
      is_first_drop = !std::exchange(state_->is_full, true);
    }
  }
  if (was_idle) state_->something_to_do.notify_one();
  if (is_first_drop && state_->options.logger != nullptr)
    state_->options.logger->warn("access-log-queue-full", {{"sink", name()}});
}

void LineQueue::submit_copy(const std::string& text, size_t lines) {
  std::string copy;
  {
    const std::lock_guard lock(state_->mutex);
    copy = state_->spare_string();
  }
  copy.assign(text);
  submit(copy, lines);
  const std::lock_guard lock(state_->mutex);
  if (copy.capacity() > 0 && state_->spare.size() < spare_strings_max)
    state_->spare.push_back(std::move(copy));
}

void LineQueue::reopen() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->wants_reopen = true;
  }
  state_->something_to_do.notify_one();
}

void LineQueue::stop_blocking() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->may_block = false;
  }
  state_->something_done.notify_all();
}

void LineQueue::flush() {
  std::unique_lock lock(state_->mutex);
  const uint64_t target = state_->submitted;
  state_->something_done.wait(lock,
                              [&] { return state_->finished >= target && !state_->wants_reopen; });
}

std::string_view LineQueue::name() const { return state_->outlet->name(); }

uint64_t LineQueue::lines_written() const {
  const std::lock_guard lock(state_->mutex);
  return state_->written_lines;
}

uint64_t LineQueue::lines_dropped() const {
  const std::lock_guard lock(state_->mutex);
  return state_->dropped_lines;
}

size_t LineQueue::bytes_waiting() const {
  const std::lock_guard lock(state_->mutex);
  return state_->bytes;
}

}  // namespace causeway::router
