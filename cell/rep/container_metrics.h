#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/clock.h"
#include "cell/executor/executor.h"
#include "net/timer.h"

namespace causeway::metrics {
class Registry;
}

namespace causeway::rep {

// What the cell's containers use, measured regularly: for GET /container_metrics, and in sum for
// /metrics. Memory and processor time come from the control groups; what is not measured (disk,
// network) is left out. Owner: Rep. Thread: its loop's.
class ContainerMetrics {
 public:
  ContainerMetrics(net::Loop& loop, const executor::Executor& executor,
                   metrics::Registry& registry);
  ContainerMetrics(const ContainerMetrics&) = delete;
  ContainerMetrics& operator=(const ContainerMetrics&) = delete;

  // Measures from now on, at once and every `interval`.
  void start(Duration interval);
  // Diego's ContainerMetricsCollection as of the last measurement.
  std::string json() const;
  void measure(Instant now);

 private:
  struct Sample {
    executor::Usage usage;
    Instant taken{};
    double cpu_fraction = 0;  // of one processor since the sample before
  };

  net::Loop& loop_;
  const executor::Executor& executor_;
  std::map<std::string, Sample> samples_;  // by guid
  net::Timer timer_;
};

}  // namespace causeway::rep
