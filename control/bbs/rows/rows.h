#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "actual_lrp.pb.h"
#include "desired_lrp.pb.h"

namespace google::protobuf {
class MessageLite;
}

namespace causeway::bbs {

using Presence = models::ActualLRP::Presence;

// The rows of one index of a process: at most one of each presence.
struct IndexRows {
  std::optional<models::ActualLRP> ordinary, evacuating, suspect;

  std::optional<models::ActualLRP>& of(Presence presence);
  const std::optional<models::ActualLRP>& of(Presence presence) const;
  bool empty() const { return !ordinary && !evacuating && !suspect; }
};
inline constexpr Presence kPresences[] = {
    models::ActualLRP::ORDINARY, models::ActualLRP::EVACUATING, models::ActualLRP::SUSPECT};

// What is known of one process, or the part of it that a decision needs.
struct ProcessState {
  std::optional<models::DesiredLRP> scheduling;  // the small part: see split_desired
  std::optional<models::DesiredLRP> run;         // the large part, when asked for
  std::map<int32_t, IndexRows> indexes;
};

// A row's bytes: one byte that names the format (1: plain protobuf), then the message.
std::string encode_row(const google::protobuf::MessageLite& message);
[[nodiscard]] bool decode_row(std::string_view bytes, google::protobuf::MessageLite& message);

// The message's bytes, to be used as they are. Empty when the row is in no format that has them.
std::optional<std::string_view> row_message(std::string_view bytes);

// "3", "3e" (evacuating), "3s" (suspect).
std::string slot_name(int32_t index, Presence presence);
std::optional<std::pair<int32_t, Presence>> parse_slot(std::string_view slot);

// A desired LRP is stored in two parts: what schedulers, routers and sweeps read, and what only a
// cell needs. Both are DesiredLRP messages. Of volume mounts the small part keeps the drivers.
struct DesiredParts {
  models::DesiredLRP scheduling, run;
};
DesiredParts split_desired(const models::DesiredLRP& lrp);
models::DesiredLRP join_desired(const models::DesiredLRP& scheduling,
                                const models::DesiredLRP& run);

models::DesiredLRPSchedulingInfo scheduling_info(const models::DesiredLRP& scheduling);
// What routers need: key, instances, routes, tags, modification tag.
models::DesiredLRP routing_info(const models::DesiredLRP& scheduling);

bool same_message(const google::protobuf::MessageLite& left,
                  const google::protobuf::MessageLite& right);

}  // namespace causeway::bbs
