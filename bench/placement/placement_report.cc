#include "bench/placement/placement_report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "base/rng.h"
#include "control/place/place.h"

namespace causeway::placement {

namespace {

constexpr int32_t sizes_mb[] = {64, 128, 256, 256, 512, 512, 1024, 2048};

std::vector<cf::CellBrief> cells_of(const Foundation& foundation) {
  std::vector<cf::CellBrief> cells(foundation.cells);
  for (uint64_t i = 0; i < foundation.cells; ++i) {
    cf::CellState& facts = cells[i].facts;
    facts.cell_id = "cell-" + std::to_string(i);
    facts.cell_index = static_cast<int32_t>(i);
    facts.zone = "z" + std::to_string(i % foundation.zones + 1);
    facts.root_fs_providers["preloaded"].names = {"cflinuxfs4"};
    facts.total = facts.available = {foundation.cell_memory_mb, 4 * foundation.cell_memory_mb,
                                     foundation.cell_containers};
    facts.proxy_memory_mb = 32;
  }
  return cells;
}

// Most apps are small and have few instances, some are large and have many.
std::vector<place::LrpDemand> demands_of(const Foundation& foundation, uint64_t& processes) {
  Rng rng(foundation.seed);
  std::vector<place::LrpDemand> demands;
  for (processes = 0; demands.size() < foundation.instances; ++processes) {
    const uint64_t instances = rng.below(10) > 0 ? 1 + rng.below(4) : 1 + rng.below(40);
    cf::Demand demand{.memory_mb = sizes_mb[rng.below(std::size(sizes_mb))],
                      .disk_mb = 1024,
                      .root_fs = "preloaded:cflinuxfs4"};
    for (uint64_t index = 0; index < instances && demands.size() < foundation.instances; ++index)
      demands.push_back({.process_guid = "process-" + std::to_string(processes),
                         .index = static_cast<int32_t>(index),
                         .domain = "cf-apps",
                         .demand = demand});
  }
  return demands;
}

double used(int64_t left, int64_t all) {
  return all == 0 ? 1 : 1 - static_cast<double>(left) / static_cast<double>(all);
}

void look_at_cells(const std::vector<cf::CellBrief>& cells, Report& report) {
  std::vector<double> containers, memory, score;
  for (const cf::CellBrief& cell : cells) {
    const cf::CellState& facts = cell.facts;
    report.zones[facts.zone] += cell.processes.size();
    containers.push_back(static_cast<double>(cell.processes.size()));
    memory.push_back(used(facts.available.memory_mb, facts.total.memory_mb));
    score.push_back((memory.back() + used(facts.available.disk_mb, facts.total.disk_mb) +
                     used(facts.available.containers, facts.total.containers)) /
                    3);
  }
  report.containers = Spread::of(std::move(containers));
  report.memory_used = Spread::of(std::move(memory));
  report.score = Spread::of(std::move(score));
}

void look_at_processes(const std::vector<cf::CellBrief>& cells, Report& report) {
  struct Where {
    std::map<size_t, uint64_t> cells;
    std::map<std::string, uint64_t> zones;
    uint64_t instances = 0;
  };
  std::map<std::string, Where> processes;
  for (size_t i = 0; i < cells.size(); ++i) {
    for (const std::string& process : cells[i].processes) {
      Where& where = processes[process];
      ++where.cells[i];
      ++where.zones[cells[i].facts.zone];
      ++where.instances;
    }
  }
  for (const auto& [process, where] : processes) {
    if (where.instances < 2) continue;
    ++report.shared;
    report.same_cell += where.cells.size() < std::min<uint64_t>(where.instances, cells.size());
    uint64_t most = 0, least = where.instances;
    for (const auto& [zone, of_zone] : report.zones) {
      const auto found = where.zones.find(zone);
      const uint64_t here = found == where.zones.end() ? 0 : found->second;
      most = std::max(most, here);
      least = std::min(least, here);
    }
    report.zone_uneven += most > least + 1;
    report.in_one_zone += where.zones.size() == 1;
  }
}

std::string line(const char* name, const std::string& value) {
  std::string text = "  " + std::string(name);
  text.resize(std::max<size_t>(text.size(), 38), ' ');
  return text + value + "\n";
}

std::string number(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof(text), "%.*f", digits, value);
  return text;
}

std::string of_cells(const Spread& spread, double factor, int digits, const char* unit) {
  return "least " + number(spread.least * factor, digits) + ", middle " +
         number(spread.middle * factor, digits) + ", most " + number(spread.most * factor, digits) +
         unit + ", deviation " + number(spread.deviation * factor, digits);
}

}  // namespace

