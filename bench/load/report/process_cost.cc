#include "bench/load/report/process_cost.h"

#include <algorithm>
#include <utility>

#include "bench/load/report/machine.h"

namespace causeway::load {
namespace {

double cpu_seconds_of(pid_t pid) {
  return std::chrono::duration<double>(process_cpu(pid).value_or(Duration::zero())).count();
}

}  // namespace

void ProcessMeter::add(pid_t pid, std::string name) {
  if (name.empty()) name = process_name(pid);
  watched_.push_back({pid, std::move(name), 0});
}

void ProcessMeter::begin() {
  for (Watched& process : watched_) process.cpu_seconds = cpu_seconds_of(process.pid);
}

std::vector<ProcessCost> ProcessMeter::end() const {
  std::vector<ProcessCost> costs;
  for (const Watched& process : watched_) {
    costs.push_back({process.pid, process.name,
                     std::max(0.0, cpu_seconds_of(process.pid) - process.cpu_seconds),
                     process_rss(process.pid).value_or(0)});
  }
  return costs;
}

}  // namespace causeway::load
