#include "bench/load/drive/run.h"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "base/check.h"
#include "bench/load/drive/worker.h"
#include "bench/load/measure/quantity.h"
#include "bench/load/report/machine.h"
#include "net/loop.h"
#include "net/mailbox.h"
#include "net/signals.h"
#include "net/timer.h"

namespace causeway::load {
namespace {

constexpr double busy_limit = 0.85;
constexpr double send_delay_limit = 1e6;  // nanoseconds, at the 99th percentile

const char* loop_name(LoadPlan::Pace pace) {
  switch (pace) {
    case LoadPlan::Pace::open:
      return "open";
    case LoadPlan::Pace::closed:
      return "closed";
    case LoadPlan::Pace::hold:
      break;
  }
  return "hold";
}

double seconds_in(Duration duration) { return std::chrono::duration<double>(duration).count(); }

// One run: its workers and their threads, seen from the thread that waits. Owner: run_load(). Ends
// when all threads have been joined.
class Run final : Worker::Events {
 public:
  Run(const LoadPlan& plan, const Workload& workload, const RunExtras& extras);
  ~Run();
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  Result<RunRecord> run();

 private:
  struct Notice {
    bool is_finished = false;
    unsigned opened = 0, failed = 0;
    std::string example;
  };
  void on_ready(unsigned opened, unsigned failed, std::string example) override {
    CHECK(notices_.post({false, opened, failed, std::move(example)}));
  }
  void on_finished() override { CHECK(notices_.post({true, 0, 0, {}})); }

  void on_notice(const Notice& notice);
  void start();
  void interrupt(const std::string& why);
  void progress();
  void read_cpu(std::vector<Duration>& into);
  RunRecord record() const;
  void add_plan(RunRecord& record) const;
  void add_generator(RunRecord& record, const Tally& tally) const;

