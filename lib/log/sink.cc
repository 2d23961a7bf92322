#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/sink.h>

#include "base/background.h"
#include "base/clock.h"
#include "log/line.h"

namespace causeway::log {
namespace {

using namespace std::chrono_literals;

// Lines are gathered up to this many bytes while more wait in the queue, then go out in one write.
constexpr size_t gather_bytes = 64 * 1024;
// Lines that follow a write this fast are a burst: the thread rests between its writes instead of
// being woken for each line. A line waits this much longer then.
constexpr auto burst_rest = 1ms;
// A formatting buffer that grew beyond this is given back.
constexpr size_t line_buffer_bytes_max = 64 * 1024;
// How long the end of the process, or a flush, waits for a reader that does not read.
constexpr auto close_wait = 2s;
constexpr auto flush_wait = 5s;

// The file descriptor at the end of the queue. Owner: the Sink's State. Thread: the pool's one
// thread, except close_soon(), written() and failed(); after that thread has ended, main()'s.
class Outlet final : public spdlog::sinks::sink {
 public:
  explicit Outlet(const std::string& path) {
    if (!path.empty()) {
      fd_ = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
      if (fd_ < 0) open_errno_ = errno;
    }
    owns_fd_ = fd_ >= 0;
    if (!owns_fd_) fd_ = STDOUT_FILENO;
    struct stat status {};
    // A write to anything but a file can block: it goes out in pieces that poll() has promised room
    // for.
    piece_bytes_ =
        ::fstat(fd_, &status) == 0 && S_ISREG(status.st_mode) ? SIZE_MAX : size_t{PIPE_BUF};
  }
  Outlet(const Outlet&) = delete;
  Outlet& operator=(const Outlet&) = delete;
  ~Outlet() override {
    flush();
    if (owns_fd_) ::close(fd_);
  }

  int open_errno() const { return open_errno_; }
  void queue(spdlog::details::thread_pool* pool) { pool_ = pool; }

  void log(const spdlog::details::log_msg& message) override {
    gathered_.append(message.payload.data(), message.payload.size());
    gathered_ += '\n';
    ++gathered_lines_;
    if (gathered_.size() < gather_bytes && pool_->queue_size() == 0) rest_in_burst();
    if (gathered_.size() >= gather_bytes || pool_->queue_size() == 0) flush();
  }

  void flush() override {
    if (gathered_lines_ == 0) return;
    if (!write_all(gathered_)) failed_.fetch_add(gathered_lines_, std::memory_order_relaxed);
    gathered_.clear();
    {
      const std::lock_guard lock(mutex_);
      done_ += gathered_lines_;
    }
    gathered_lines_ = 0;
    done_changed_.notify_all();
    last_write_ = std::chrono::steady_clock::now();
  }

  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

  // From now on a reader that does not read is waited for only until the deadline. Any thread.
  void close_soon() {
    close_deadline_ns_.store((SystemClock().now() + close_wait).time_since_epoch().count());
  }
  // Lines that could not be written: disk full, pipe closed. Any thread.
  uint64_t failed() const { return failed_.load(std::memory_order_relaxed); }

  // Waits until `target()` lines have left, at most until the deadline. Any thread but the pool's.
  template <class Target>
  void await(Target target) {
    const auto deadline = std::chrono::steady_clock::now() + flush_wait;
    std::unique_lock lock(mutex_);
    // Overrun lines are not announced: look again now and then.
    while (done_ < target() && std::chrono::steady_clock::now() < deadline) {
      done_changed_.wait_for(lock, 20ms);
    }
  }

 private:
  void rest_in_burst() {
    if (std::chrono::steady_clock::now() - last_write_ > 2 * burst_rest) return;
    std::this_thread::sleep_for(burst_rest);  // tidy: nothing is missed, what comes is queued
  }

  bool past_close_deadline() const {
    const int64_t deadline = close_deadline_ns_.load();
    return deadline != 0 && SystemClock().now().time_since_epoch().count() >= deadline;
  }

  bool write_all(std::string_view bytes) {
    while (!bytes.empty()) {
      if (piece_bytes_ != SIZE_MAX) {
        pollfd ready{fd_, POLLOUT, 0};
        if (::poll(&ready, 1, 100) == 0) {
          if (past_close_deadline()) return false;
          continue;
        }
      }
      const ssize_t n = ::write(fd_, bytes.data(), std::min(bytes.size(), piece_bytes_));
      if (n >= 0) {
        bytes.remove_prefix(static_cast<size_t>(n));
      } else if (errno != EINTR && errno != EAGAIN) {
        return false;
      }
    }
    return true;
  }

