#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "control/route_emitter/emitter_metrics.h"
#include "control/route_emitter/routing_table.h"
#include "control/route_emitter/uaa_token.h"
#include "log/logger.h"
#include "net/timer.h"
#include "rpc/client.h"

namespace causeway::route_emitter {

// Tells TCP routes to Cloud Foundry's Routing API: changes at once, and all of them in every
// repeat_interval, since the Routing API forgets them after their time to live. One call is under
// way at a time, so that what was said last stands. What cannot be said waits and is tried again;
// one route that is refused holds up no other. Owner: RouteEmitter. Thread: its loop's.
class RoutingApi {
 public:
  struct Options {
    std::string url = {};                         // https://host:port
    rpc::Identity* identity = nullptr;            // for https; outlives this
    std::optional<UaaToken::Options> token = {};  // absent: calls carry none
    Duration ttl = std::chrono::seconds(120);
    bool tells_tls = false;  // the TLS port as well where there is a plain one
    Duration repeat_interval = std::chrono::seconds(60);
    Duration call_timeout = std::chrono::seconds(30);
    Duration first_wait = std::chrono::milliseconds(500);  // after a failure; doubles
    Duration wait_max = std::chrono::seconds(30);
    size_t batch_max = 500;                 // routes of one call
    size_t waiting_removals_max = 100'000;  // beyond it they end with their time to live
    std::function<bool()> may_send = {};    // see rpc::Client
  };

  RoutingApi(net::Loop& loop, const log::Logger& logger, Options options, const RoutingTable& table,
             EmitterMetrics& metrics);
  RoutingApi(const RoutingApi&) = delete;
  RoutingApi& operator=(const RoutingApi&) = delete;

  void say(const Changes& changes);

 private:
  using Routes = std::map<RouteKey, std::string>;  // and their messages

  void repeat_all();
  void go_on();
  void send(const Result<std::string>& token);
  void replied(Result<rpc::Reply> reply);
  void succeed();
  void fail(const Error& error);
  void refuse(const rpc::Reply& reply);
  void put_back();

  const log::Logger logger_;
  const Options options_;
  const RoutingTable& table_;
  EmitterMetrics& metrics_;
  Routes creating_, deleting_;  // to be said
  Routes batch_;                // being said
  bool is_deleting_ = false;    // what the batch is for
  bool is_calling_ = false;
  bool has_new_token_ = false;  // since the last answer that took it
  bool is_failing_ = false;     // logged once per time
  size_t batch_size_;           // halved where one of several is refused
  Duration wait_;
  net::Timer pause_;
  net::Timer repeat_;
  std::unique_ptr<UaaToken> token_;  // null: calls carry none
  rpc::Client client_;               // last: its end drops the callbacks that reach the rest
};

}  // namespace causeway::route_emitter
