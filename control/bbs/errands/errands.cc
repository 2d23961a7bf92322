#include "control/bbs/errands/errands.h"

#include <utility>

#include "control/bbs/rules/task_rules.h"
#include "control/converge/drift.h"
#include "log/logger.h"

namespace causeway::bbs {

namespace {

template <class Definition>
cf::Demand demand_of(const Definition& definition) {
  cf::Demand demand;
  demand.memory_mb = definition.memory_mb();
  demand.disk_mb = definition.disk_mb();
  demand.max_pids = definition.max_pids();
  demand.root_fs = definition.root_fs();
  demand.placement_tags.assign(definition.placement_tags().begin(),
                               definition.placement_tags().end());
  for (const auto& mount : definition.volume_mounts())
    demand.volume_drivers.push_back(mount.driver());
  return demand;
}

}  // namespace

void Errands::place(const models::DesiredLRP& scheduling, const std::vector<int32_t>& indexes,
                    const std::string& trace_id) {
  cf::LrpStartRequest request;
  request.process_guid = scheduling.process_guid();
  request.domain = scheduling.domain();
  request.indices = indexes;
  request.demand = demand_of(scheduling);
  request.trace_id = trace_id;
  outbox_.place(std::move(request));
}

void Errands::place(const models::Task& task, const std::string& trace_id) {
  cf::TaskStartRequest request;
  request.task_guid = task.task_guid();
  request.domain = task.domain();
  request.demand = demand_of(task.task_definition());
  request.state = task_state_name(task.state());
  request.trace_id = trace_id;
  outbox_.place(std::move(request));
}

Outbox::OnDone Errands::logged(const char* what, std::string guid, std::string trace_id) {
  return [this, what, guid = std::move(guid),
          trace_id = std::move(trace_id)](const Result<void>& result) {
    if (!result)
      logger_.error(what, result.error(),
                    {{"guid", guid}, log::Field::optional("request_id", trace_id)});
  };
}

void Errands::at_cell(const std::string& cell_id, std::function<void(const std::string&)> tell) {
  cells_.find(cell_id, [this, cell_id, tell = std::move(tell)](const auto& cell) {
    if (!cell) return logger_.error("failed-finding-cell", cell.error(), {{"cell_id", cell_id}});
    if (!*cell) return logger_.info("cell-not-present", {{"cell_id", cell_id}});
    tell((*cell)->rep_url().empty() ? (*cell)->rep_address() : (*cell)->rep_url());
  });
}

void Errands::stop(const models::ActualLRP& instance, const std::string& trace_id) {
  const auto& key = instance.actual_lrp_instance_key();
  at_cell(key.cell_id(), [this, process = instance.actual_lrp_key().process_guid(),
                          guid = key.instance_guid(), trace_id](const std::string& rep_url) {
    outbox_.stop(rep_url, process, guid, trace_id,
                 logged("failed-stopping-instance", guid, trace_id));
  });
}

void Errands::update(const models::DesiredLRP& scheduling, const models::ActualLRP& instance,
                     const std::string& trace_id) {
  const auto& key = instance.actual_lrp_instance_key();
  cf::LrpUpdate update;
  update.trace_id = trace_id;
  update.instance_guid = key.instance_guid();
  update.process_guid = instance.actual_lrp_key().process_guid();
  update.index = instance.actual_lrp_key().index();
  update.domain = instance.actual_lrp_key().domain();
  update.internal_hostnames = converge::internal_hostnames(scheduling.routes());
  update.metric_tags = converge::metric_tags_of(scheduling, instance);
  at_cell(key.cell_id(), [this, update = std::move(update)](const std::string& rep_url) {
    outbox_.update(rep_url, update,
                   logged("failed-updating-instance", update.instance_guid, update.trace_id));
  });
}

void Errands::cancel_task(const std::string& cell_id, const std::string& task_guid,
                          const std::string& trace_id) {
  at_cell(cell_id, [this, task_guid, trace_id](const std::string& rep_url) {
    outbox_.cancel_task(rep_url, task_guid, trace_id,
                        logged("failed-cancelling-task", task_guid, trace_id));
  });
}

}  // namespace causeway::bbs
