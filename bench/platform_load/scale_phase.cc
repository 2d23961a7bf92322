#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "bench/platform_load/messages.h"
#include "bench/platform_load/platform_run.h"
#include "bench/platform_load/sim_cell.h"
#include "bench/platform_load/subscribers.h"

namespace causeway::platform {
namespace {

using namespace std::chrono_literals;

constexpr Duration call_timeout = 120s;
constexpr Duration presence_limit = 60s;
constexpr Duration bulk_read_pause = 10s;
constexpr int32_t burst_instances = 100;  // of each of its LRPs

double seconds_in(Duration duration) { return std::chrono::duration<double>(duration).count(); }
Instant now() { return std::chrono::steady_clock::now(); }

// When convergence passes ran, as seen in the bbs's metrics. Owner: a phase. Thread: the ground's.
class PassWatch {
 public:
  explicit PassWatch(Ground& ground) : ground_(ground), timer_(ground.loop()) {
    if (ground.servers().health_url.empty()) return;
    timer_.every(200ms, [this] {
      if (!std::exchange(is_asking_, true))
        ground_.bbs_metrics([this](const std::string& page) { look(page); });
    });
  }
  PassWatch(const PassWatch&) = delete;
  PassWatch& operator=(const PassWatch&) = delete;

  // Nothing more is asked; its owner waits until nothing is awaited.
  void stop() { timer_.disarm(); }
  bool is_asking() const { return is_asking_; }
  bool was_running(Instant sent, Duration took) const {
    return std::any_of(passes_.begin(), passes_.end(), [&](const Pass& pass) {
      return sent < pass.end && sent + took > pass.begin;
    });
  }
  size_t passes() const { return passes_.size(); }
  Duration longest() const { return longest_; }

 private:
  struct Pass {
    Instant begin, end;
  };
  void look(const std::string& page) {
    is_asking_ = false;
    const auto runs = metric_in(page, "ConvergenceLRPRuns");
    const auto took = metric_in(page, "ConvergenceLRPDuration");
    if (!runs || !took) return;
    if (runs_ && *runs > *runs_) {
      const auto duration = Duration(static_cast<int64_t>(*took * 1e9));
      // It ended since the last look.
      passes_.push_back({seen_ - duration, now()});
      longest_ = std::max(longest_, duration);
    }
    runs_ = runs;
    seen_ = now();
  }

  Ground& ground_;
  net::Timer timer_;
  bool is_asking_ = false;
  std::optional<double> runs_;
  Instant seen_{};
  std::vector<Pass> passes_;
  Duration longest_{};
};

// All LRPs at once, with cells that act. Owner: run_scale(). Thread: the ground's.
class ScalePhase {
 public:
  ScalePhase(Ground& ground, const PlatformOptions& options)
      : ground_(ground),
        options_(options),
        cell_calls_(ground.loop(), ground.servers().bbs_url, options.rep_calls, call_timeout,
                    ground.identity()),
        calls_(ground.loop(), ground.servers().bbs_url, options.clients, call_timeout,
               ground.identity()),
        bulk_calls_(ground.loop(), ground.servers().bbs_url, 1, call_timeout, ground.identity()),
        fleet_(ground.loop(), ground.logger(), fleet_options(ground, options), cell_calls_),
        flips_(ground.loop()),
        bulk_(ground.loop()),
        client_(ground.loop(), {.identity = ground.identity()}) {}
  ScalePhase(const ScalePhase&) = delete;
  ScalePhase& operator=(const ScalePhase&) = delete;

  Result<void> run();

 private:
  static FleetOptions fleet_options(const Ground& ground, const PlatformOptions& options) {
    FleetOptions fleet;
    fleet.cells = options.cells;
    fleet.zones = options.zones;
    fleet.bbs_url = ground.servers().bbs_url;
    fleet.identity = ground.identity();
    fleet.capacity = {.memory_mb = options.cell_memory_mb,
                      .disk_mb = 4 * options.cell_memory_mb,
                      .containers = options.cell_containers};
    return fleet;
  }
  Result<void> begin();
  void fill();
  // Until `wanted` instances run, or for `patience` none has been added.
  void wait_for_running(uint64_t wanted);
  void steady();
  void flip_one();
  void read_all();
  void add_pass_figures(const PassWatch& passes);
  void burst();
  void clean_up();
  void forget();

  uint64_t total() const { return options_.lrps * static_cast<uint64_t>(options_.instances); }

  struct Sample {
    Operation operation{};
    Instant sent{};
    Duration took{};
  };

