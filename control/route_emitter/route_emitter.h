#pragma once

#include <functional>
#include <memory>

#include "control/route_emitter/announcer.h"
#include "control/route_emitter/emitter_config.h"
#include "control/route_emitter/emitter_metrics.h"
#include "control/route_emitter/routing_api.h"
#include "control/route_emitter/routing_table.h"
#include "control/route_emitter/watcher.h"
#include "diego/lease.h"
#include "log/logger.h"
#include "metrics/registry.h"
#include "net/timer.h"
#include "rpc/server.h"

namespace causeway::route_emitter {

// One route emitter: health and metrics from the start; if a lock is configured, events and
// messages once it is held. Its end unregisters nothing: instances outlive their emitter. Owner:
// main(). Thread: its loop's.
class RouteEmitter {
 public:
  using OnEnd = std::function<void(int exit_code)>;

  // For https; outlive the emitter.
  struct Identities {
    rpc::Identity* bbs = nullptr;
    rpc::Identity* locket = nullptr;
    rpc::Identity* routing_api = nullptr;
    rpc::Identity* uaa = nullptr;
  };

  // `on_end`: it cannot go on (the lock is lost), or stop() is done. Not called from inside a call.
  RouteEmitter(net::Loop& loop, const log::Logger& logger, EmitterConfig config,
               Identities identities, OnEnd on_end);
  RouteEmitter(const RouteEmitter&) = delete;
  RouteEmitter& operator=(const RouteEmitter&) = delete;
  ~RouteEmitter();

  // The address of its health and metrics listener.
  Result<net::Address> start();
  void stop();

 private:
  void begin();
  void begin_routing_api();
  void take_lock();
  void lose_lock(const Error& error);

  net::Loop& loop_;
  const log::Logger logger_;
  const EmitterConfig config_;
  const Identities identities_;
  const OnEnd on_end_;
  metrics::Registry registry_;
  EmitterMetrics metrics_;
  RoutingTable table_;
  rpc::Server server_;
  std::unique_ptr<Announcer> announcer_;
  std::unique_ptr<RoutingApi> routing_api_;  // null: not configured
  std::unique_ptr<Watcher> watcher_;
  std::unique_ptr<diego::Lease> lease_;
  net::Timer release_deadline_;
};

}  // namespace causeway::route_emitter
