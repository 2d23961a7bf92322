// What must hold: at every moment, and when everything has healed.
#include <set>
#include <utility>

#include "cf/models/models.h"
#include "test/sim/world.h"

namespace causeway::sim {

namespace {

std::string describe(const models::ActualLRP& row) {
  return row.actual_lrp_key().process_guid() + "/" + std::to_string(row.actual_lrp_key().index()) +
         " " + row.state() + " " + models::ActualLRP::Presence_Name(row.presence()) + " " +
         row.actual_lrp_instance_key().instance_guid();
}

}  // namespace

std::vector<models::ActualLRP> World::rows() {
  std::vector<models::ActualLRP> found;
  std::string after;
  do {
    std::string next;
    // The store's own answer, past the link: the world looks, nobody is asked.
    store_.page_processes({.parts = {.scheduling = true, .all_slots = true}, .after = after},
                          [&](const Result<store::ProcessPage>& page) {
                            if (!page) return;
                            next = page->next;
                            for (const auto& process : page->processes) {
                              for (const auto& slot : process.actual) {
                                models::ActualLRP row;
                                if (!bbs::decode_row(slot.bytes, row))
                                  wrong("a row that cannot be read");
                                found.push_back(std::move(row));
                              }
                            }
                          });
    store_.run_pending();
    after = next;
  } while (!after.empty());
  return found;
}

std::vector<models::DesiredLRP> World::desired() {
  std::vector<models::DesiredLRP> found;
  store_.page_processes({.parts = {.scheduling = true, .all_slots = true}},
                        [&](const Result<store::ProcessPage>& page) {
                          if (!page) return;
                          for (const auto& process : page->processes) {
                            models::DesiredLRP lrp;
                            if (process.scheduling && bbs::decode_row(*process.scheduling, lrp))
                              found.push_back(std::move(lrp));
                          }
                        });
  store_.run_pending();
  return found;
}

// At most one row of each presence in an index (the slots see to that), each instance in one row,
// and held exactly by those who say so.
void World::check_rows() {
  std::set<std::string> instances;
  for (const auto& row : rows()) {
    const bool is_held = row.state() == cf::kClaimed || row.state() == cf::kRunning;
    const auto& guid = row.actual_lrp_instance_key().instance_guid();
    if (is_held == guid.empty()) wrong("held or not: " + describe(row));
    if (is_held && !instances.insert(guid).second) wrong("in two rows: " + describe(row));
    if (row.presence() != models::ActualLRP::ORDINARY && !is_held)
      wrong("aside and not held: " + describe(row));
  }
}

// How a task ended never changes.
void World::check_tasks() {
  store_.page_tasks({}, [this](const Result<store::TaskPage>& page) {
    if (!page) return;
    for (const auto& row : page->tasks) {
      models::Task task;
      if (!bbs::decode_row(row.bytes, task)) return wrong("a task that cannot be read");
      if (task.state() != models::Task::Completed && task.state() != models::Task::Resolving) {
        if (outcomes_.contains(row.id)) wrong("task " + row.id + " was completed, and runs again");
        continue;
      }
      const std::pair outcome{task.failed(), task.failed() ? task.failure_reason() : task.result()};
      const auto [known, is_first] = outcomes_.emplace(row.id, outcome);
      if (known->second != outcome)
        wrong("task " + row.id + " completed twice: " + known->second.second + ", " +
              outcome.second);
    }
  });
  store_.run_pending();
}

// Nothing but drains happens: not one running instance less at any moment, nothing started twice.
void World::check_calm() {
  if (std::exchange(commits_checked_, store_.commits()) == store_.commits()) return;
  std::map<std::string, std::set<int32_t>> running;
  for (const auto& row : rows())
    if (row.state() == cf::kRunning)
      running[row.actual_lrp_key().process_guid()].insert(row.actual_lrp_key().index());
  size_t indexes = 0;
  for (const auto& [guid, of_guid] : running) indexes += of_guid.size();
  if (indexes < most_running_)
    wrong("only " + std::to_string(indexes) + " of " + std::to_string(most_running_) +
          " instances have a running row");
  most_running_ = std::max(most_running_, indexes);
}

// Exactly what is desired runs, and everybody knows.
void World::check_healed() {
  if (!wrong_.empty()) return;
  std::set<Reader::Name> wanted_rows;
  size_t wanted = 0, containers = 0;
  const auto all = rows();
  for (const auto& lrp : desired()) {
    wanted += static_cast<size_t>(lrp.instances());
    for (int32_t index = 0; index < lrp.instances(); ++index) {
      size_t found = 0;
      for (const auto& row : all) {
        const auto& key = row.actual_lrp_key();
        if (key.process_guid() != lrp.process_guid() || key.index() != index) continue;
        ++found;
        if (row.presence() != models::ActualLRP::ORDINARY || row.state() != cf::kRunning) {
          wrong("not healed: " + describe(row));
          continue;
        }
        wanted_rows.insert(
            {key.process_guid(), index, row.actual_lrp_instance_key().instance_guid()});
        const SimCell* const at = cell(row.actual_lrp_instance_key().cell_id());
        if (at == nullptr ||
            !at->containers().contains(row.actual_lrp_instance_key().instance_guid()))
          wrong("no container: " + describe(row));
      }
      if (found != 1)
        wrong(lrp.process_guid() + "/" + std::to_string(index) + " has " + std::to_string(found) +
              " rows");
    }
  }
  if (all.size() != wanted)
    wrong(std::to_string(all.size()) + " rows for " + std::to_string(wanted) + " instances");
  for (const auto& one : cells_) containers += one->containers().size();
  if (containers != wanted)
    wrong(std::to_string(containers) + " containers for " + std::to_string(wanted) + " instances");
  for (const auto& reader : readers_)
    if (!reader->is_subscribed || reader->running != wanted_rows)
      wrong("a reader of events believes in " + std::to_string(reader->running.size()) +
            " instances of " + std::to_string(wanted_rows.size()));
  store_.page_tasks({}, [this](const Result<store::TaskPage>& page) {
    for (const auto& row : page->tasks) {
      models::Task task;
      if (!bbs::decode_row(row.bytes, task)) return;
      const bool waits_for_nobody = task.state() == models::Task::Completed &&
                                    task.task_definition().completion_callback_url().empty();
      if (!waits_for_nobody) wrong("task " + row.id + " has not ended");
    }
  });
  store_.run_pending();
}

}  // namespace causeway::sim
