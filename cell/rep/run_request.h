#pragma once

#include <string>

#include "base/result.h"
#include "cell/executor/executor.h"

namespace causeway::rep {

// What the executor is to run for an instance of a process, or for a task. Adds INSTANCE_GUID,
// INSTANCE_INDEX and their CF_ twins, and the metric tags with INDEX and INSTANCE_GUID put in.
// Fault::unsupported names what the cell cannot do yet (image layers, cached dependencies,
// volumes): better refused than run without. Pure.
Result<executor::RunRequest> run_request_of(const models::DesiredLRP& lrp, int32_t index,
                                            const std::string& instance_guid);
Result<executor::RunRequest> run_request_of(const models::Task& task);

}  // namespace causeway::rep
