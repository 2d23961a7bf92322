#include "cell/rep/cell_state.h"

#include <algorithm>

#include "cell/rep/cell_tags.h"

namespace causeway::rep {
namespace {

cf::CellResources resources_of(const executor::Resources& resources) {
  return {.memory_mb = static_cast<int32_t>(resources.memory_mb),
          .disk_mb = static_cast<int32_t>(resources.disk_mb),
          .containers = static_cast<int32_t>(resources.containers)};
}

std::set<std::string> root_fs_names(const Config& config) {
  std::set<std::string> names;
  for (const std::string& one : config.preloaded_root_fs)
    names.insert(one.substr(0, one.find(':')));
  return names;
}

executor::Resources needs_of(const cf::Demand& demand) {
  return {.memory_mb = demand.memory_mb, .disk_mb = demand.disk_mb, .containers = 1};
}

}  // namespace

cf::CellState cell_state(const Config& config, const std::string& rep_url,
                         const executor::Executor& executor, bool is_evacuating) {
  cf::CellState state;
  state.rep_url = rep_url;
  state.cell_id = config.cell_id;
  state.cell_index = static_cast<int32_t>(config.cell_index);
  state.root_fs_providers["preloaded"] = {.is_arbitrary = false, .names = root_fs_names(config)};
  state.available = resources_of(executor.remaining());
  state.total = resources_of(executor.total());
  for (const executor::Container& container : executor.list()) {
    if (lifecycle_of(container) == Lifecycle::task) {
      state.tasks.push_back(task_of(container));
    } else {
      state.lrps.push_back(lrp_of(container));
    }
  }
  state.starting_containers = static_cast<int32_t>(executor.starting());
  state.zone = config.zone;
  state.is_evacuating = is_evacuating;
  state.placement_tags = config.placement_tags;
  state.optional_placement_tags = config.optional_placement_tags;
  return state;
}

cf::CellPresence cell_presence(const Config& config, const std::string& rep_url,
                               const executor::Resources& total) {
  cf::CellPresence presence;
  presence.cell_id = config.cell_id;
  presence.rep_address = rep_url;
  presence.zone = config.zone;
  presence.capacity = resources_of(total);
  const std::set<std::string> names = root_fs_names(config);
  presence.root_fs_providers.emplace_back("preloaded",
                                          std::vector<std::string>(names.begin(), names.end()));
  presence.placement_tags = config.placement_tags;
  presence.optional_placement_tags = config.optional_placement_tags;
  presence.rep_url = rep_url;
  return presence;
}

cf::Work reserve_work(executor::Executor& executor, const cf::Work& work, bool is_evacuating,
                      const std::function<std::string()>& new_guid) {
  if (is_evacuating) return work;
  cf::Work failed;
  failed.cell_id = work.cell_id;
  // The largest first: what does not fit is the least.
  std::vector<cf::LrpWork> lrps = work.lrps;
  std::stable_sort(lrps.begin(), lrps.end(), [](const cf::LrpWork& left, const cf::LrpWork& right) {
    return left.demand.memory_mb > right.demand.memory_mb;
  });
  for (const cf::LrpWork& lrp : lrps) {
    if (!executor.allocate(
            {.guid = new_guid(), .resources = needs_of(lrp.demand), .tags = tags_of(lrp)}))
      failed.lrps.push_back(lrp);
  }
  for (const cf::TaskWork& task : work.tasks) {
    const Result<void> allocated = executor.allocate(
        {.guid = task.task_guid, .resources = needs_of(task.demand), .tags = tags_of(task)});
    // A task that is here already has been taken.
    if (!allocated && allocated.error().fault != Fault::exists) failed.tasks.push_back(task);
  }
  return failed;
}

}  // namespace causeway::rep