  Ground& ground_;
  const PlatformOptions& options_;
  Calls cell_calls_, calls_, bulk_calls_;
  Fleet fleet_;
  std::vector<Sample> samples_;
  std::unique_ptr<Subscribers> subscribers_;
  Rng rng_{1};
  uint64_t flips_due_ = 0, flips_made_ = 0;
  uint64_t desired_ = 0;
  Instant all_desired_{};
  net::Timer flips_, bulk_;
  rpc::Client client_;
};

void ScalePhase::forget() {
  for (Calls* calls : {&cell_calls_, &calls_, &bulk_calls_}) calls->forget();
}

Result<void> ScalePhase::begin() {
  ground_.begin_phase("cells");
  const Instant began = now();
  if (auto started = fleet_.start(); !started) return started;
  if (!ground_.until(presence_limit, [this] { return fleet_.counts().present == options_.cells; }))
    return Error{.fault = Fault::unavailable,
                 .detail = "only " + std::to_string(fleet_.counts().present) + " of " +
                           std::to_string(options_.cells) + " cells became present"};
  ground_.figure("all cells present after", seconds_in(now() - began), Unit::seconds);
  models::UpsertDomainRequest fresh;
  fresh.set_domain(domain);
  std::optional<bool> is_upserted;
  client_.send(
      {.url = ground_.servers().bbs_url + "/v1/domains/upsert", .body = cf::encode(fresh)},
      [&](const Result<rpc::Reply>& reply) { is_upserted = reply && reply->status == 200; });
  while (!is_upserted) ground_.loop().run_once();
  ground_.end_phase();
  if (*is_upserted) return {};
  return Error{.fault = Fault::unavailable, .detail = "the bbs takes no domain"};
}

void ScalePhase::wait_for_running(uint64_t wanted) {
  uint64_t last = fleet_.counts().running;
  Instant progress = now(), told = now();
  while (fleet_.counts().running < wanted && !ground_.is_interrupted()) {
    ground_.loop().run_once();
    const uint64_t running = fleet_.counts().running;
    if (running != last) progress = now();
    last = running;
    if (now() - told > 5s) {
      told = now();
      ground_.tell("  " + std::to_string(running) + " of " + std::to_string(wanted) +
                   " instances run");
    }
    if (now() - progress > options_.patience) {
      ground_.record().remarks.push_back(std::to_string(running) + " of " + std::to_string(wanted) +
                                         " instances run, no more come");
      return;
    }
  }
}

void ScalePhase::fill() {
  ground_.begin_phase("filling");
  forget();
  const Instant began = now();
  for (; desired_ < options_.lrps; ++desired_) {
    calls_.add(
        Operation::desire_lrp,
        [this, i = desired_] {
          return cf::encode(
              desire_request(process_guid(i), options_.instances, options_.memory_mb));
        },
        [this](const Result<std::string>&) { all_desired_ = now(); });
  }
  wait_for_running(total());
  const double seconds = seconds_in(now() - began);
  ground_.figure("all desired after", seconds_in(all_desired_ - began), Unit::seconds);
  ground_.figure("all running after", seconds, Unit::seconds);
  ground_.figure("instances running", static_cast<double>(fleet_.counts().running), Unit::count);
  ground_.figure("instances brought up",
                 static_cast<double>(fleet_.counts().running) / std::max(seconds, 1e-9),
                 Unit::per_second);
  ground_.figure("cell states asked for", static_cast<double>(fleet_.counts().states_asked),
                 Unit::count);
  ground_.add_operations(calls_);
  ground_.add_operations(cell_calls_);
  ground_.end_phase();
}

void ScalePhase::flip_one() {
  const auto& cells = fleet_.cells();
  for (int attempt = 0; attempt < 10; ++attempt) {
    SimCell& cell = *cells[rng_.below(cells.size())];
    if (cell.instances().empty()) continue;
    auto at = cell.instances().begin();
    std::advance(at,
                 static_cast<ptrdiff_t>(rng_.below(std::min<size_t>(cell.instances().size(), 64))));
    SimInstance& instance = *cell.find(at->first);
    if (!instance.is_running) continue;
    instance.flip();
    if (subscribers_) subscribers_->expect(instance.name.instance_guid);
    calls_.add(Operation::route_flip, [body = instance.heart_beat()] { return body; });
    return;
  }
}

void ScalePhase::read_all() {
  if (!bulk_calls_.is_idle()) return;
  bulk_calls_.add(Operation::all_scheduling, {});
  bulk_calls_.add(Operation::all_routing, {});
  bulk_calls_.add(Operation::all_actual, {});
}

void ScalePhase::steady() {
  if (options_.steady <= Duration::zero() || ground_.is_interrupted()) return;
  if (options_.subscribers > 0) {
    subscribers_ = std::make_unique<Subscribers>(ground_.loop(), ground_.servers().bbs_url,
                                                 options_.subscribers, ground_.identity());
    ground_.until(60s, [this] { return subscribers_->opened() == options_.subscribers; });
  }
  ground_.begin_phase("steady");
  forget();
  samples_.clear();
  const auto sample = [this](Operation operation, Instant sent, Duration took) {
    samples_.push_back({operation, sent, took});
  };
  cell_calls_.on_sample(sample);
  calls_.on_sample(sample);
  PassWatch passes(ground_);
  fleet_.heart_beat(options_.heart_beat);
  fleet_.begin_beating();
  const Instant began = now();
  flips_.every(5ms, [this, began] {
    flips_due_ = static_cast<uint64_t>(seconds_in(now() - began) * options_.flips);
    for (; flips_made_ < flips_due_; ++flips_made_) flip_one();
  });
  read_all();
  bulk_.every(bulk_read_pause, [this] { read_all(); });
  // One interval for the first heart-beats of all cells to come, then what is meant.
  ground_.until(options_.steady, [] { return false; });
  flips_.disarm();
  bulk_.disarm();
  fleet_.stop_beating();
  passes.stop();
  const double behind = static_cast<double>(cell_calls_.waiting());
  ground_.until(call_timeout, [this] {
    return calls_.is_idle() && bulk_calls_.is_idle() && cell_calls_.is_idle();
  });
  // Its question points here.
  while (passes.is_asking()) ground_.loop().run_once();
  cell_calls_.on_sample({});
  calls_.on_sample({});
  add_pass_figures(passes);
  ground_.figure("heart-beats meant",
                 static_cast<double>(fleet_.counts().running) / seconds_in(options_.heart_beat),
                 Unit::per_second);
  ground_.figure("heart-beats of cells skipped", static_cast<double>(fleet_.counts().beats_skipped),
                 Unit::count);
  ground_.figure("rep calls unsent at the end", behind, Unit::count);
  if (subscribers_) {
    const auto count = [](auto number) { return static_cast<double>(number); };
    ground_.figure("event subscribers", count(options_.subscribers), Unit::count);
    ground_.figure("cut off", count(subscribers_->closed()), Unit::count);
    ground_.figure("gaps seen", count(subscribers_->gaps()), Unit::count);
    ground_.figure("events delivered", count(subscribers_->events()) / seconds_in(options_.steady),
                   Unit::per_second);
    ground_.figure("change to event, p50", count(subscribers_->lag().at(0.5)) / 1e9, Unit::seconds);
    ground_.figure("change to event, p99", count(subscribers_->lag().at(0.99)) / 1e9,
                   Unit::seconds);
    subscribers_.reset();
  }
  ground_.add_operations(calls_);
  ground_.add_operations(cell_calls_);
  ground_.add_operations(bulk_calls_);
  ground_.end_phase();
}

void ScalePhase::add_pass_figures(const PassWatch& passes) {
  ground_.figure("convergence passes", static_cast<double>(passes.passes()), Unit::count);
  ground_.figure("longest pass", seconds_in(passes.longest()), Unit::seconds);
  for (const Operation operation : {Operation::route_flip, Operation::heart_beat}) {
    load::Histogram during{3}, between{3};
    for (const Sample& sample : samples_) {
      if (sample.operation != operation) continue;
      auto& into = passes.was_running(sample.sent, sample.took) ? during : between;
      into.record(static_cast<uint64_t>(sample.took.count()));
    }
    const std::string name = facts_of(operation).name;
    ground_.figure(name + " p99 during passes", static_cast<double>(during.at(0.99)) / 1e9,
                   Unit::seconds);
    ground_.figure(name + " p99 between passes", static_cast<double>(between.at(0.99)) / 1e9,
                   Unit::seconds);
  }
}

void ScalePhase::burst() {
  if (options_.burst == 0 || ground_.is_interrupted()) return;
  ground_.begin_phase("burst");
  forget();
  const uint64_t wanted = fleet_.counts().running + options_.burst;
  const uint64_t taken = fleet_.counts().taken + options_.burst;
  const Instant began = now();
  Instant all_taken{};
  for (uint64_t left = options_.burst; left > 0; ++desired_) {
    const auto count = static_cast<int32_t>(std::min<uint64_t>(left, burst_instances));
    left -= static_cast<uint64_t>(count);
    calls_.add(Operation::desire_lrp, [this, i = desired_, count] {
      return cf::encode(desire_request(process_guid(i), count, options_.memory_mb));
    });
  }
  ground_.until(options_.patience, [&] { return fleet_.counts().taken >= taken; });
  all_taken = now();
  wait_for_running(wanted);
  ground_.figure("instances desired at once", static_cast<double>(options_.burst), Unit::count);
  ground_.figure("all placed after", seconds_in(all_taken - began), Unit::seconds);
  ground_.figure("all running after", seconds_in(now() - began), Unit::seconds);
  ground_.add_operations(calls_);
  ground_.add_operations(cell_calls_);
  ground_.end_phase();
}

// Servers that go on are left as they were found.
void ScalePhase::clean_up() {
  for (uint64_t i = 0; i < desired_ && !options_.own; ++i) {
    calls_.add(Operation::remove_desired, [i] {
      models::RemoveDesiredLRPRequest request;
      request.set_process_guid(process_guid(i));
      return cf::encode(request);
    });
  }
  ground_.until(call_timeout, [this] { return calls_.is_idle(); });
  ground_.until(10s, [this] { return options_.own || fleet_.counts().running == 0; });
  fleet_.release();
  ground_.until(10s, [this] { return fleet_.is_released(); });
}

Result<void> ScalePhase::run() {
  if (auto begun = begin(); !begun) return begun;
  fill();
  steady();
  burst();
  clean_up();
  return {};
}

}  // namespace

Result<void> run_scale(Ground& ground, const PlatformOptions& options) {
  ScalePhase phase(ground, options);
  return phase.run();
}

}  // namespace causeway::platform
