#include "bench/churn/churn_run.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "bench/churn/route_probe.h"
#include "bench/load/measure/histogram.h"
#include "bench/load/measure/quantity.h"
#include "bench/load/report/machine.h"
#include "log/logger.h"
#include "net/loop.h"
#include "net/signals.h"
#include "net/timer.h"

namespace causeway::churn {
namespace {

using namespace std::chrono_literals;

constexpr Duration connect_limit = 10s;
constexpr uint64_t burst_messages = 256;  // between two turns of the loop
constexpr size_t examples_max = 5;
constexpr Duration behind_limit = 1s;

double seconds_in(Duration duration) { return std::chrono::duration<double>(duration).count(); }

nats::Options nats_options(const ChurnPlan& plan) {
  nats::Options options;
  options.servers = plan.servers;
  options.name = "causeway-bench churn";
  return options;
}

uint64_t count_in(Duration elapsed, double rate) {
  return static_cast<uint64_t>(seconds_in(elapsed) * rate);
}

// Requests beside a phase, on threads of their own. Owner: a run. Ends: the threads are joined.
class Traffic {
 public:
  Traffic(const load::HttpPlan& plan, const std::vector<load::WatchedPid>& watched)
      : thread_([this, &plan, watched] {
          load::RunExtras extras;
          extras.watched = watched;
          extras.is_interrupted = [this] { return is_cut_.load(); };
          record_ = load::run_http(plan, extras);
          has_ended_ = true;
        }) {}
  Traffic(const Traffic&) = delete;
  Traffic& operator=(const Traffic&) = delete;
  ~Traffic() {
    is_cut_ = true;
    if (thread_.joinable()) thread_.join();
  }

  bool has_ended() const { return has_ended_; }
  // Ends it, if it has not ended by itself.
  Result<load::RunRecord> finish() {
    is_cut_ = true;
    thread_.join();
    if (record_) record_->partial.clear();
    return std::move(record_);
  }

 private:
  std::atomic<bool> is_cut_ = false;
  std::atomic<bool> has_ended_ = false;
  Result<load::RunRecord> record_ = Error{};
  std::thread thread_;  // last: it uses the rest
};

// One run. Owner: run_churn(). Thread: the caller's, whose loop it turns.
class ChurnRun {
 public:
  ChurnRun(const ChurnPlan& plan, const ChurnExtras& extras);
  ChurnRun(const ChurnRun&) = delete;
  ChurnRun& operator=(const ChurnRun&) = delete;

  Result<ChurnRecord> run();

 private:
  // Turns the loop until `holds`; answers whether it does, in time and not interrupted.
  template <class Holds>
  bool until(Duration limit, Holds holds);
  void say(std::string_view subject, const std::string& host, uint64_t route, unsigned endpoint);
  void say_route(std::string_view subject, uint64_t route);
  void say_steady(std::string_view subject);
  Result<void> prepare();
  void be_quiet();
  void register_all();
  void verify();
  void churn();
  void churn_turn(Duration elapsed);
  void replace_one();
  void note(Result<Duration> seen, load::Histogram& into);
  void remove_all();
  void begin_phase(const std::string& name, const std::optional<load::HttpPlan>& traffic);
  void end_phase();

