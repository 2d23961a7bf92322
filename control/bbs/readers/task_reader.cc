#include "control/bbs/readers/task_reader.h"

#include <utility>

#include "control/bbs/rows/rows.h"
#include "log/logger.h"

namespace causeway::bbs {

void TaskReader::list(const std::string& domain, const std::string& cell_id, OnTasks on_tasks) {
  if (!cell_id.empty()) {
    return store_.read_cell_tasks(
        cell_id, [this, domain, cell_id, on_tasks = std::move(on_tasks)](const auto& rows) {
          if (!rows) return on_tasks(rows.error());
          std::vector<models::Task> tasks;
          take(*rows, domain, tasks);
          // The index may name too much.
          std::erase_if(tasks, [&](const auto& task) { return task.cell_id() != cell_id; });
          on_tasks(std::move(tasks));
        });
  }
  const uint64_t id = next_id_++;
  readings_[id] = {domain, "", {}, std::move(on_tasks)};
  next_page(id);
}

void TaskReader::next_page(uint64_t id) {
  const Reading& reading = readings_.at(id);
  store_.page_tasks({.domain = reading.domain, .after = reading.after},
                    [this, id](Result<store::TaskPage> page) {
                      Reading& waiting = readings_.at(id);
                      if (page) {
                        take(page->tasks, waiting.domain, waiting.tasks);
                        waiting.after = std::move(page->next);
                        if (!waiting.after.empty()) return next_page(id);
                      }
                      const auto node = readings_.extract(id);
                      if (!page) return node.mapped().on_tasks(std::move(page.error()));
                      node.mapped().on_tasks(std::move(node.mapped().tasks));
                    });
}

void TaskReader::take(const std::vector<store::NamedRow>& rows, const std::string& domain,
                      std::vector<models::Task>& tasks) const {
  for (const auto& row : rows) {
    models::Task task;
    if (!decode_row(row.bytes, task)) {
      logger_.error("undecodable-row", {{"task_guid", row.id}});
    } else if (domain.empty() || task.domain() == domain) {
      tasks.push_back(std::move(task));
    }
  }
}

void TaskReader::find(const std::string& task_guid,
                      store::Store::On<std::optional<models::Task>> on_task) {
  store_.read_row({store::Table::task, task_guid}, [on_task = std::move(on_task)](const auto& row) {
    if (!row) return on_task(row.error());
    std::optional<models::Task> task;
    if (*row && !decode_row(**row, task.emplace()))
      return on_task(Error{.fault = Fault::internal, .detail = "could not deserialize record"});
    on_task(std::move(task));
  });
}

}  // namespace causeway::bbs
