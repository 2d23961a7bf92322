#pragma once

#include <string>
#include <string_view>

namespace causeway::cli {

// One event of the BBS (its type and its data, base64 of a protobuf message) as a line: for people,
// "actual_lrp_instance_changed hello/0 CLAIMED -> RUNNING cell-1"; as JSON, an object. Data that
// cannot be read gives a line that says so. Pure.
std::string event_line(std::string_view type, std::string_view data, bool json);

}  // namespace causeway::cli
