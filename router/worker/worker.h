#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "log/logger.h"
#include "net/address.h"
#include "net/listening_socket.h"
#include "router/front/front.h"
#include "router/route/failed_endpoint.h"
#include "router/settings/settings.h"

namespace causeway::metrics {
class Registry;
}

namespace causeway::net {
class Loop;
}

namespace causeway::router {

class AccessLog;
class RouteTable;

// One thread of the data path: its loop, its listeners (SO_REUSEPORT beside the other workers'),
// its client connections, its pools of backend connections, its counters. Workers share nothing but
// what they are given here. Owner: main(). Its functions are for the control thread; what they ask
// for happens on the worker's own thread. Ends: stop() or the destructor end the thread and every
// connection.
class Worker {
 public:
  struct Wiring {
    std::shared_ptr<const Settings> settings;
    const log::Logger& logger;        // gorouter.stdout or the like; outlives the worker
    metrics::Registry& metrics;       // outlives the worker
    AccessLog* access_log = nullptr;  // null: no access log; outlives the worker
    uint32_t index = 0;               // from 0
    uint64_t seed = 0;                // of balancing and jitter
    // Hears of endpoints that the registry should forget; on the worker's thread. Null: nobody
    // does.
    std::function<void(FailedEndpoint)> on_failed_endpoint = nullptr;
    // Hears of a listening socket that will never accept again; as above.
    std::function<void(const Error&)> on_failed_listener = nullptr;
  };

  explicit Worker(const Wiring& wiring);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker();

  // Starts the thread. Nothing is accepted yet.
  void start();

  // For what else lives on this worker's thread: it is made before start() and ended after stop().
  net::Loop& loop();

  // Waits until the worker listens there (port 0: takes a free one and says which), or says why
  // not. Any number of times, after start().
  Result<net::Address> listen(const net::Address& address, Entrance entrance = Entrance::plain);
  // The same on a socket that listens already.
  void listen(net::ListeningSocket socket, Entrance entrance = Entrance::plain);
  // All sockets that it listens on, for another process; then leave_sockets() closes them here.
  std::vector<net::ListeningSocket> duplicate_sockets() const;
  void leave_sockets();
  // Runs something short on the worker's thread and waits for it.
  void run_there(const std::function<void()>& work);

  // Certificates and their like, for handshakes from now on. Before the first ones no door but the
  // plain one may be listened at.
  void use(std::shared_ptr<const FrontTls> tls);

  // The table for requests from now on. Before the first one, no route is known.
  void post(std::shared_ptr<const RouteTable> table);

  // Settings for what begins from now on.
  void use(std::shared_ptr<const Settings> settings);

  // What the health check by User-Agent answers: 200 or 503 (the initial value).
  void set_healthy(bool healthy);

  // Stops accepting (clients that are just connecting are still served), closes idle client
  // connections and every other one after its reply. Tunnels get websocket_drain_timeout;
  // WebSockets are told to go, one after the other, in the first half of it. Calls `on_drained` on
  // the worker's thread, once, when the last exchange has ended or `timeout` has passed; the
  // argument says how many exchanges were still open then.
  void drain(Duration timeout, std::function<void(size_t open)> on_drained);

  // Ends the thread and everything on it; returns when it has ended. Idempotent.
  void stop();

  // For tests and status pages; counted on the worker's thread, read a moment later.
  struct Counts {
    uint64_t client_connections = 0;
    uint64_t exchanges = 0;  // open ones
    uint64_t tunnels = 0;
    uint64_t backend_connections = 0;  // idle or in use
    uint64_t backend_idle = 0;
    uint64_t table_version = 0;
    bool is_draining = false;
  };
  Counts counts() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace causeway::router
