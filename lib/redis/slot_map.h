#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "redis/client.h"

namespace causeway::redis {

inline constexpr uint16_t kSlots = 16384;

// The slot of a key in a cluster: CRC16 of the key, or of what stands in its first {} with
// something in it.
uint16_t slot_of(std::string_view key);

// Which node of a cluster serves which slot. A value.
class SlotMap {
 public:
  // From the reply to CLUSTER SLOTS; `asked` stands where a node does not know its own address.
  static Result<SlotMap> parse(const Value& reply, const std::string& asked);

  const Node* node_of(uint16_t slot) const;
  // MOVED says so.
  void move(uint16_t slot, const Node& node);
  bool is_complete() const;
  // Those that serve any slot.
  std::vector<Node> nodes() const;
  friend bool operator==(const SlotMap&, const SlotMap&) = default;

 private:
  uint16_t number_of(const Node& node);

  static constexpr uint16_t kNobody = UINT16_MAX;
  std::vector<Node> nodes_;
  std::vector<uint16_t> slots_ = std::vector<uint16_t>(kSlots, kNobody);
};

// What a node says of the cluster as it sees it (CLUSTER INFO).
struct ClusterHealth {
  bool is_ok = false;  // all slots are served, and the node is not in a minority
  uint64_t epoch = 0;  // grows with each failover
  friend bool operator==(const ClusterHealth&, const ClusterHealth&) = default;
};
ClusterHealth parse_cluster_health(std::string_view text);

// "MOVED 3999 127.0.0.1:6381" and "ASK ..." alike; nothing when it is neither.
struct Redirect {
  bool is_ask = false;
  uint16_t slot = 0;
  Node node;  // host "": the one that answered
};
std::optional<Redirect> parse_redirect(std::string_view error);

}  // namespace causeway::redis
