#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "control/store/store.h"
#include "task.pb.h"

namespace causeway::log {
class Logger;
}

namespace causeway::bbs {

// Reads tasks. Owner: main(). Thread: its loop's.
class TaskReader {
 public:
  using OnTasks = store::Store::On<std::vector<models::Task>>;

  TaskReader(store::Store& store, const log::Logger& logger) : store_(store), logger_(logger) {}

  // Of that domain and cell, "" for any.
  void list(const std::string& domain, const std::string& cell_id, OnTasks on_tasks);
  void find(const std::string& task_guid, store::Store::On<std::optional<models::Task>> on_task);

 private:
  struct Reading {
    std::string domain, after;
    std::vector<models::Task> tasks;
    OnTasks on_tasks;
  };
  void next_page(uint64_t id);
  void take(const std::vector<store::NamedRow>& rows, const std::string& domain,
            std::vector<models::Task>& tasks) const;

  store::Store& store_;
  const log::Logger& logger_;
  std::map<uint64_t, Reading> readings_;
  uint64_t next_id_ = 0;
};

}  // namespace causeway::bbs