  int fd_ = -1;
  bool owns_fd_ = false;
  int open_errno_ = 0;
  size_t piece_bytes_ = SIZE_MAX;
  spdlog::details::thread_pool* pool_ = nullptr;
  std::string gathered_;
  std::chrono::steady_clock::time_point last_write_{};
  uint64_t gathered_lines_ = 0;
  std::atomic<uint64_t> failed_{0};
  std::atomic<int64_t> close_deadline_ns_{0};
  std::mutex mutex_;
  std::condition_variable done_changed_;
  uint64_t done_ = 0;  // lines written or failed; guarded by mutex_
};

// Signals are the business of the threads that have a loop.
void start_log_thread(int niceness) {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  pthread_setname_np(pthread_self(), "log");
  become_background_thread(niceness);
}

}  // namespace

struct Sink::State {
  explicit State(Options given)
      : options(std::move(given)),
        level(options.level),
        outlet(std::make_shared<Outlet>(options.path)),
        pool(std::make_shared<spdlog::details::thread_pool>(
            std::max<size_t>(options.queue_lines, 1), 1,
            [niceness = options.thread_niceness] { start_log_thread(niceness); })),
        logger(std::make_shared<spdlog::async_logger>(
            "causeway", outlet, pool, spdlog::async_overflow_policy::overrun_oldest)) {
    outlet->queue(pool.get());
    logger->set_level(spdlog::level::trace);
  }

  void post(std::string_view line) {
    posted.fetch_add(1,
                     std::memory_order_relaxed);  // before it is in the queue: flush counts on it
    logger->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
  }

  const Options options;
  std::atomic<Level> level;
  std::atomic<uint64_t> posted{0};
  std::shared_ptr<Outlet> outlet;                      // tidy: spdlog's interface
  std::shared_ptr<spdlog::details::thread_pool> pool;  // tidy: spdlog's interface
  std::shared_ptr<spdlog::async_logger> logger;        // tidy: spdlog's interface
};

Sink::Sink(Options options) : state_(std::make_unique<State>(std::move(options))) {
  if (const int os = state_->outlet->open_errno(); os != 0) {
    Logger(*this, "log")
        .error("log-file-not-opened",
               Error{.fault = fault_of_errno(os), .os = os, .detail = "open"},
               {{"path", state_->options.path}, {"instead", "stdout"}});
  }
}

Sink::~Sink() {
  state_->outlet->close_soon();
  state_->pool.reset();  // its thread empties the queue and ends; the logger dies after it, here
}

void Sink::level(Level level) { state_->level.store(level, std::memory_order_relaxed); }

Level Sink::level() const { return state_->level.load(std::memory_order_relaxed); }

uint64_t Sink::dropped_lines() const {
  return state_->pool->overrun_counter() + state_->outlet->failed();
}

void Sink::flush() {
  const uint64_t posted = state_->posted.load(std::memory_order_relaxed);
  state_->outlet->await([this, posted] {
    const uint64_t overrun = state_->pool->overrun_counter();
    return posted > overrun ? posted - overrun : 0;
  });
}

Logger Logger::session(std::string_view name) const {
  std::string source;
  source.reserve(source_.size() + 1 + name.size());
  source.append(source_).append(1, '.').append(name);
  return {*sink_, std::move(source)};
}

bool Logger::enabled(Level level) const { return level >= sink_->level(); }

void Logger::error(std::string_view message, const Error& error, Fields fields) const {
  write(Level::error, message, fields, &error);
}

void Logger::write(Level level, std::string_view message, Fields fields, const Error* error) const {
  if (!enabled(level)) return;
  // Reused, so that a line costs no allocation here.
  thread_local std::string line;
  line.clear();
  Sink::State& state = *sink_->state_;
  append_line(line, state.options.shape, state.options.time_format, SystemClock().wall(), level,
              source_, message, std::span<const Field>(fields.begin(), fields.size()), error);
  state.post(line);
  if (line.capacity() > line_buffer_bytes_max) std::string().swap(line);
}

}  // namespace causeway::log
