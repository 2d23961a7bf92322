// What must hold: at every moment, and when everything has healed.
#include <set>
#include <utility>

#include "base/check.h"
#include "cf/models/models.h"
#include "test/sim/world.h"

namespace causeway::sim {

namespace {

std::string describe(const models::ActualLRP& row) {
  return row.actual_lrp_key().process_guid() + "/" + std::to_string(row.actual_lrp_key().index()) +
         " " + row.state() + " " + models::ActualLRP::Presence_Name(row.presence()) + " " +
         row.actual_lrp_instance_key().instance_guid();
}

bool is_desired(const std::string& name) {
  return name.front() == 'p' && name.find('/') == std::string::npos;
}

std::vector<models::ActualLRP> instances_of(const Listing& rows) {
  std::vector<models::ActualLRP> found;
  for (const auto& [name, bytes] : rows) {
    if (name.front() != 'p' || is_desired(name)) continue;
    CHECK(bbs::decode_row(bytes, found.emplace_back()));
  }
  return found;
}

std::string difference_of(const Listing& truth, const Listing& said) {
  for (const auto& [name, bytes] : truth) {
    const auto found = said.find(name);
    if (found == said.end()) return name + " is missing";
    if (found->second != bytes) return name + " is another";
  }
  for (const auto& [name, bytes] : said)
    if (!truth.contains(name)) return name + " is not there";
  return "";
}

}  // namespace

void World::wrong(const std::string& what) {
  if (!wrong_.empty()) return;
  story("WRONG: " + what);
  wrong_ = what;
}

// The store's own rows, past all links: the world looks, nobody is asked.
Listing World::truth() {
  Listing rows;
  const auto all_parts = store::ProcessParts{.scheduling = true, .all_slots = true};
  redis_.rows().page_processes({.parts = all_parts}, [&rows](const auto& page) {
    if (page) note_page(rows, *page);
  });
  redis_.rows().page_tasks({}, [&rows](const auto& page) {
    if (page) note_page(rows, *page);
  });
  redis_.rows().run_pending();
  return rows;
}

void World::check() {
  const Listing rows = truth();
  check_rows(rows);
  for (const auto& [name, bytes] : rows)
    if (name.front() == 't') check_task(name.substr(1), bytes);
  check_listing();
}

// At most one row of each presence in an index (the slots see to that), each instance in one row,
// and held exactly by those who say so.
void World::check_rows(const Listing& rows) {
  std::set<std::string> instances;
  for (const models::ActualLRP& row : instances_of(rows)) {
    const bool is_held = row.state() == cf::kClaimed || row.state() == cf::kRunning;
    const auto& guid = row.actual_lrp_instance_key().instance_guid();
    if (is_held == guid.empty()) wrong("held or not: " + describe(row));
    if (is_held && !instances.insert(guid).second) wrong("in two rows: " + describe(row));
    if (row.presence() != models::ActualLRP::ORDINARY && !is_held)
      wrong("aside and not held: " + describe(row));
    counts_.suspects += row.presence() == models::ActualLRP::SUSPECT ? 1 : 0;
  }
}

// How a task ended never changes.
void World::check_task(const std::string& guid, const std::string& bytes) {
  models::Task task;
  if (!bbs::decode_row(bytes, task)) return wrong("a task that cannot be read");
  if (task.state() != models::Task::Completed && task.state() != models::Task::Resolving) {
    if (outcomes_.contains(guid)) wrong("task " + guid + " was completed, and runs again");
    return;
  }
  const std::pair outcome{task.failed(), task.failed() ? task.failure_reason() : task.result()};
  const auto [known, is_first] = outcomes_.emplace(guid, outcome);
  if (known->second != outcome)
    wrong("task " + guid + " completed twice: " + known->second.second + ", " + outcome.second);
}

// Nor does what is told of its end.
void World::check_callback(const std::string& body) {
  constexpr std::string_view name = R"({"task_guid":")";
  CHECK(body.starts_with(name));
  const std::string guid = body.substr(name.size(), body.find('"', name.size()) - name.size());
  const auto [told, is_first] = told_.emplace(guid, body);
  if (told->second != body && !doubtful_tasks_.contains(guid))
    wrong("a task's end is told in two ways: " + told->second + ", " + body);
}

