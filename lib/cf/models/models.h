#pragma once

// The protobuf messages of the BBS and of Locket (namespace models), and what the generated code
// cannot know. Parts that need a few messages only include their .pb.h alone.

#include <string>
#include <string_view>

#include "actions.pb.h"
#include "actual_lrp.pb.h"
#include "actual_lrp_requests.pb.h"
#include "cells.pb.h"
#include "common.pb.h"
#include "desired_lrp.pb.h"
#include "desired_lrp_requests.pb.h"
#include "events.pb.h"
#include "locket.pb.h"
#include "task.pb.h"
#include "task_requests.pb.h"

namespace google::protobuf {
class MessageLite;
}

namespace causeway::cf {

// States of an ActualLRP, as on the wire.
inline constexpr std::string_view kUnclaimed = "UNCLAIMED";
inline constexpr std::string_view kClaimed = "CLAIMED";
inline constexpr std::string_view kRunning = "RUNNING";
inline constexpr std::string_view kCrashed = "CRASHED";

// Sub-messages that Diego always writes, even when empty, are set in place. Call it before
// encode().
void set_always_written(models::ActualLRP& lrp);
void set_always_written(models::ActualLRPInfo& info);
void set_always_written(models::ActualLRPInstanceChangedEvent& event);
void set_always_written(models::ActualLRPCrashedEvent& event);
void set_always_written(models::DesiredLRPSchedulingInfo& lrp);

// Bytes of a message with its maps in key order, so that equal messages have equal bytes.
std::string encode(const google::protobuf::MessageLite& message);
// False when `bytes` are not such a message; `message` is then in no particular state.
[[nodiscard]] bool decode(std::string_view bytes, google::protobuf::MessageLite& message);

}  // namespace causeway::cf