  const ChurnPlan& plan_;
  const ChurnOptions& options_;
  const ChurnExtras& extras_;
  log::Sink sink_{{.level = log::Level::warn, .path = "/dev/stderr"}};
  log::Logger logger_{sink_, "causeway-bench"};
  SystemClock clock_;
  net::Loop loop_;
  net::Timer tick_;  // keeps until() awake
  std::optional<net::SignalWatch> on_int_, on_term_;
  Prober prober_;
  nats::Client nats_;
  ChurnRecord record_;
  load::Histogram to_routable_, to_gone_;
  uint64_t messages_ = 0;
  uint64_t begin_ = 0, end_ = 0;  // registered routes
  uint64_t refresh_at_ = 0;       // endpoint to be refreshed next, in their order
  double refresh_due_ = 0;        // refreshes that should have been sent by now
  Duration refresh_seen_{};       // up to when refresh_due_ was counted
  uint64_t replaced_ = 0;
  uint64_t waited_ = 0;  // changes for which no probe was free
  std::unique_ptr<Traffic> traffic_;
  PhaseCost phase_;
  Instant phase_began_{};
  uint64_t phase_messages_ = 0;
  load::ProcessMeter meter_;
};

ChurnRun::ChurnRun(const ChurnPlan& plan, const ChurnExtras& extras)
    : plan_(plan),
      options_(plan.options),
      extras_(extras),
      tick_(loop_),
      prober_(loop_, plan.router, {.timeout = plan.options.timeout}),
      nats_(loop_, logger_, nats_options(plan), [](nats::Link, std::string_view) {}) {
  tick_.every(1ms, [] {});
}

template <class Holds>
bool ChurnRun::until(Duration limit, Holds holds) {
  const Instant deadline = clock_.now() + limit;
  while (!holds()) {
    if (clock_.now() > deadline || !record_.partial.empty()) return false;
    loop_.run_once();
  }
  return true;
}

void ChurnRun::say(std::string_view subject, const std::string& host, uint64_t route,
                   unsigned endpoint) {
  const auto message = registration_of(plan_, host, route, endpoint);
  if (const auto published = nats_.publish(subject, cf::to_json(message)); !published) {
    if (record_.partial.empty())
      record_.partial = "cannot publish: " + to_string(published.error());
  }
  ++messages_;
}

void ChurnRun::say_route(std::string_view subject, uint64_t route) {
  const std::string host = route_host(plan_, route);
  for (unsigned endpoint = 0; endpoint < options_.endpoints; ++endpoint)
    say(subject, host, route, endpoint);
}

void ChurnRun::say_steady(std::string_view subject) {
  for (unsigned i = 0; i < steady_routes; ++i)
    say(subject, steady_host(plan_, i), routes_max + i, 0);
}

void ChurnRun::begin_phase(const std::string& name, const std::optional<load::HttpPlan>& traffic) {
  if (extras_.on_progress) extras_.on_progress(name);
  phase_ = {};
  phase_.name = name;
  phase_messages_ = messages_;
  meter_.begin();
  phase_began_ = clock_.now();
  if (traffic) traffic_ = std::make_unique<Traffic>(*traffic, extras_.watched);
}

void ChurnRun::end_phase() {
  phase_.seconds = seconds_in(clock_.now() - phase_began_);
  phase_.messages = messages_ - phase_messages_;
  phase_.processes = meter_.end();
  record_.phases.push_back(std::move(phase_));
  if (!traffic_) return;
  auto run = traffic_->finish();
  traffic_.reset();
  if (!run) {
    record_.limits.push_back("no traffic during " + record_.phases.back().name + ": " +
                             to_string(run.error()));
    return;
  }
  run->label = record_.phases.back().name;
  run->rate = options_.traffic;
  run->target = options_.router;
  for (const std::string& limit : run->generator_limits)
    record_.limits.push_back(run->label + ": " + limit);
  record_.traffic.push_back(std::move(*run));
}

Result<void> ChurnRun::prepare() {
  for (const auto& [pid, name] : extras_.watched)
    if (const auto cpu = load::process_cpu(pid); !cpu) return cpu.error();
  for (const auto& [pid, name] : extras_.watched) meter_.add(pid, name);
  if (!until(connect_limit, [this] { return nats_.is_connected(); }))
    return Error{.fault = Fault::unavailable,
                 .detail = "no NATS server answers at " + options_.nats.front()};
  // The first route may have to wait for a router that is only just starting.
  std::optional<Result<Duration>> seen;
  say_steady("router.register");
  prober_.await(steady_host(plan_, 0), Awaited::routable, clock_.now(),
                [&seen](Result<Duration> took) { seen = std::move(took); });
  net::Timer again(loop_);
  again.every(1s, [this] { say_steady("router.register"); });
  const bool is_there = until(options_.timeout + 1s, [&] { return seen.has_value(); });
  if (is_there && *seen) return {};
  return Error{.fault = Fault::unavailable,
               .detail = "the router at " + options_.router + " does not learn routes: " +
                         (is_there ? seen->error().detail : record_.partial)};
}

void ChurnRun::be_quiet() {
  if (!plan_.quiet) return;
  begin_phase("quiet", plan_.quiet);
  until(options_.quiet + connect_limit, [this] { return traffic_->has_ended(); });
  end_phase();
}

void ChurnRun::register_all() {
  begin_phase("registration", plan_.registration);
  const Instant began = clock_.now();
  uint64_t said = 0;
  while (end_ < options_.routes && record_.partial.empty()) {
    uint64_t allowed = said + burst_messages;
    if (options_.register_rate > 0)
      allowed = std::min(allowed, 1 + count_in(clock_.now() - began, options_.register_rate));
    for (; said < allowed && end_ < options_.routes; said += options_.endpoints)
      say_route("router.register", end_++);
    loop_.run_once(said >= allowed && options_.register_rate > 0);
  }
  const Instant last = clock_.now();
  record_.registration_messages = said;
  record_.publish_seconds = seconds_in(last - began);
  std::optional<Result<Duration>> seen;
  if (end_ > 0)
    prober_.await(route_host(plan_, end_ - 1), Awaited::routable, last,
                  [&seen](Result<Duration> took) { seen = std::move(took); });
  if (until(options_.timeout + 1s, [&] { return seen.has_value(); })) {
    if (*seen)
      record_.routable_seconds = seconds_in(**seen);
    else
      record_.missing_examples.push_back(seen->error().detail);
  }
  end_phase();
}

void ChurnRun::verify() {
  const uint64_t wanted = std::min(options_.verify, end_);
  if (wanted == 0 || !record_.partial.empty()) return;
  begin_phase("verification", std::nullopt);
  Prober verifier(loop_, plan_.router, {.probes_max = 8, .timeout = 10s});
  for (uint64_t i = 0; i < wanted; ++i) {
    verifier.await(route_host(plan_, i * end_ / wanted), Awaited::routable, clock_.now(),
                   [this](const Result<Duration>& took) {
                     ++record_.verified;
                     if (took) return;
                     ++record_.missing;
                     if (record_.missing_examples.size() < examples_max)
                       record_.missing_examples.push_back(took.error().detail);
                   });
  }
  until(options_.timeout + 10s, [&] { return verifier.awaited() == 0; });
  end_phase();
}

void ChurnRun::note(Result<Duration> seen, load::Histogram& into) {
  if (seen) return into.record(static_cast<uint64_t>(std::max<int64_t>(seen->count(), 0)));
  ++record_.unseen;
  if (record_.missing_examples.size() < examples_max)
    record_.missing_examples.push_back(seen.error().detail);
}

void ChurnRun::replace_one() {
  const uint64_t added = end_++;
  say_route("router.register", added);
  ++record_.added;
  prober_.await(route_host(plan_, added), Awaited::routable, clock_.now(),
                [this](Result<Duration> seen) { note(std::move(seen), to_routable_); });
  const uint64_t removed = begin_++;
  say_route("router.unregister", removed);
  ++record_.removed;
  prober_.await(route_host(plan_, removed), Awaited::gone, clock_.now(),
                [this](Result<Duration> seen) { note(std::move(seen), to_gone_); });
  waited_ += prober_.waiting() > 0 ? 1 : 0;
}

void ChurnRun::churn_turn(Duration elapsed) {
  for (; replaced_ < count_in(elapsed, options_.churn_rate); ++replaced_) replace_one();
  if (options_.refresh <= Duration::zero()) return;
  const double endpoints = static_cast<double>((end_ - begin_) * options_.endpoints);
  refresh_due_ += seconds_in(elapsed - refresh_seen_) * endpoints / seconds_in(options_.refresh);
  refresh_seen_ = elapsed;
  for (uint64_t sent = 0; refresh_due_ >= 1 && sent < burst_messages; ++sent, --refresh_due_) {
    const uint64_t first = begin_ * options_.endpoints;
    refresh_at_ = std::max(refresh_at_, first) >= end_ * options_.endpoints
                      ? first
                      : std::max(refresh_at_, first);
    const uint64_t route = refresh_at_ / options_.endpoints;
    say("router.register", route_host(plan_, route), route,
        static_cast<unsigned>(refresh_at_ % options_.endpoints));
    ++refresh_at_;
    ++record_.refreshed;
  }
}

void ChurnRun::churn() {
  if (options_.churn_duration <= Duration::zero() || !record_.partial.empty()) return;
  begin_phase("churn", plan_.churn);
  const Instant began = clock_.now();
  net::Timer steady(loop_);
  if (options_.refresh > Duration::zero())
    steady.every(options_.refresh, [this] { say_steady("router.register"); });
  while (record_.partial.empty()) {
    const Duration elapsed = clock_.now() - began;
    if (elapsed >= options_.churn_duration) break;
    churn_turn(elapsed);
    loop_.run_once();
  }
  const double behind = refresh_due_ * seconds_in(options_.refresh) /
                        static_cast<double>((end_ - begin_) * options_.endpoints);
  if (behind > seconds_in(behind_limit))
    record_.limits.push_back("refreshes were " + load::fixed(behind, 1) + " s behind");
  until(options_.timeout + 1s, [this] { return prober_.awaited() == 0; });
  if (waited_ > 0)
    record_.limits.push_back(std::to_string(waited_) + " changes waited for a free probe");
  end_phase();
}

void ChurnRun::remove_all() {
  if (options_.keep || begin_ == end_ || !nats_.is_connected()) return;
  begin_phase("removal", std::nullopt);
  const uint64_t last = end_ - 1;
  for (uint64_t said = 0; begin_ < end_; ++begin_) {
    say_route("router.unregister", begin_);
    if (++said % burst_messages == 0) loop_.run_once(false);
  }
  say_steady("router.unregister");
  std::optional<Result<Duration>> seen;
  prober_.await(route_host(plan_, last), Awaited::gone, clock_.now(),
                [&seen](Result<Duration> took) { seen = std::move(took); });
  if (until(options_.timeout + 1s, [&] { return seen.has_value(); }) && *seen)
    record_.removal_seconds = seconds_in(**seen);
  end_phase();
}

Result<ChurnRecord> ChurnRun::run() {
  if (extras_.catches_signals) {
    const auto interrupt = [this] { record_.partial = "interrupted by a signal"; };
    on_int_.emplace(loop_, SIGINT, interrupt);
    on_term_.emplace(loop_, SIGTERM, interrupt);
  }
  record_.started = load::utc_text(clock_.wall());
  record_.machine = load::describe_machine();
  record_.router = options_.router;
  record_.routes = options_.routes;
  record_.endpoints = options_.endpoints;
  record_.refresh_seconds = seconds_in(options_.refresh);
  record_.churn_rate = options_.churn_rate;
  if (auto prepared = prepare(); !prepared) return prepared.error();
  be_quiet();
  register_all();
  verify();
  churn();
  const std::string partial = std::exchange(record_.partial, {});
  remove_all();
  if (!partial.empty()) record_.partial = partial;
  record_.to_routable = load::Distribution::of(to_routable_);
  record_.to_gone = load::Distribution::of(to_gone_);
  if (const uint64_t dropped = nats_.dropped_publishes(); dropped > 0 && record_.partial.empty())
    record_.partial = std::to_string(dropped) + " messages could not be published";
  return std::move(record_);
}

}  // namespace

Result<ChurnRecord> run_churn(const ChurnPlan& plan, const ChurnExtras& extras) {
  ChurnRun run(plan, extras);
  return run.run();
}

}  // namespace causeway::churn
