#include "router/observe/access_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace causeway::router {
namespace {

// Emptied strings handed back to the workers: two for each of a few.
constexpr size_t spare_strings_max = 32;
constexpr size_t spare_bytes_max = 256u << 10;  // a larger one is not kept

int open_for_append(const std::string& path) {
  return ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

// Writes all of it; false when the file cannot take it (full disk). Part of a line may be in it
// then.
bool write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

}  // namespace

// What workers and log thread share, under one lock that is held for moments (doc/adr/0005).
struct AccessLog::State {
  struct Batch {
    std::string text;
    size_t lines = 0;
  };

  explicit State(Options o) : options(std::move(o)) {}

  void run();
  bool take(std::vector<Batch>& batches, bool& reopen);
  void give_back(std::vector<Batch>& batches, uint64_t written, uint64_t dropped);

  const Options options;
  int file = -1;  // the log thread's, after open()

  mutable std::mutex mutex;
  std::condition_variable something_to_do;
  std::condition_variable something_done;
  std::vector<Batch> waiting;
  std::vector<std::string> spare;
  size_t waiting_bytes = 0;
  uint64_t batches_submitted = 0;
  uint64_t batches_finished = 0;
  uint64_t written_lines = 0;
  uint64_t dropped_lines = 0;
  bool wants_reopen = false;
  bool is_ending = false;
  std::thread thread;
};

bool AccessLog::State::take(std::vector<Batch>& batches, bool& reopen) {
  std::unique_lock lock(mutex);
  something_to_do.wait(lock, [this] { return !waiting.empty() || wants_reopen || is_ending; });
  if (waiting.empty() && !wants_reopen) return false;
  batches.swap(waiting);
  waiting_bytes = 0;
  reopen = std::exchange(wants_reopen, false);
  return true;
}

void AccessLog::State::give_back(std::vector<Batch>& batches, uint64_t written, uint64_t dropped) {
  const std::lock_guard lock(mutex);
  written_lines += written;
  dropped_lines += dropped;
  batches_finished += batches.size();
  for (Batch& batch : batches) {
    if (spare.size() == spare_strings_max) break;
    if (batch.text.capacity() > spare_bytes_max) continue;
    batch.text.clear();
    spare.push_back(std::move(batch.text));
  }
  batches.clear();
  something_done.notify_all();
}

void AccessLog::State::run() {
  std::vector<Batch> batches;
  bool reopen = false;
  while (take(batches, reopen)) {
    if (reopen) {
      const int fresh = open_for_append(options.path);
      if (fresh >= 0) ::close(std::exchange(file, fresh));
    }
    uint64_t written = 0;
    uint64_t dropped = 0;
    for (const Batch& batch : batches)
      (write_all(file, batch.text) ? written : dropped) += batch.lines;
    give_back(batches, written, dropped);
  }
}

Result<std::unique_ptr<AccessLog>> AccessLog::open(Options options) {
  auto state = std::make_unique<State>(std::move(options));
  state->file = open_for_append(state->options.path);
  if (state->file < 0) {
    const int os = errno;
    return Error{
        .fault = fault_of_errno(os), .os = os, .detail = "access log " + state->options.path};
  }
  state->thread = std::thread([raw = state.get()] { raw->run(); });
  return std::unique_ptr<AccessLog>(new AccessLog(std::move(state)));
}

AccessLog::AccessLog(std::unique_ptr<State> state) : state_(std::move(state)) {}

AccessLog::~AccessLog() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->is_ending = true;
  }
  state_->something_to_do.notify_one();
  state_->thread.join();
  ::close(state_->file);
}

void AccessLog::submit(std::string& text, size_t lines) {
  if (text.empty()) return;
  bool was_idle = false;
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->waiting_bytes + text.size() > state_->options.queue_bytes_max) {
      state_->dropped_lines += lines;
      text.clear();
      return;
    }
    was_idle = state_->waiting.empty();
    state_->waiting_bytes += text.size();
    state_->waiting.push_back({std::move(text), lines});
    ++state_->batches_submitted;
    text = std::string();
    if (!state_->spare.empty()) {
      text = std::move(state_->spare.back());
      state_->spare.pop_back();
    }
  }
  if (was_idle) state_->something_to_do.notify_one();
}

void AccessLog::reopen() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->wants_reopen = true;
  }
  state_->something_to_do.notify_one();
}

void AccessLog::flush() {
  std::unique_lock lock(state_->mutex);
  const uint64_t target = state_->batches_submitted;
  state_->something_done.wait(
      lock, [&] { return state_->batches_finished >= target && !state_->wants_reopen; });
}

uint64_t AccessLog::lines_written() const {
  const std::lock_guard lock(state_->mutex);
  return state_->written_lines;
}

uint64_t AccessLog::lines_dropped() const {
  const std::lock_guard lock(state_->mutex);
  return state_->dropped_lines;
}

}  // namespace causeway::router
