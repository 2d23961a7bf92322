#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "router/route/endpoint.h"
#include "router/route/failed_endpoint.h"
#include "router/route/pool.h"
#include "router/route/route_table.h"

namespace causeway::router {

// One registration or withdrawal, as it came from NATS. A value; the feed reuses one object, so
// that a refresh allocates nothing here.
struct RouteChange {
  enum class Kind : uint8_t { add, remove };
  Kind kind = Kind::add;
  std::vector<std::string> uris;
  EndpointSpec endpoint;
  Duration age{};  // since it was said: another router may have heard it
};

// What became of one uri of a change.
// `refused`: no host, or a host or texts beyond the limits.
enum class Outcome : uint8_t {
  added,
  updated,
  refreshed,
  outdated,
  removed,
  not_found,
  out_of_shard,
  refused
};

// Every route and endpoint the router has been told of, with the times of the last word. The only
// writer of routes: makes the RouteTable snapshots that the workers read. Owner: main(). Thread:
// control.
class RouteBook {
 public:
  enum class Sharding : uint8_t { all, segments, shared_and_segments };
  struct Options {
    LoadBalancing balancing = LoadBalancing::round_robin;  // of routes that say nothing; not hash
    Duration stale_threshold = std::chrono::seconds(120);
    Sharding sharding = Sharding::all;
    std::vector<std::string> isolation_segments = {};
    bool keep_emptied_routes = false;      // empty_pool_response_code_503
    Duration emptied_route_lifetime = {};  // empty_pool_timeout
  };
  // What became of one uri; texts are valid during the call.
  struct Applied {
    Outcome outcome;
    bool is_route_edge;  // the route came with it, or went with it
    std::string_view key;
  };
  // Told about each uri as it is applied (for logs and metrics).
  using OnApplied = std::function<void(const Applied&, const EndpointSpec&)>;
  // One route that lost endpoints to age.
  struct Pruned {
    std::string key;
    std::vector<std::string> endpoints;  // "host:port"
    std::string isolation_segment;       // of the first
  };

  RouteBook(Options options, const Clock& clock);
  RouteBook(const RouteBook&) = delete;
  RouteBook& operator=(const RouteBook&) = delete;
  ~RouteBook();

  void on_applied(OnApplied callback);
  // From now on; tables to come follow the new balancing.
  void use(Options options);

  // Applies the change; a refresh that changes nothing allocates nothing and leaves nothing to
  // publish.
  void apply(const RouteChange& change);

  // Drops plaintext endpoints without a word for longer than their threshold, and routes without
  // endpoints. TLS endpoints do not age.
  std::vector<Pruned> prune();
  // The same in steps of `routes_max` routes, so that a large book does not stall its thread.
  // `cursor` starts at 0 and is kept between the steps; true when the end is reached.
  bool prune_some(size_t& cursor, size_t routes_max, std::vector<Pruned>& pruned);
  // Drops an endpoint that a worker could not reach, if it is one with TLS: those do not age, so
  // that failing is how they go. The others wait for their age. The endpoint, or null when there is
  // no such one any more.
  std::shared_ptr<const Endpoint> remove_failed(const FailedEndpoint& failed);
  // Counts every endpoint as heard of just now: after NATS came back.
  void mark_all_fresh();

  // Is there something that the last snapshot does not show?
  bool has_unpublished() const;
  // The next snapshot (the same one again when nothing changed). Snapshots that threads still hold
  // are kept until the last one lets go, so that a worker never frees a large table.
  std::shared_ptr<const RouteTable> publish();

  // All there is, for another router: every endpoint with the keys of its routes, in order of their
  // first registration there, and the time since the last word about any of them.
  struct Known {
    std::shared_ptr<const Endpoint> endpoint;
    std::vector<std::string> uris;
    Duration age;
  };
  std::vector<Known> contents() const;

  size_t routes() const;  // those with endpoints
  size_t endpoints() const;
  Instant last_update() const;  // of the last applied change
  // Seconds until this endpoint of that route would be pruned were it silent: for /routes. 0 when
  // unknown.
  Duration threshold_of(const Endpoint& endpoint) const;
  size_t footprint_bytes() const;  // of the book itself, without snapshots

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace causeway::router
