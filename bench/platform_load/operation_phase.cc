#include <algorithm>
#include <utility>

#include "bench/platform_load/messages.h"
#include "bench/platform_load/platform_run.h"
#include "bench/platform_load/sim_cell.h"
#include "bench/platform_load/subscribers.h"

namespace causeway::platform {
namespace {

using namespace std::chrono_literals;

constexpr Duration patience = 120s;
constexpr int bulk_reads = 5;
constexpr int cell_reads = 200;

// One operation after the other, on LRPs of its own. Owner: run_operations(). Thread: the ground's.
class OperationPhase {
 public:
  OperationPhase(Ground& ground, const PlatformOptions& options)
      : ground_(ground),
        options_(options),
        cell_calls_(ground.loop(), ground.servers().bbs_url, 64, 30s, ground.identity()),
        calls_(ground.loop(), ground.servers().bbs_url, options.clients, 60s, ground.identity()),
        fleet_(ground.loop(), ground.logger(), fleet_options(ground, options), cell_calls_) {}
  OperationPhase(const OperationPhase&) = delete;
  OperationPhase& operator=(const OperationPhase&) = delete;

  Result<void> run();

 private:
  static FleetOptions fleet_options(const Ground& ground, const PlatformOptions& options) {
    FleetOptions fleet;
    fleet.cells = 20;
    fleet.bbs_url = ground.servers().bbs_url;
    fleet.identity = ground.identity();
    fleet.acts = false;
    const auto each = static_cast<int32_t>(options.operations / fleet.cells + 100);
    fleet.capacity = {.memory_mb = 1 << 28, .disk_mb = 1 << 28, .containers = 4 * each};
    return fleet;
  }
  // `make` for each number, then until all are answered.
  template <class Make>
  void each(Operation operation, Make make);
  void repeat(Operation operation, int times, const std::string& body);
  // Until all are answered; what the bbs took for them is noted.
  bool finish(Operation operation, double bbs_cpu_before);
  void lrps();
  void changes();
  void tasks();
  void removal();

  InstanceName instance(uint64_t number) const {
    return {process_guid(number), 0, task_guid(number), cell_id(number % 20)};
  }
  // The instance index that the metric tags name, as a body.
  template <class Request>
  static std::string by_guid(uint64_t number) {
    Request request;
    request.set_process_guid(process_guid(number));
    return cf::encode(request);
  }

