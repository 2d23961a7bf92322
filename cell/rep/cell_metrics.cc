#include "cell/rep/cell_metrics.h"

#include <string>

#include "cell/executor/executor.h"
#include "metrics/registry.h"

namespace causeway::rep {

namespace {

using executor::Executor;
using executor::Outcomes;
using executor::Resources;
using executor::Tally;

void register_capacity(metrics::Registry& registry, const Executor& executor,
                       const std::string& name, int64_t Resources::*part) {
  registry.gauge_from("CapacityTotal" + name, "What the cell has.",
                      [&executor, part] { return static_cast<double>(executor.total().*part); });
  registry.gauge_from("CapacityRemaining" + name, "What of it is free.", [&executor, part] {
    return static_cast<double>(executor.remaining().*part);
  });
  registry.gauge_from("CapacityAllocated" + name, "What of it is taken.", [&executor, part] {
    return static_cast<double>(executor.total().*part - executor.remaining().*part);
  });
}

// NAMESucceededDuration, NAMESucceededCount and the same of failures.
void register_outcomes(metrics::Registry& registry, const Executor& executor,
                       const std::string& name, Outcomes Tally::*what) {
  const auto add = [&](const std::string& suffix, executor::Times Outcomes::*which) {
    registry.gauge_from(name + suffix + "Duration", "Nanoseconds that the last one took.",
                        [&executor, what, which] {
                          const Outcomes& outcomes = executor.tally().*what;
                          return static_cast<double>((outcomes.*which).last.count());
                        });
    registry.counter_from(name + suffix + "Count", "How many there were.",
                          [&executor, what, which] {
                            const Outcomes& outcomes = executor.tally().*what;
                            return static_cast<double>((outcomes.*which).count);
                          });
  };
  add("Succeeded", &Outcomes::succeeded);
  add("Failed", &Outcomes::failed);
}

void register_count(metrics::Registry& registry, const Executor& executor, const char* name,
                    const char* help, uint64_t Tally::*count) {
  registry.counter_from(
      name, help, [&executor, count] { return static_cast<double>(executor.tally().*count); });
}

}  // namespace

void register_cell_metrics(metrics::Registry& registry, const Executor& executor) {
  register_capacity(registry, executor, "Memory", &Resources::memory_mb);
  register_capacity(registry, executor, "Disk", &Resources::disk_mb);
  register_capacity(registry, executor, "Containers", &Resources::containers);
  registry.gauge_from("ContainerCount", "Containers on the cell.",
                      [&executor] { return static_cast<double>(executor.list().size()); });
  registry.gauge_from("StartingContainerCount", "Of them, not yet running.",
                      [&executor] { return static_cast<double>(executor.starting()); });
  const auto is_unwell = [&executor] { return executor.is_healthy() ? 0.0 : 1.0; };
  registry.gauge_from("CellUnhealthy", "1: the cell cannot run containers.", is_unwell);
  registry.gauge_from("GardenHealthCheckFailed", "1: the last container made for a try failed.",
                      is_unwell);
  register_outcomes(registry, executor, "GardenContainerCreation", &Tally::creations);
  register_outcomes(registry, executor, "GardenContainerDestruction", &Tally::destructions);
  register_outcomes(registry, executor, "ContainerSetup", &Tally::setups);
  register_count(registry, executor, "ContainerCompletedCount", "Containers whose work has ended.",
                 &Tally::completed);
  register_count(registry, executor, "ContainerExitedOnTimeoutCount",
                 "Of them, those that had to be killed after the graceful shutdown interval.",
                 &Tally::exited_on_timeout);
  register_count(registry, executor, "HTTPLivenessChecksFailedCount",
                 "HTTP checks of running instances that failed.", &Tally::http_liveness_failed);
  register_count(registry, executor, "TCPLivenessChecksFailedCount",
                 "TCP checks of running instances that failed.", &Tally::tcp_liveness_failed);
  register_count(registry, executor, "HTTPReadinessChecksFailedCount",
                 "HTTP readiness checks that failed.", &Tally::http_readiness_failed);
  register_count(registry, executor, "TCPReadinessChecksFailedCount",
                 "TCP readiness checks that failed.", &Tally::tcp_readiness_failed);
  register_count(registry, executor, "RuntimeChecks", "Containers made for a try.",
                 &Tally::runtime_checks);
  register_count(registry, executor, "RuntimeChecksFailed", "Of them, those that failed.",
                 &Tally::runtime_checks_failed);
}

}  // namespace causeway::rep
