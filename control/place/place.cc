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

// A cell during the round: its state, less what was given to it. Owner: Round.
class Candidate {
 public:
  Candidate(const cf::CellState& state, double normalised_index)
      : state_(&state),
        normalised_index_(normalised_index),
        memory_mb_(state.available.memory_mb),
        disk_mb_(state.available.disk_mb),
        containers_(state.available.containers),
        tasks_(static_cast<int64_t>(state.tasks.size())),
        starting_(state.starting_containers) {
    for (const cf::LrpWork& lrp : state.lrps) ++instances_[lrp.process_guid];
  }

  const cf::CellState& state() const { return *state_; }
  int64_t instances(const std::string& process_guid) const {
    const auto found = instances_.find(process_guid);
    return found == instances_.end() ? 0 : found->second;
  }

  // What is missing for it, as bits of kLacks.
  unsigned lacks(int64_t memory_mb, const cf::Demand& demand) const {
    return (containers_ < 1 ? 1u : 0u) | (disk_mb_ < demand.disk_mb ? 2u : 0u) |
           (memory_mb_ < memory_mb ? 4u : 0u);
  }

  double lrp_score(const LrpDemand& lrp, int64_t memory_mb, const Rules& rules) const {
    return score(memory_mb, lrp.demand, rules) +
           kLocalityOffset * static_cast<double>(instances(lrp.process_guid)) +
           normalised_index_ * rules.bin_pack_first_fit_weight;
  }
  double task_score(const TaskDemand& task, const Rules& rules) const {
    return score(task.demand.memory_mb, task.demand, rules) +
           kLocalityOffset * static_cast<double>(tasks_);
  }

  void give_lrp(const LrpDemand& lrp, int64_t memory_mb) {
    give(memory_mb, lrp.demand);
    ++instances_[lrp.process_guid];
  }
  void give_task(const TaskDemand& task) {
    give(task.demand.memory_mb, task.demand);
    ++tasks_;
  }

 private:
  static double used_fraction(int64_t remaining, int32_t total) {
    return total <= 0 ? 1.0 : 1.0 - static_cast<double>(remaining) / total;
  }

  // Mean of the used fractions after placing, and what is starting there.
  double score(int64_t memory_mb, const cf::Demand& demand, const Rules& rules) const {
    const cf::CellResources& total = state_->total;
    const double used = used_fraction(memory_mb_ - memory_mb, total.memory_mb) +
                        used_fraction(disk_mb_ - demand.disk_mb, total.disk_mb) +
                        used_fraction(containers_ - 1, total.containers);
    return used / 3 + static_cast<double>(starting_) * rules.starting_container_weight;
  }

  void give(int64_t memory_mb, const cf::Demand& demand) {
    memory_mb_ -= memory_mb;
    disk_mb_ -= demand.disk_mb;
    --containers_;
    ++starting_;
  }

  const cf::CellState* state_;
  double normalised_index_;
  int64_t memory_mb_;
  int64_t disk_mb_;
  int64_t containers_;
  int64_t tasks_;
  int64_t starting_;
  std::unordered_map<std::string, int64_t> instances_;
};

constexpr std::array<std::string_view, 3> kLacks{"containers", "disk", "memory"};  // alphabetical

// One round of placing.
class Round {
 public:
  Round(const std::vector<cf::CellState>& cells, const Rules& rules) : rules_(rules) {
    works_.resize(cells.size());
    for (size_t i = 0; i < cells.size(); ++i) {
      works_[i].cell = i;
      starting_ += cells[i].starting_containers;
      zones_[cells[i].zone].push_back(i);
    }
    std::vector<double> normalised(cells.size(), 0);
    for (auto& [name, members] : zones_) {
      std::stable_sort(members.begin(), members.end(), [&](size_t left, size_t right) {
        return cells[left].cell_index < cells[right].cell_index;
      });
      for (size_t i = 0; i < members.size(); ++i) {
        normalised[members[i]] = static_cast<double>(i) / static_cast<double>(members.size());
      }
    }
    candidates_.reserve(cells.size());
    for (size_t i = 0; i < cells.size(); ++i) candidates_.emplace_back(cells[i], normalised[i]);
  }

  void place_lrps(std::vector<LrpDemand> lrps) {
    for (LrpDemand& lrp : lrps) {
      auto chosen = choose_for_lrp(lrp);
      if (chosen.cell) {
        candidates_[*chosen.cell].give_lrp(lrp, memory_for(*chosen.cell, lrp.demand));
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
        candidates_[*chosen.cell].give_task(task);
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

  // A container's proxy takes memory of the cell; tasks have none.
  int64_t memory_for(size_t cell, const cf::Demand& demand) const {
    return int64_t{demand.memory_mb} + candidates_[cell].state().proxy_memory_mb;
  }

  // Scores the cell if the demand fits it.
  template <class Score>
  void consider(Search& search, size_t cell, int64_t memory_mb, const cf::Demand& demand,
                Score score) const {
    const Candidate& candidate = candidates_[cell];
    const Match reached = match(candidate.state(), demand);
    search.furthest = std::max(search.furthest, reached);
    if (reached != Match::fits) return;
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

  Choice choose_for_lrp(const LrpDemand& lrp) const {
    if (const auto reason = refusal()) return {std::nullopt, std::string(*reason)};
    // Zones by how many instances of the process they hold; those with equally many are one group.
    std::map<int64_t, std::vector<const std::vector<size_t>*>> groups;
    for (const auto& [name, members] : zones_) {
      int64_t instances = 0;
      for (const size_t cell : members) instances += candidates_[cell].instances(lrp.process_guid);
      groups[instances].push_back(&members);
    }
    Search search;
    for (const auto& [instances, zones] : groups) {
      for (const std::vector<size_t>* members : zones) {
        for (const size_t cell : *members) {
          const int64_t memory_mb = memory_for(cell, lrp.demand);
          consider(search, cell, memory_mb, lrp.demand, [&](const Candidate& candidate) {
            return candidate.lrp_score(lrp, memory_mb, rules_);
          });
        }
      }
      if (search.best) break;
    }
    return conclude(search, lrp.demand);
  }

  Choice choose_for_task(const TaskDemand& task) const {
    if (const auto reason = refusal()) return {std::nullopt, std::string(*reason)};
    Search search;
    for (const auto& [name, members] : zones_) {
      for (const size_t cell : members) {
        consider(search, cell, task.demand.memory_mb, task.demand,
                 [&](const Candidate& candidate) { return candidate.task_score(task, rules_); });
      }
    }
    return conclude(search, task.demand);
  }

  const Rules& rules_;
  std::vector<Candidate> candidates_;
  std::map<std::string, std::vector<size_t>> zones_;  // by name, so that equal rounds end equally
  int64_t starting_ = 0;
  std::vector<Placement::CellWork> works_;
  std::vector<LrpFailure> failed_lrps_;
  std::vector<TaskFailure> failed_tasks_;
};

}  // namespace

Placement place(const std::vector<cf::CellState>& cells, std::vector<LrpDemand> lrps,
                std::vector<TaskDemand> tasks, const Rules& rules) {
  Queue queue = order(std::move(lrps), std::move(tasks));
  Round round(cells, rules);
  round.place_lrps(std::move(queue.first_instances));
  round.place_tasks(std::move(queue.tasks));
  round.place_lrps(std::move(queue.other_instances));
  return std::move(round).finish();
}

}  // namespace causeway::place
