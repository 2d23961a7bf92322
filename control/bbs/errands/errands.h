#pragma once

#include <string>
#include <vector>

#include "actual_lrp.pb.h"
#include "control/bbs/errands/outbox.h"
#include "control/bbs/readers/cells.h"
#include "desired_lrp.pb.h"
#include "task.pb.h"

namespace causeway::bbs {

// Carries out what follows from a change: finds the cell, then tells it. Failures are logged;
// convergence tries again. Owner: main(). Thread: its loop's.
class Errands {
 public:
  Errands(Cells& cells, Outbox& outbox, const log::Logger& logger)
      : cells_(cells), outbox_(outbox), logger_(logger) {}

  void place(const models::DesiredLRP& scheduling, const std::vector<int32_t>& indexes,
             const std::string& trace_id = {});
  void place(const models::Task& task, const std::string& trace_id = {});
  void stop(const models::ActualLRP& instance, const std::string& trace_id);
  void update(const models::DesiredLRP& scheduling, const models::ActualLRP& instance,
              const std::string& trace_id = {});
  void cancel_task(const std::string& cell_id, const std::string& task_guid,
                   const std::string& trace_id);

 private:
  // Calls `tell` with the cell's address, unless the cell is not there.
  void at_cell(const std::string& cell_id, std::function<void(const std::string& rep_url)> tell);
  Outbox::OnDone logged(const char* what, std::string guid, std::string trace_id);

  Cells& cells_;
  Outbox& outbox_;
  const log::Logger& logger_;
};

}  // namespace causeway::bbs