Spread Spread::of(std::vector<double> numbers) {
  if (numbers.empty()) return {};
  std::sort(numbers.begin(), numbers.end());
  double sum = 0, squares = 0;
  for (const double one : numbers) {
    sum += one;
    squares += one * one;
  }
  const auto count = static_cast<double>(numbers.size());
  const double mean = sum / count;
  return {numbers.front(), numbers[numbers.size() / 2], numbers.back(),
          std::sqrt(std::max(0.0, squares / count - mean * mean))};
}

Report place_all(const Foundation& foundation) {
  Report report;
  auto cells = cells_of(foundation);
  auto demands = demands_of(foundation, report.processes);
  const SystemClock clock;
  for (size_t next = 0; next < demands.size();) {
    const size_t end = std::min<size_t>(demands.size(), next + foundation.round);
    std::vector<place::LrpDemand> batch(
        std::make_move_iterator(demands.begin() + static_cast<ptrdiff_t>(next)),
        std::make_move_iterator(demands.begin() + static_cast<ptrdiff_t>(end)));
    next = end;
    const Instant began = clock.now();
    const auto placement = place::place(cells, std::move(batch), {},
                                        {.bin_pack_first_fit_weight = foundation.bin_pack_weight});
    const Duration took = clock.now() - began;
    report.took += took;
    report.longest_round = std::max(report.longest_round, took);
    ++report.rounds;
    for (const auto& work : placement.works) {
      place::take_up(cells[work.cell], work);
      report.placed += work.lrps.size();
    }
    for (const auto& failure : placement.failed_lrps) ++report.failed[failure.reason];
    // By the next round they run.
    for (cf::CellBrief& cell : cells) cell.facts.starting_containers = 0;
  }
  look_at_cells(cells, report);
  look_at_processes(cells, report);
  return report;
}

std::string to_text(const Foundation& foundation, const Report& report) {
  const auto count = [](uint64_t value) { return std::to_string(value); };
  const double seconds = std::chrono::duration<double>(report.took).count();
  std::string text = count(foundation.cells) + " cells in " + std::to_string(foundation.zones) +
                     " zones, " + count(report.processes) + " processes, " +
                     count(foundation.instances) + " instances, seed " + count(foundation.seed) +
                     "\n";
  text += line("placed", count(report.placed) + " in " + count(report.rounds) + " rounds");
  for (const auto& [reason, failures] : report.failed)
    text += line("not placed", count(failures) + ": " + reason);
  text += line("time", number(seconds, 3) + " s, " +
                           number(seconds * 1e6 / static_cast<double>(foundation.instances), 2) +
                           " us for an instance, longest round " +
                           number(std::chrono::duration<double>(report.longest_round).count(), 3) +
                           " s");
  for (const auto& [zone, instances] : report.zones)
    text += line(("instances in " + zone).c_str(), count(instances));
  text += line("containers of a cell", of_cells(report.containers, 1, 1, ""));
  text += line("memory used of a cell", of_cells(report.memory_used, 100, 2, " %"));
  text += line("score of a cell", of_cells(report.score, 1, 4, ""));
  text += line("processes with several instances", count(report.shared));
  text += line("  two of them in one cell", count(report.same_cell));
  text += line("  zones differ by more than one", count(report.zone_uneven));
  text += line("  all in one zone", count(report.in_one_zone));
  return text;
}

}  // namespace causeway::placement