// What the leader says is there, is there; asked when nothing is under way.
void World::check_listing() {
  SimBbs* const bbs = leader();
  const bool is_at_work = bbs != nullptr && bbs->token() == redis_.token() && bbs->link().is_up() &&
                          !bbs->process().is_paused();
  if (!is_at_work || !bbs->link().is_idle() || bbs->ledger().under_way() > 0) return;
  bbs->list([this, bbs, changes = redis_.changes()](const Result<Listing>& listing) {
    if (!listing || redis_.changes() != changes || bbs != leader()) return;
    ++counts_.listings;
    const std::string different = difference_of(truth(), *listing);
    if (!different.empty()) wrong("the bbs lists what is not so: " + different);
  });
}

// Nothing but drains happens: not one running instance less at any moment, nothing started twice.
void World::check_calm() {
  if (std::exchange(changes_checked_, redis_.lrp_changes()) == redis_.lrp_changes()) return;
  std::map<std::string, std::set<int32_t>> running;
  for (const auto& row : instances_of(truth()))
    if (row.state() == cf::kRunning)
      running[row.actual_lrp_key().process_guid()].insert(row.actual_lrp_key().index());
  size_t indexes = 0;
  for (const auto& [guid, of_guid] : running) indexes += of_guid.size();
  if (indexes < most_running_)
    wrong("only " + std::to_string(indexes) + " of " + std::to_string(most_running_) +
          " instances have a running row");
  most_running_ = std::max(most_running_, indexes);
}

// Each wanted index has one row, running, and a container that says the same.
size_t World::check_wanted(const models::DesiredLRP& lrp,
                           const std::vector<models::ActualLRP>& all) {
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
      const SimCell* const at = cell(row.actual_lrp_instance_key().cell_id());
      if (at == nullptr ||
          !at->containers().contains(row.actual_lrp_instance_key().instance_guid()))
        wrong("no container: " + describe(row));
    }
    if (found != 1)
      wrong(lrp.process_guid() + "/" + std::to_string(index) + " has " + std::to_string(found) +
            " rows");
  }
  return static_cast<size_t>(lrp.instances());
}

// Exactly what is desired runs, everybody knows, and nothing changes any more.
void World::check_healed() {
  if (!wrong_.empty()) return;
  const Listing rows = truth();
  const auto all = instances_of(rows);
  size_t wanted = 0, containers = 0;
  for (const auto& [name, bytes] : rows) {
    models::DesiredLRP lrp;
    if (is_desired(name) && bbs::decode_row(bytes, lrp)) wanted += check_wanted(lrp, all);
    models::Task task;
    if (name.front() != 't' || !bbs::decode_row(bytes, task)) continue;
    const bool waits_for_nobody = task.state() == models::Task::Completed &&
                                  task.task_definition().completion_callback_url().empty();
    if (!waits_for_nobody)
      wrong("task " + name.substr(1) + " has not ended: " + models::Task::State_Name(task.state()) +
            " " + task.cell_id() + ", changed " +
            std::to_string((timeline_.wall().unix_ns - task.updated_at()) / 1'000'000) + " ms ago");
  }
  if (all.size() != wanted)
    wrong(std::to_string(all.size()) + " rows for " + std::to_string(wanted) + " instances");
  for (const auto& one : cells_) containers += one->containers().size();
  if (containers != wanted)
    wrong(std::to_string(containers) + " containers for " + std::to_string(wanted) + " instances");
  if (timeline_.now() - redis_.last_change() < scenario_.calm)
    wrong("nothing is wrong, and yet it was written: " + redis_.last_changed());
  for (const auto& reader : readers_) {
    const std::string different = reader->difference_to(rows);
    if (!reader->is_following()) wrong("a reader of events does not follow");
    if (!different.empty()) wrong("a reader of events believes in " + different);
  }
  const uint64_t listings = counts_.listings;
  check_listing();
  timeline_.step(timeline_.now() + std::chrono::seconds(1));
  while (wrong_.empty() && counts_.listings == listings &&
         timeline_.step(timeline_.now() + std::chrono::seconds(1))) {
  }
  if (counts_.listings == listings) wrong("nobody leads, or answers");
}

}  // namespace causeway::sim
