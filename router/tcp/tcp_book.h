#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "cf/wire/tcp_route_message.h"
#include "router/route/route_book.h"
#include "router/settings/tcp_settings.h"
#include "router/tcp/tcp_pool.h"

namespace causeway::router {

// The TCP routes as they stand: what was registered, by whom, and when it was last refreshed. No
// I/O; time is passed in. Owner: TcpRouter. Thread: control.
class TcpBook {
 public:
  struct Options {
    TcpSettings settings;
    Duration stale_threshold = std::chrono::seconds(120);
    RouteBook::Sharding sharding = RouteBook::Sharding::all;
    std::vector<std::string> isolation_segments;
    size_t endpoints_max = 100'000;
  };
  enum class Outcome : uint8_t {
    added,
    updated,  // the same address, another instance
    refreshed,
    removed,
    not_found,
    out_of_shard,  // of another isolation segment or router group
    refused,
  };
  struct Applied {
    Outcome outcome;
    const char* reason = "";  // of a refusal
  };
  struct Pruned {
    uint16_t port;
    std::string address;
  };

  explicit TcpBook(Options options) : options_(std::move(options)) {}
  TcpBook(const TcpBook&) = delete;
  TcpBook& operator=(const TcpBook&) = delete;

  Applied add(const cf::TcpRouteMessage& message, Instant now);
  Applied remove(const cf::TcpRouteMessage& message);
  std::vector<Pruned> prune(Instant now);
  void mark_all_fresh(Instant now);

  // What has changed since this was last asked.
  std::vector<TcpRouteChange> take_changes();
  bool has_changes() const { return !changed_.empty(); }

  // All there is, for another router: each registration as its instance would say it, and the time
  // since it did.
  std::vector<std::pair<std::string, Duration>> known(Instant now) const;

  size_t ports() const { return routes_.size(); }
  size_t endpoints() const { return endpoints_; }
  // {"1024":[{"address":"10.0.1.5:61001",...}],...}
  std::string to_json(Instant now) const;

 private:
  struct Entry {
    std::shared_ptr<const TcpEndpoint> endpoint;
    Instant refreshed;
    Duration lifetime;
  };
  struct Route {
    std::string router_group;
    std::string isolation_segment;  // of the last registration
    std::vector<Entry> entries;     // in order of registration; empty: gone, and not yet told
  };

  bool is_served(const cf::TcpRouteMessage& message) const;
  // Why the router cannot carry it, or null.
  const char* refusal(const cf::TcpRouteMessage& message) const;
  void forget_if_empty(std::map<uint16_t, Route>::iterator route);

  const Options options_;
  std::map<uint16_t, Route> routes_;
  std::set<uint16_t> changed_;
  size_t endpoints_ = 0;
};

}  // namespace causeway::router