  const LoadPlan& plan_;
  const RunExtras& extras_;
  SystemClock clock_;
  net::Loop loop_;
  net::Mailbox<Notice> notices_;
  net::Timer begin_timer_, end_timer_, progress_timer_;
  std::optional<net::SignalWatch> on_int_, on_term_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::thread> threads_;
  size_t ready_ = 0, finished_ = 0;
  unsigned opened_ = 0, failed_to_open_ = 0;
  std::string open_example_;
  std::string partial_;
  WallTime started_{};
  Instant start_{};
  std::optional<Instant> stopped_;
  uint64_t replies_shown_ = 0;
  std::vector<Duration> cpu_at_begin_, cpu_at_end_;
};

Run::Run(const LoadPlan& plan, const Workload& workload, const RunExtras& extras)
    : plan_(plan),
      extras_(extras),
      notices_(loop_, 4 * size_t{plan.threads}, [this](Notice&& notice) { on_notice(notice); }),
      begin_timer_(loop_),
      end_timer_(loop_),
      progress_timer_(loop_) {
  Worker::Events& events = *this;
  for (unsigned i = 0; i < plan.threads; ++i)
    workers_.push_back(std::make_unique<Worker>(plan, workload, i, events));
}

Run::~Run() {
  for (std::thread& thread : threads_) thread.join();
}

void Run::read_cpu(std::vector<Duration>& into) {
  into.clear();
  for (const auto& [pid, name] : extras_.watched) {
    const auto cpu = process_cpu(pid);
    into.push_back(cpu.value_or(Duration(-1)));
    if (!cpu && partial_.empty())
      partial_ = "process " + std::to_string(pid) + " ended during the run";
  }
}

void Run::on_notice(const Notice& notice) {
  if (notice.is_finished) {
    if (++finished_ < workers_.size()) return;
    // The workers' clocks may have been a millisecond ahead of this thread's timer.
    if (end_timer_.is_armed()) read_cpu(cpu_at_end_);
    return loop_.stop();
  }
  opened_ += notice.opened;
  failed_to_open_ += notice.failed;
  if (open_example_.empty()) open_example_ = notice.example;
  if (++ready_ < workers_.size()) return;
  if (opened_ == 0 && failed_to_open_ > 0)
    return interrupt("no connection could be opened: " + open_example_);
  start();
}

void Run::start() {
  started_ = clock_.wall();
  start_ = clock_.now() + Milliseconds(5);
  for (const auto& worker : workers_) worker->post({Worker::Order::Kind::start, start_});
  const Duration begin = start_ - clock_.now() + plan_.warm_up;
  begin_timer_.once(begin, [this] { read_cpu(cpu_at_begin_); });
  end_timer_.once(begin + plan_.duration, [this] { read_cpu(cpu_at_end_); });
  if (extras_.is_interrupted) {
    progress_timer_.every(Milliseconds(5), [this] {
      if (extras_.is_interrupted()) interrupt("interrupted");
    });
  } else if (extras_.on_progress) {
    progress_timer_.every(std::chrono::seconds(1), [this] { progress(); });
  }
}

void Run::interrupt(const std::string& why) {
  if (stopped_) return;
  stopped_ = clock_.now();
  partial_ = why;
  progress_timer_.disarm();
  if (begin_timer_.is_armed() || cpu_at_end_.empty()) read_cpu(cpu_at_end_);
  begin_timer_.disarm();
  end_timer_.disarm();
  for (const auto& worker : workers_) worker->post({Worker::Order::Kind::stop, {}});
}

void Run::progress() {
  uint64_t replies = 0;
  uint64_t failures = 0;
  for (const auto& worker : workers_) {
    replies += worker->live_replies();
    failures += worker->live_failures();
  }
  const Duration at = clock_.now() - start_;
  std::string line = fixed(seconds_in(at), 0) +
                     " s: " + grouped(static_cast<double>(replies - replies_shown_)) + " replies/s";
  if (plan_.profile) line += " (meant: " + grouped(plan_.profile->rate_at(at)) + ")";
  line += ", " + grouped(static_cast<double>(failures)) + " failures";
  if (at < plan_.warm_up) line += ", warming up";
  if (at > plan_.warm_up + plan_.duration) line += ", waiting for late replies";
  replies_shown_ = replies;
  extras_.on_progress(line);
}

Result<RunRecord> Run::run() {
  for (const auto& [pid, name] : extras_.watched) {
    if (const auto cpu = process_cpu(pid); !cpu) return cpu.error();
  }
  if (extras_.catches_signals) {
    on_int_.emplace(loop_, SIGINT, [this] { interrupt("interrupted by SIGINT"); });
    on_term_.emplace(loop_, SIGTERM, [this] { interrupt("interrupted by SIGTERM"); });
  }
  for (const auto& worker : workers_) threads_.emplace_back([&worker] { worker->run(); });
  loop_.run();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  begin_timer_.disarm();
  end_timer_.disarm();
  progress_timer_.disarm();
  on_int_.reset();
  on_term_.reset();
  if (ready_ < workers_.size() || (opened_ == 0 && failed_to_open_ > 0))
    return Error{.fault = Fault::cancelled, .detail = partial_};
  return record();
}

void Run::add_plan(RunRecord& record) const {
  record.started = utc_text(started_);
  record.machine = describe_machine();
  record.loop = loop_name(plan_.pace);
  record.spacing =
      plan_.profile ? (plan_.spacing == Spacing::poisson ? "poisson" : "constant") : "";
  record.seed = plan_.seed;
  record.connections = plan_.connections;
  record.threads = plan_.threads;
  record.send_speed = plan_.speed.send;
  record.read_speed = plan_.speed.read;
  record.warm_up = seconds_in(plan_.warm_up);
  record.timeout = seconds_in(plan_.timeout);
  record.digits = plan_.digits;
}

void Run::add_generator(RunRecord& record, const Tally& tally) const {
  const double requests = std::max(static_cast<double>(record.replies), 1.0);
  record.thread_busy = tally.thread_busy;
  record.generator_cpu_us_per_request = tally.cpu_seconds * 1e6 / requests;
  for (size_t i = 0; i < tally.thread_busy.size(); ++i) {
    if (tally.thread_busy[i] > busy_limit)
      record.generator_limits.push_back("thread " + std::to_string(i) + " was " +
                                        fixed(tally.thread_busy[i] * 100, 0) +
                                        " % busy; use more --threads or a lower rate");
  }
  if (record.send_delay.at(0.99) > send_delay_limit)
    record.generator_limits.push_back("1 % of what was due was sent " +
                                      readable_duration(record.send_delay.at(0.99)) +
                                      " or more after a connection was free for it");
  for (size_t i = 0; i < extras_.watched.size(); ++i) {
    const bool is_known = i < cpu_at_begin_.size() && i < cpu_at_end_.size() &&
                          cpu_at_begin_[i] >= Duration::zero() &&
                          cpu_at_end_[i] >= Duration::zero();
    const double cpu = is_known ? seconds_in(cpu_at_end_[i] - cpu_at_begin_[i]) : 0;
    // Replies inside the measured time, whenever they were asked for: as the CPU time is.
    const double replies = std::max(record.reply_rate * record.duration, 1.0);
    const auto& [pid, name] = extras_.watched[i];
    record.watched.push_back(
        {pid, name.empty() ? process_name(pid) : name, cpu, cpu * 1e6 / replies});
  }
}

RunRecord Run::record() const {
  Tally tally(plan_.digits, plan_.interval_count);
  for (const auto& worker : workers_) tally.merge(worker->tally());
  RunRecord record;
  add_plan(record);
  record.partial = partial_;
  Duration measured = plan_.duration;
  if (stopped_)
    measured = std::clamp(*stopped_ - start_ - plan_.warm_up, Duration::zero(), plan_.duration);
  record.duration = seconds_in(measured);
  const double seconds = std::max(record.duration, 1e-9);
  record.replies = tally.replied();
  record.failures = tally.failed();
  record.unfinished = tally.unfinished;
  record.connections_opened = tally.connections;
  record.connections_in_all = tally.connections_in_all;
  record.connections_failed = failed_to_open_;
  record.connections_dropped = tally.dropped;
  if (failed_to_open_ > 0) record.error_examples["open"] = open_example_;
  if (tally.dropped > 0) record.error_examples["dropped"] = tally.dropped_example;
  record.tls_version = tally.tls_version;
  record.handshakes_full = tally.handshakes_full;
  record.handshakes_resumed = tally.handshakes_resumed;
  record.connect_time = Distribution::of(tally.connect_time);
  record.bytes_in = tally.bytes_in;
  record.bytes_out = tally.bytes_out;
  record.meant = record.replies + record.failures + record.unfinished;
  if (plan_.profile)
    record.meant_rate = (plan_.profile->count_before(plan_.warm_up + measured) -
                         plan_.profile->count_before(plan_.warm_up)) /
                        seconds;
  for (const auto& [status, count] : tally.statuses)
    record.statuses[std::to_string(status)] = count;
  for (size_t kind = 0; kind < failure_kinds; ++kind) {
    if (tally.failures[kind] == 0) continue;
    const std::string name(failure_name(static_cast<Failure>(kind)));
    record.errors[name] = tally.failures[kind];
    if (!tally.examples[kind].empty()) record.error_examples[name] = tally.examples[kind];
  }
  record.latency = Distribution::of(tally.latency);
  record.service = Distribution::of(tally.service);
  record.send_delay = Distribution::of(tally.send_delay);
  uint64_t replies_inside = 0;
  for (size_t i = 0; i < tally.intervals.size(); ++i) {
    const Tally::Interval& interval = tally.intervals[i];
    const Duration begin = plan_.interval * static_cast<int64_t>(i);
    const Duration end = std::min(begin + plan_.interval, measured);
    if (begin >= measured) break;
    const double length = seconds_in(end - begin);
    replies_inside += interval.replies;
    const double meant = !plan_.profile ? 0
                                        : plan_.profile->count_before(plan_.warm_up + end) -
                                              plan_.profile->count_before(plan_.warm_up + begin);
    record.intervals.push_back({seconds_in(begin), meant / length,
                                static_cast<double>(interval.replies) / length,
                                static_cast<double>(interval.failures) / length,
                                static_cast<double>(interval.latency.at(0.5)),
                                static_cast<double>(interval.latency.at(0.99)),
                                static_cast<double>(interval.latency.max())});
  }
  record.reply_rate = static_cast<double>(replies_inside) / seconds;
  add_generator(record, tally);
  return record;
}

}  // namespace

Result<WatchedPid> parse_watched(std::string_view text) {
  const size_t equals = text.rfind('=');
  const std::string_view digits = equals == std::string_view::npos ? text : text.substr(equals + 1);
  WatchedPid watched;
  const auto [end, fault] =
      std::from_chars(digits.data(), digits.data() + digits.size(), watched.pid);
  if (fault != std::errc() || end != digits.data() + digits.size() || watched.pid <= 0)
    return Error{.fault = Fault::invalid,
                 .detail = "--watch: expected PID or NAME=PID, not \"" + std::string(text) + "\""};
  if (equals != std::string_view::npos) watched.name = text.substr(0, equals);
  return watched;
}

Result<RunRecord> run_load(const LoadPlan& plan, const Workload& workload,
                           const RunExtras& extras) {
  if (const auto reached = probe_addresses(plan); !reached) return reached.error();
  Run run(plan, workload, extras);
  return run.run();
}

}  // namespace causeway::load
