#include "control/place/place.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <optional>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "control/place/candidates.h"
#include "control/place/order.h"

namespace causeway::place {

namespace {

// Dearer than any use of resources: instances of one process, and tasks, spread over the cells
// first.
constexpr double kLocalityOffset = 1000;

// A cell during the round: what it has left, less what was given to it. Owner: Round.
class Candidate {
 public:
  Candidate(const cf::CellBrief& cell, size_t rank) : Candidate(cell.facts, cell.tasks, rank) {}
  Candidate(const cf::CellState& state, int64_t tasks, size_t rank)
      : rank_(static_cast<double>(rank)),
        memory_mb_(state.available.memory_mb),
        disk_mb_(state.available.disk_mb),
        containers_(state.available.containers),
        total_(state.total),
        proxy_memory_mb_(state.proxy_memory_mb),
        tasks_(tasks),
        starting_(state.starting_containers) {}

  // A container's proxy takes memory of the cell; tasks have none.
  int64_t memory_for(const cf::Demand& demand) const {
    return int64_t{demand.memory_mb} + proxy_memory_mb_;
  }
  // Of the process that is being placed.
  int64_t instances() const { return instances_; }
  void instances(int64_t count) { instances_ = count; }

  // What is missing for it, as bits of kLacks.
  unsigned lacks(int64_t memory_mb, const cf::Demand& demand) const {
    return (containers_ < 1 ? 1u : 0u) | (disk_mb_ < demand.disk_mb ? 2u : 0u) |
           (memory_mb_ < memory_mb ? 4u : 0u);
  }

  double lrp_score(const cf::Demand& demand, int64_t memory_mb, const Rules& rules) const {
    return score(memory_mb, demand, rules) + kLocalityOffset * static_cast<double>(instances_) +
           rank_ * rules.bin_pack_first_fit_weight;
  }
  double task_score(const cf::Demand& demand, const Rules& rules) const {
    return score(demand.memory_mb, demand, rules) + kLocalityOffset * static_cast<double>(tasks_);
  }

  void give(int64_t memory_mb, const cf::Demand& demand) {
    memory_mb_ -= memory_mb;
    disk_mb_ -= demand.disk_mb;
    --containers_;
    ++starting_;
  }
  void give_task(const cf::Demand& demand) {
    give(demand.memory_mb, demand);
    ++tasks_;
  }

 private:
  static double used_fraction(int64_t remaining, int32_t total) {
    return total <= 0 ? 1.0 : 1.0 - static_cast<double>(remaining) / total;
  }

  // Mean of the used fractions after placing, and what is starting there.
  double score(int64_t memory_mb, const cf::Demand& demand, const Rules& rules) const {
    const double used = used_fraction(memory_mb_ - memory_mb, total_.memory_mb) +
                        used_fraction(disk_mb_ - demand.disk_mb, total_.disk_mb) +
                        used_fraction(containers_ - 1, total_.containers);
    return used / 3 + static_cast<double>(starting_) * rules.starting_container_weight;
  }

  double rank_;  // 0 for the cell of the lowest index of its zone, and so on without gaps
  int64_t memory_mb_;
  int64_t disk_mb_;
  int64_t containers_;
  cf::CellResources total_;
  int32_t proxy_memory_mb_;
  int64_t tasks_;
  int64_t starting_;
  int64_t instances_ = 0;
};

// Which cells hold instances of the processes that are to be placed, and how many: few of many
// cells. Owner: Round.
class Holders {
 public:
  struct Holder {
    size_t cell = 0;
    int64_t instances = 0;
  };

  Holders(const std::vector<cf::CellBrief>& cells, const std::vector<LrpDemand>& first,
          const std::vector<LrpDemand>& other) {
    for (const auto* lrps : {&first, &other})
      for (const LrpDemand& lrp : *lrps) of_[lrp.process_guid];
    if (of_.empty()) return;
    for (size_t cell = 0; cell < cells.size(); ++cell) {
      for (const std::string& process : cells[cell].processes) {
        const auto wanted = of_.find(process);
        if (wanted != of_.end()) add(wanted->second, cell);
      }
    }
  }

  std::vector<Holder>& of(const std::string& process_guid) { return of_.at(process_guid); }
  static void add(std::vector<Holder>& holders, size_t cell) {
    const auto known = std::find_if(holders.begin(), holders.end(),
                                    [cell](const Holder& holder) { return holder.cell == cell; });
    if (known == holders.end()) {
      holders.push_back({cell, 1});
    } else {
      ++known->instances;
    }
  }

