#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "control/route_emitter/lrp_routes.h"

namespace models {
class ActualLRP;
class ActualLRPInfo;
class ActualLRPInstanceKey;
class ActualLRPKey;
class DesiredLRP;
}  // namespace models

// What the routing table needs of the BBS's rows, as values.
namespace causeway::route_emitter {

// The version of a row.
struct Tag {
  std::string epoch = {};
  uint32_t index = 0;
  // Older than `other` for sure: of the same life of the row. Of two lives nobody knows the order.
  bool is_older_than(const Tag& other) const {
    return !epoch.empty() && epoch == other.epoch && index < other.index;
  }
  friend bool operator==(const Tag&, const Tag&) = default;
};

struct MetricTag {
  enum class Kind : uint8_t { fixed, index, instance_guid };
  Kind kind = Kind::fixed;
  std::string text = {};  // of a fixed one
  friend bool operator==(const MetricTag&, const MetricTag&) = default;
};

// A desired LRP.
struct Desired {
  std::string process_guid = {};
  std::string domain = {};
  std::string log_guid = {};
  Tag tag = {};
  std::vector<HttpRoute> routes = {};
  std::vector<TcpRoute> tcp_routes = {};
  std::vector<std::string> internal_hostnames = {};
  std::map<std::string, MetricTag> metric_tags = {};
};

// The rows of one instance; the same instance may for a moment be seen as ordinary and evacuating.
struct InstanceKey {
  std::string instance_guid = {};
  int presence = 0;  // models::ActualLRP::Presence
  friend auto operator<=>(const InstanceKey&, const InstanceKey&) = default;
};

struct PortPair {
  uint32_t container_port = 0;
  uint16_t port = 0;      // where it is reached; 0: not in plain
  uint16_t tls_port = 0;  // 0: not by TLS
  friend bool operator==(const PortPair&, const PortPair&) = default;
};

// An instance of an LRP.
struct Instance {
  std::string process_guid = {};
  InstanceKey key = {};
  std::string cell_id = {};
  int32_t index = 0;
  Tag tag = {};
  bool is_routable = false;  // RUNNING, and not said to be unroutable
  std::string host = {};
  std::string container_ip = {};
  std::vector<PortPair> ports = {};
  int64_t since_ns = 0;
  std::string availability_zone = {};
  friend bool operator==(const Instance&, const Instance&) = default;
};

// Which of an instance's addresses is registered when it has no preference itself.
enum class Reach : uint8_t { host, direct };

// Which routers an emitter serves beside cf-router.
struct Serves {
  bool tcp = true;
  bool internal = true;
};

// A router whose routes an LRP has but that is not told of them, and why: malformed, or not served.
struct Unrouted {
  std::string router = {};
  std::string problem = {};  // "": not served
  friend bool operator==(const Unrouted&, const Unrouted&) = default;
};

// The routes of one router being malformed does not concern those of the others.
Desired desired_of(const models::DesiredLRP& lrp, Serves serves, std::vector<Unrouted>& unrouted);
Tag tag_of(const models::DesiredLRP& lrp);

Instance instance_of(const models::ActualLRP& lrp, Reach reach);
// The same from the halves of a changed event.
Instance instance_of(const models::ActualLRPKey& key, const models::ActualLRPInstanceKey& instance,
                     const models::ActualLRPInfo& state, Reach reach);

}  // namespace causeway::route_emitter
