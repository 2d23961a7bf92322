#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "http/h1_parser.h"
#include "net/stream.h"
#include "router/backend/backend_connection.h"
#include "router/backend/backend_lease.h"
#include "router/backend/deadlines.h"
#include "router/backend/http2_pool.h"
#include "router/observe/proxy_metrics.h"
#include "router/route/endpoint.h"

namespace causeway::net {
class Loop;
}

namespace causeway::router {

class RouteTable;

// One worker's connections to all endpoints: of HTTP/1, one exchange each, idle ones are kept, the
// last used is the first used again, so that the others grow old and go; of HTTP/2, shared, in
// http2(). Filed under EndpointId. Owner: the worker. Thread: its
// own. Ends after every lease.
class BackendPool {
 public:
  struct Options {
    bool keep_alive = true;
    size_t idle_max = 2;  // per endpoint
    size_t buffer_bytes_max = 64u << 10;
    http::HeadLimits reply_limits;
    Http2Pool::Options http2;
  };

  BackendPool(net::Loop& loop, const Http2Connection::Times& times, ArenaBlocks& arena_blocks,
              http2::Memory& memory, ProxyMetrics& metrics, Options options);
  BackendPool(const BackendPool&) = delete;
  BackendPool& operator=(const BackendPool&) = delete;
  ~BackendPool();

  enum class Check : uint8_t { none, quiet };
  // An idle connection to the endpoint, or an empty lease. Check::quiet looks at the socket first,
  // for requests that could not be sent again.
  BackendLease take_idle(const Endpoint& endpoint, Check check);
  // Takes a new connection in. `route_key`: of a route that the endpoint serves; "" for one outside
  // of the route table, whose idle connections end with their age only.
  BackendLease adopt(EndpointId endpoint, std::string_view route_key,
                     std::unique_ptr<net::Stream> stream);
  // Metrics by the component of the endpoint.
  ProxyMetrics::OfComponent& metrics_of(const Endpoint& endpoint);

  // Closes idle connections to endpoints that `table` does not have any more under the route they
  // were last dialled for, and forgets those endpoints.
  void sweep(const RouteTable& table);
  // The same at once for the endpoints that left a route with this table; connections in use end
  // with their exchange.
  void close_departed(const RouteTable& table);
  // Closes all idle connections.
  void close_idle();
  // Those of HTTP/2 that are in use as well, and dials.
  void close_all();

  Http2Pool& http2() { return http2_; }
  const Options& options() const { return options_; }
  // For connections that are made, and kept, from now on.
  void use(const Options& options);
  DeadlineQueue& idle_deadlines() { return idle_deadlines_; }
  ArenaBlocks& arena_blocks() { return arena_blocks_; }
  // Of both kinds.
  size_t connections() const { return connections_ + http2_.connections(); }
  size_t idle() const { return idle_ + http2_.idle(); }

 private:
  friend class BackendConnection;
  friend class BackendLease;
  friend class Http2Pool;

  struct Shelf {
    std::vector<std::unique_ptr<BackendConnection>> idle;
    std::string route_key;
    ProxyMetrics::OfComponent* metrics = nullptr;
    uint32_t open = 0;
    bool has_departed = false;  // from its route: nothing is kept
  };

  void put_back(std::unique_ptr<BackendConnection> connection);
  void end(std::unique_ptr<BackendConnection> connection);
  // Takes an idle connection out and ends it.
  void drop(BackendConnection& connection);
  void close_idle(Shelf& shelf);
  void show();

  net::Loop& loop_;
  DeadlineQueue& idle_deadlines_;
  ArenaBlocks& arena_blocks_;
  ProxyMetrics& metrics_;
  Options options_;
  std::unordered_map<EndpointId, Shelf> shelves_;
  size_t connections_ = 0;
  size_t idle_ = 0;
  uint32_t identity_ = 0;  // changes with the certificates that are shown and believed
  Http2Pool http2_;
};

}  // namespace causeway::router