  Ground& ground_;
  const PlatformOptions& options_;
  Calls cell_calls_;
  Calls calls_;
  Fleet fleet_;
};

template <class Make>
void OperationPhase::each(Operation operation, Make make) {
  const double before = ground_.bbs_cpu_seconds();
  for (uint64_t i = 0; i < options_.operations; ++i)
    calls_.add(operation, [make, i] { return make(i); });
  if (!finish(operation, before) && !ground_.is_interrupted())
    ground_.record().remarks.push_back(std::string(facts_of(operation).name) +
                                       ": not all answered in time");
}

void OperationPhase::repeat(Operation operation, int times, const std::string& body) {
  const double before = ground_.bbs_cpu_seconds();
  for (int i = 0; i < times; ++i) calls_.add(operation, [body] { return body; });
  finish(operation, before);
}

bool OperationPhase::finish(Operation operation, double bbs_cpu_before) {
  const bool all = ground_.until(patience, [this] { return calls_.is_idle(); });
  calls_.charge(operation, ground_.bbs_cpu_seconds() - bbs_cpu_before);
  return all;
}

void OperationPhase::lrps() {
  each(Operation::desire_lrp,
       [](uint64_t i) { return cf::encode(desire_request(process_guid(i), 1, 64)); });
  // Their auctions are over when the cells have them all: nothing else is measured with that.
  ground_.until(10s, [this] { return fleet_.counts().taken >= options_.operations; });
  each(Operation::claim, [this](uint64_t i) { return cf::encode(claim_request(instance(i))); });
  each(Operation::start,
       [this](uint64_t i) { return cf::encode(start_request(instance(i), true)); });
  each(Operation::heart_beat,
       [this](uint64_t i) { return cf::encode(start_request(instance(i), true)); });
  each(Operation::desired_by_guid, by_guid<models::DesiredLRPByProcessGuidRequest>);
  models::ActualLRPsRequest cell;
  cell.set_cell_id(cell_id(0));
  repeat(Operation::lrps_of_cell, cell_reads, cf::encode(cell));
  calls_.at_once(1);
  repeat(Operation::all_actual, bulk_reads, "");
  repeat(Operation::all_scheduling, bulk_reads, "");
  repeat(Operation::all_routing, bulk_reads, "");
  repeat(Operation::all_desired, bulk_reads, "");
  calls_.at_once(options_.clients);
}

// Changes with somebody who hears of them.
void OperationPhase::changes() {
  const uint64_t followers = std::max<uint64_t>(1, options_.subscribers);
  Subscribers subscribers(ground_.loop(), ground_.servers().bbs_url, followers, ground_.identity());
  ground_.until(patience, [&] { return subscribers.opened() == followers; });
  const double before = ground_.bbs_cpu_seconds();
  each(Operation::route_flip, [this, &subscribers](uint64_t i) {
    subscribers.expect(task_guid(i));
    return cf::encode(start_request(instance(i), false));
  });
  ground_.until(10s, [&] { return subscribers.events() >= options_.operations * followers; });
  const double each_event = (ground_.bbs_cpu_seconds() - before) /
                            static_cast<double>(std::max<uint64_t>(1, subscribers.events()));
  ground_.figure("events seen", static_cast<double>(subscribers.events()), Unit::count);
  ground_.figure("CPU of the bbs for an event, its change included", each_event, Unit::seconds);
  ground_.figure("start to event, p50", static_cast<double>(subscribers.lag().at(0.5)) / 1e9,
                 Unit::seconds);
  ground_.figure("start to event, p99 (original: 99 ms)",
                 static_cast<double>(subscribers.lag().at(0.99)) / 1e9, Unit::seconds);
}

void OperationPhase::tasks() {
  each(Operation::desire_task,
       [](uint64_t i) { return cf::encode(desire_task_request(task_guid(i))); });
  each(Operation::start_task, [](uint64_t i) {
    models::StartTaskRequest request;
    request.set_task_guid(task_guid(i));
    request.set_cell_id(cell_id(i % 20));
    return cf::encode(request);
  });
  each(Operation::complete_task, [](uint64_t i) {
    models::CompleteTaskRequest request;
    request.set_task_guid(task_guid(i));
    request.set_cell_id(cell_id(i % 20));
    request.set_result(R"({"exit_code":0})");
    return cf::encode(request);
  });
  for (const Operation operation : {Operation::resolve_task, Operation::delete_task}) {
    each(operation, [](uint64_t i) {
      models::TaskGuidRequest request;
      request.set_task_guid(task_guid(i));
      return cf::encode(request);
    });
  }
}

void OperationPhase::removal() {
  each(Operation::remove_actual,
       [this](uint64_t i) { return cf::encode(remove_request(instance(i))); });
  each(Operation::remove_desired, by_guid<models::RemoveDesiredLRPRequest>);
}

Result<void> OperationPhase::run() {
  if (auto started = fleet_.start(); !started) return started;
  if (!ground_.until(30s, [this] { return fleet_.counts().present == 20; }))
    return Error{.fault = Fault::unavailable, .detail = "the bbs takes no presences"};
  ground_.begin_phase("operations, " + std::to_string(options_.clients) + " clients");
  lrps();
  changes();
  tasks();
  removal();
  ground_.add_operations(calls_, Ground::Pace::saturated);
  ground_.end_phase();
  fleet_.release();
  ground_.until(10s, [this] { return fleet_.is_released(); });
  return {};
}

}  // namespace

Result<void> run_operations(Ground& ground, const PlatformOptions& options) {
  OperationPhase phase(ground, options);
  return phase.run();
}

}  // namespace causeway::platform
