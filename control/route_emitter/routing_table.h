#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "control/route_emitter/lrp_values.h"
#include "control/route_emitter/route_messages.h"

namespace causeway::route_emitter {

// A registration, or the unregistration with the same payload.
struct RouteMessage {
  RouteKey route = {};
  std::string payload = {};
  std::shared_ptr<const cf::TcpRouteMessage> tcp = {};  // what it says, of a TCP route
};

// Two instances that claim the same address: one of them must be gone already.
struct Collision {
  std::string address = {};
  std::string instance_guid = {};
  std::string other_instance_guid = {};
};

// What a table wants said since it was last asked. Registrations are sent first: so a route that
// moves has no gap.
struct Changes {
  std::vector<RouteMessage> registrations = {};
  std::vector<RouteMessage> unregistrations = {};
  std::vector<Collision> collisions = {};
};

// All rows of the BBS, or of one cell.
struct Snapshot {
  std::vector<Desired> desired = {};
  std::vector<Instance> instances = {};
  std::set<std::string, std::less<>> fresh_domains = {};
  bool is_of_one_cell = false;  // names only desired LRPs that have instances there
};

// Which routes there should be, from the BBS's rows, and which were announced. Rows older than
// those known are passed over. Addresses, not instances, are announced: as long as any instance
// claims one it stays, and the youngest instance's message is the one that counts. No I/O, no
// clock. Owner: RouteEmitter. Thread: its loop's.
class RoutingTable {
 public:
  RoutingTable() = default;
  RoutingTable(const RoutingTable&) = delete;
  RoutingTable& operator=(const RoutingTable&) = delete;

  void put(Desired desired);
  void remove(std::string_view process_guid, const Tag& tag);
  void put(Instance instance);
  void remove(std::string_view process_guid, const InstanceKey& key, const Tag& tag);
  // The whole truth: what it does not name goes away. Except in domains that are not fresh: there,
  // desired LRPs and their routes only come.
  void replace(Snapshot snapshot);

  Changes take_changes();

  bool knows(std::string_view process_guid) const { return processes_.contains(process_guid); }
  bool has_desired(std::string_view process_guid) const;
  size_t announced() const {
    return announced(RouteKind::http) + announced(RouteKind::tcp) + announced(RouteKind::internal);
  }
  size_t announced(RouteKind kind) const { return announced_[static_cast<size_t>(kind)]; }
  // Visits up to `count` announced routes of the kinds from `first` to `last` that follow `after`
  // in order, from the first one if that is empty; the last one visited, or nothing when the end
  // was met.
  struct Kinds {
    RouteKind first = RouteKind::http;
    RouteKind last = RouteKind::internal;
  };
  std::optional<RouteKey> visit(Kinds kinds, const std::optional<RouteKey>& after, size_t count,
                                const std::function<void(const RouteMessage&)>& visitor) const;

 private:
  struct Endpoint {
    Instance instance;
    std::vector<RouteKey> claims;
    uint64_t snapshot = 0;  // the last one that named it
  };
  struct Process {
    std::optional<Desired> desired;
    uint64_t snapshot = 0;  // the last one that named its desired LRP
    std::map<InstanceKey, Endpoint> endpoints;
  };
  struct Claim {
    const Process* process;
    const Endpoint* endpoint;
    size_t route;  // of the process's desired routes of the key's kind
    size_t port;   // of the endpoint's ports; 0 of an internal route
  };
  struct Route {
    std::vector<Claim> claims;
    RouteMessage announced;  // without payload: never
  };
  using Endpoints = std::map<InstanceKey, Endpoint>;

  void drop_desired(Process& process);
  Endpoints::iterator drop_endpoint(Process& process, Endpoints::iterator endpoint);
  void claim(const Process& process, Endpoint& endpoint);
  void release(Endpoint& endpoint);
  void move_in(const Instance& instance);
  void move_out(const Instance& instance);
  void forget_if_empty(std::string_view process_guid);
  void keep_old_routes(Desired& desired) const;
  static const Claim& youngest(const std::vector<Claim>& claims);
  static RouteMessage message_for(const RouteKey& key, const Claim& claim);
  void stake(const Process& process, Endpoint& endpoint, RouteKey key, size_t route, size_t port);

  std::map<std::string, Process, std::less<>> processes_;
  std::map<RouteKey, Route> routes_;
  std::set<RouteKey> touched_;  // since take_changes()
  std::vector<Collision> collisions_;
  std::unordered_map<std::string, std::vector<std::string>> residents_;  // by address
  std::array<size_t, 3> announced_ = {};                                 // by kind
  uint64_t snapshot_ = 0;                                                // counts them
};

}  // namespace causeway::route_emitter
