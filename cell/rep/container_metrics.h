#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cell/executor/executor.h"
#include "net/timer.h"

namespace causeway::metrics {
class Registry;
}

namespace causeway::rep {

// What the cell's containers use, measured regularly: for GET /container_metrics, and in sum for
// /metrics. Memory and processor time come from the control groups; disk use is counted file by
// file, one container after the other and seldom, as that costs the machine something. What is not
// measured (network) is left out. Owner: Rep. Thread: its loop's.
class ContainerMetrics {
 public:
  ContainerMetrics(net::Loop& loop, executor::Executor& executor, metrics::Registry& registry,
                   std::string cell_id);
  ContainerMetrics(const ContainerMetrics&) = delete;
  ContainerMetrics& operator=(const ContainerMetrics&) = delete;

  // Measures from now on, at once and every `interval`.
  void start(Duration interval);
  // Diego's ContainerMetricsCollection as of the last measurement.
  std::string json() const;
  void measure(Instant now);
  // Counts the disk use of each container that runs, one after the other.
  void measure_disks();

 private:
  struct Sample {
    executor::Usage usage;
    Instant taken{};
    double cpu_fraction = 0;  // of one processor since the sample before
  };

  void measure_next_disk();

  net::Loop& loop_;
  executor::Executor& executor_;
  const std::string cell_id_;
  std::map<std::string, Sample> samples_;    // by guid
  std::map<std::string, int64_t> disks_;     // bytes, by guid, of those in samples_
  std::vector<std::string> to_be_measured_;  // disks, the last one first
  net::Timer timer_, disk_timer_;
};

}  // namespace causeway::rep
