#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace models {
class ActualLRP;
class CellPresence;
class DesiredLRP;
class DesiredLRPSchedulingInfo;
class DesiredLRPUpdate;
class Resource;
class Task;
}  // namespace models

// The BBS's messages as the JSON that cfdot prints and takes: Diego's names, in the order of its
// structs, empty values left out where Diego leaves them out. Pure.
namespace causeway::cli {

std::string to_json(const models::ActualLRP& lrp);
std::string to_json(const models::DesiredLRP& lrp);
std::string to_json(const models::DesiredLRPSchedulingInfo& info);
std::string to_json(const models::Task& task);
std::string to_json(const models::CellPresence& cell);
std::string to_json(const models::Resource& resource);
// "cf-apps", with quotes.
std::string to_json(std::string_view text);
// {"type":T,"data":{...}} of an event as it came; Fault::protocol when it cannot be read.
Result<std::string> event_json(std::string_view type, std::string_view data);

// Fault::invalid naming the key that is of the wrong kind. Unknown keys are ignored, as Go does.
Result<models::DesiredLRP> desired_lrp_of(std::string_view json);
Result<models::DesiredLRPUpdate> update_of(std::string_view json);
// The definition's keys beside task_guid and domain, as a task is printed.
Result<models::Task> task_of(std::string_view json);

// As Go's encoder writes text that may stand in HTML: < > & as \u003c ...
std::string with_html_escaped(std::string json);

}  // namespace causeway::cli