 private:
  std::unordered_map<std::string, std::vector<Holder>> of_;  // by process
};

// How far each cell's offer meets a demand, worked out once for demands that want the same. Owner:
// Round.
class Matches {
 public:
  explicit Matches(const std::vector<cf::CellBrief>& cells) : cells_(cells) {}

  const std::vector<Match>& of(const cf::Demand& demand) {
    auto& matches = of_[{demand.root_fs, demand.volume_drivers, demand.placement_tags}];
    if (matches.empty()) {
      matches.reserve(cells_.size());
      for (const cf::CellBrief& cell : cells_) matches.push_back(match(cell.facts, demand));
    }
    return matches;
  }

 private:
  using Strings = std::vector<std::string>;
  const std::vector<cf::CellBrief>& cells_;
  std::map<std::tuple<std::string, Strings, Strings>, std::vector<Match>> of_;
};

constexpr std::array<std::string_view, 3> kLacks{"containers", "disk", "memory"};  // alphabetical

// One round of placing.
class Round {
 public:
  Round(const std::vector<cf::CellBrief>& cells, const Queue& queue, const Rules& rules)
      : rules_(rules),
        holders_(cells, queue.first_instances, queue.other_instances),
        matches_(cells),
        zone_of_(cells.size()) {
    works_.resize(cells.size());
    for (size_t i = 0; i < cells.size(); ++i) {
      works_[i].cell = i;
      starting_ += cells[i].facts.starting_containers;
      zones_[cells[i].facts.zone].cells.push_back(i);
    }
    std::vector<size_t> ranks(cells.size(), 0);
    for (auto& [name, zone] : zones_) {
      auto& members = zone.cells;
      std::stable_sort(members.begin(), members.end(), [&](size_t left, size_t right) {
        return cells[left].facts.cell_index < cells[right].facts.cell_index;
      });
      for (size_t i = 0; i < members.size(); ++i) {
        ranks[members[i]] = i;
        zone_of_[members[i]] = &zone;
      }
    }
    candidates_.reserve(cells.size());
    for (size_t i = 0; i < cells.size(); ++i) candidates_.emplace_back(cells[i], ranks[i]);
  }

  void place_lrps(std::vector<LrpDemand> lrps) {
    for (LrpDemand& lrp : lrps) {
      auto& holders = holders_.of(lrp.process_guid);
      auto chosen = choose_for_lrp(lrp, holders);
      if (chosen.cell) {
        Candidate& candidate = candidates_[*chosen.cell];
        candidate.give(candidate.memory_for(lrp.demand), lrp.demand);
        Holders::add(holders, *chosen.cell);
        ++starting_;
        works_[*chosen.cell].lrps.push_back(std::move(lrp));
      } else {
        failed_lrps_.push_back({std::move(lrp), std::move(chosen.reason)});
      }
    }
  }

  void place_tasks(std::vector<TaskDemand> tasks) {
    for (TaskDemand& task : tasks) {
      auto chosen = choose_for_task(task);
      if (chosen.cell) {
        candidates_[*chosen.cell].give_task(task.demand);
        ++starting_;
        works_[*chosen.cell].tasks.push_back(std::move(task));
      } else {
        failed_tasks_.push_back({std::move(task), std::move(chosen.reason)});
      }
    }
  }

  Placement finish() && {
    std::erase_if(works_, [](const Placement::CellWork& work) {
      return work.lrps.empty() && work.tasks.empty();
    });
    return {std::move(works_), std::move(failed_lrps_), std::move(failed_tasks_)};
  }

 private:
  struct Zone {
    std::vector<size_t> cells;
    int64_t instances = 0;  // of the process that is being placed
  };
  struct Choice {
    std::optional<size_t> cell;
    std::string reason;
  };

  // The lowest score so far among cells that fit and have room, and what those without room lack.
  struct Search {
    std::optional<size_t> best;
    double score = std::numeric_limits<double>::infinity();
    Match furthest = Match::wrong_root_fs;
    unsigned common_lacks = (1u << kLacks.size()) - 1;
  };

  // Scores the cell if the demand fits it.
  template <class Score>
  void consider(Search& search, size_t cell, Match reached, int64_t memory_mb,
                const cf::Demand& demand, Score score) const {
    search.furthest = std::max(search.furthest, reached);
    if (reached != Match::fits) return;
    const Candidate& candidate = candidates_[cell];
    if (const unsigned lacks = candidate.lacks(memory_mb, demand); lacks != 0) {
      search.common_lacks &= lacks;
      return;
    }
    const double value = score(candidate);
    if (value < search.score) {
      search.score = value;
      search.best = cell;
    }
  }

