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
// way at a time, so that what was said last stands. What cannot be said waits and is tried again; a
// route that is refused is halved out of its call and left out until the next round of repeats.
// Owner: RouteEmitter. Thread: its loop's.
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
  using Mapping = std::shared_ptr<const cf::TcpRouteMessage>;
  using Routes = std::map<RouteKey, Mapping>;

  void repeat_all();
  void create(const RouteMessage& message, Routes& queue);
  void remove(const RouteMessage& message);
  void put_deletion(const RouteKey& route, const Mapping& mapping);
  Mapping take_deletion(const RouteKey& route);
  bool is_same_row(const cf::TcpRouteMessage& left, const cf::TcpRouteMessage& right) const;
  Routes* next_queue();
  const char* failure_name() const {
    return is_deleting() ? "unable-to-delete" : "unable-to-upsert";
  }
  bool is_deleting() const { return queue_ == &deleting_ || queue_ == &replaced_; }
  void go_on();
  void send(const Result<std::string>& token);
  void replied(Result<rpc::Reply> reply);
  void succeed();
  void refuse(const Error& error);
  void fail(const Error& error, int status = 0);
  void pause(const Error& error);
  void forget_deleted();
  void end_batch();
  void set_aside();
  void put_back();
  void log_single(const Error& error) const;

  const log::Logger logger_;
  const Options options_;
  const RoutingTable& table_;
  EmitterMetrics& metrics_;
  // To be said; no route is in two of them, but a changed or repeated one that waits for the
  // deletion of what stands in its place.
  Routes replaced_, changed_, repeated_, deleting_;
  Routes aside_;                        // deletions that wait for the next round of repeats
  Routes told_;                         // what the Routing API may have of us
  Routes batch_;                        // being said
  Routes* queue_ = nullptr;             // where the batch is from
  const Routes* last_queue_ = nullptr;  // of the last batch that ended; null: no turn follows
  bool passes_turn_ = false;            // the first deletion came during a call
  bool is_calling_ = false;
  bool is_repeat_due_ = false;   // a round was to begin while the last one was unfinished
  bool has_new_token_ = false;   // since the last answer that took it
  bool is_failing_ = false;      // logged once per time
  size_t batch_size_;            // halved where one of several is refused
  size_t taken_in_a_row_ = 0;    // batches
  size_t refused_in_a_row_ = 0;  // routes, each in a call of its own
  size_t failed_in_a_row_ = 0;   // answers that blame the Routing API, or one route
  Duration retry_wait_;
  net::Timer retry_;
  net::Timer repeat_timer_;
  std::unique_ptr<UaaToken> token_;  // null: calls carry none
  rpc::Client client_;               // last: its end drops the callbacks that reach the rest
};

}  // namespace causeway::route_emitter
