#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cf/wire/rep_messages.h"

// The JSON messages of the auctioneer's API: arrays of what is to be started.
namespace causeway::cf {

// Instances of one process to be placed. A value.
struct LrpStartRequest {
  std::string process_guid = {};
  std::string domain = {};
  std::vector<int32_t> indices = {};
  Demand demand = {};
  std::string trace_id = {};  // of the call it comes of; goes as X-Vcap-Request-Id, not in the body
  friend bool operator==(const LrpStartRequest&, const LrpStartRequest&) = default;
};

using TaskStartRequest = TaskWork;

// Bodies of POST /v1/lrps and /v1/tasks. Parsing refuses the whole body when one entry is not
// valid; the error names entry and field.
std::string to_json(const std::vector<LrpStartRequest>& requests);
std::string to_json(const std::vector<TaskStartRequest>& requests);
Result<std::vector<LrpStartRequest>> parse_lrp_start_requests(std::string_view json);
Result<std::vector<TaskStartRequest>> parse_task_start_requests(std::string_view json);

}  // namespace causeway::cf