  Choice conclude(const Search& search, const cf::Demand& demand) const {
    if (search.best) return {search.best, ""};
    if (search.furthest != Match::fits)
      return {std::nullopt, mismatch_reason(search.furthest, demand)};
    std::string reason(kInsufficient);
    std::string_view separator = ": ";
    for (size_t i = 0; i < kLacks.size(); ++i) {
      if ((search.common_lacks & 1u << i) == 0) continue;
      reason.append(separator).append(kLacks[i]);
      separator = ", ";
    }
    return {std::nullopt, std::move(reason)};
  }

  std::optional<std::string_view> refusal() const {
    if (candidates_.empty()) return kNoCells;
    if (rules_.starting_containers_max > 0 && starting_ >= rules_.starting_containers_max)
      return kInFlightLimit;
    return std::nullopt;
  }

  Choice choose_for_lrp(const LrpDemand& lrp, const std::vector<Holders::Holder>& holders) {
    if (const auto reason = refusal()) return {std::nullopt, std::string(*reason)};
    for (const auto& [cell, instances] : holders) {
      candidates_[cell].instances(instances);
      zone_of_[cell]->instances += instances;
    }
    const Search search = search_for(lrp.demand);
    for (const auto& [cell, instances] : holders) {
      candidates_[cell].instances(0);
      zone_of_[cell]->instances -= instances;
    }
    return conclude(search, lrp.demand);
  }

  Search search_for(const cf::Demand& demand) {
    // Zones by how many instances of the process they hold; those with equally many are one group.
    std::map<int64_t, std::vector<const Zone*>> groups;
    for (const auto& [name, zone] : zones_) groups[zone.instances].push_back(&zone);
    const std::vector<Match>& matches = matches_.of(demand);
    Search search;
    for (const auto& [instances, zones] : groups) {
      for (const Zone* zone : zones) {
        for (const size_t cell : zone->cells) {
          const int64_t memory_mb = candidates_[cell].memory_for(demand);
          consider(search, cell, matches[cell], memory_mb, demand, [&](const Candidate& candidate) {
            return candidate.lrp_score(demand, memory_mb, rules_);
          });
        }
      }
      if (search.best) break;
    }
    return search;
  }

  Choice choose_for_task(const TaskDemand& task) {
    if (const auto reason = refusal()) return {std::nullopt, std::string(*reason)};
    const std::vector<Match>& matches = matches_.of(task.demand);
    Search search;
    for (const auto& [name, zone] : zones_) {
      for (const size_t cell : zone.cells) {
        consider(
            search, cell, matches[cell], task.demand.memory_mb, task.demand,
            [&](const Candidate& candidate) { return candidate.task_score(task.demand, rules_); });
      }
    }
    return conclude(search, task.demand);
  }

  const Rules& rules_;
  std::vector<Candidate> candidates_;
  Holders holders_;
  Matches matches_;
  std::map<std::string, Zone> zones_;  // by name, so that equal rounds end equally
  std::vector<Zone*> zone_of_;         // by cell
  int64_t starting_ = 0;
  std::vector<Placement::CellWork> works_;
  std::vector<LrpFailure> failed_lrps_;
  std::vector<TaskFailure> failed_tasks_;
};

}  // namespace

Placement place(const std::vector<cf::CellBrief>& cells, std::vector<LrpDemand> lrps,
                std::vector<TaskDemand> tasks, const Rules& rules) {
  Queue queue = order(std::move(lrps), std::move(tasks));
  Round round(cells, queue, rules);
  round.place_lrps(std::move(queue.first_instances));
  round.place_tasks(std::move(queue.tasks));
  round.place_lrps(std::move(queue.other_instances));
  return std::move(round).finish();
}

void take_up(cf::CellBrief& cell, const Placement::CellWork& work) {
  cf::CellState& facts = cell.facts;
  const auto take = [&facts](const cf::Demand& demand, int32_t memory_mb) {
    facts.available.memory_mb -= memory_mb;
    facts.available.disk_mb -= demand.disk_mb;
    --facts.available.containers;
    ++facts.starting_containers;
  };
  for (const LrpDemand& lrp : work.lrps) {
    take(lrp.demand, lrp.demand.memory_mb + facts.proxy_memory_mb);
    cell.processes.push_back(lrp.process_guid);
  }
  for (const TaskDemand& task : work.tasks) {
    take(task.demand, task.demand.memory_mb);
    ++cell.tasks;
  }
}

}  // namespace causeway::place
