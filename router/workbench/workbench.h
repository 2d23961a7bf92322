#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "base/clock.h"
#include "http/h1_writer.h"
#include "http/message.h"
#include "http2/field_block.h"
#include "http2/memory.h"
#include "log/logger.h"
#include "net/loop.h"
#include "router/backend/backend_pool.h"
#include "router/backend/deadlines.h"
#include "router/front/front_metrics.h"
#include "router/observe/access_record.h"
#include "router/observe/proxy_metrics.h"
#include "router/route/balancer.h"
#include "router/route/failed_endpoint.h"
#include "router/route_service/service_hosts.h"
#include "router/route_service/signature.h"
#include "router/settings/settings.h"
#include "router/settings/settings_history.h"
#include "router/tracing/tracer.h"
#include "router/workbench/request_ids.h"
#include "router/workbench/route_view.h"
#include "router/workbench/turns.h"
#include "tls/handshake.h"

namespace causeway::router {

class AccessLog;

// Bytes of one turn on their way to one stream: a head or chunk frames made here, and body pieces
// that stay where they were read. Emptied by sending before the turn's callback returns. Owner: the
// workbench, one for each direction.
struct SendBatch {
  std::string head;  // of the message, made anew each time; keeps its memory
  std::string tail;  // last chunk with trailers
  std::vector<std::string_view> pieces;
  std::array<http::ChunkHead, 32> chunk_heads;
  size_t chunks = 0;
  bool has_head = false;  // pieces begin with it

  void clear() {
    pieces.clear();
    chunks = 0;
    has_head = false;
  }
};

// The tools and state that all objects of one worker share. Owner: the worker. Thread: its own.
struct Workbench {
  Workbench(net::Loop& loop, std::shared_ptr<const Settings> settings, const log::Logger& logger,
            metrics::Registry& registry, AccessLog* access_log, uint64_t seed);
  Workbench(const Workbench&) = delete;
  Workbench& operator=(const Workbench&) = delete;
  ~Workbench();

  // "Sun, 06 Nov 1994 08:49:37 GMT", renewed each second. Valid until the next call.
  std::string_view http_date();
  // Wall clock of this turn, exact to it.
  int64_t unix_ns() const;
  void write_access_line(const AccessRecord& record, const http::Headers* request);
  void flush_access_lines();

  // Other settings from now on; exchanges that are open keep theirs. Timeouts under way count with
  // the new length.
  void use(std::shared_ptr<const Settings> next);
  // Lets go of settings that nobody needs any more.
  void sweep_settings() { settings_history.sweep(loop.now()); }

 private:
  Settings present_settings_;

 public:
  net::Loop& loop;
  SettingsHistory settings_history;
  const Settings& settings;  // the present ones, always. An exchange has its own
  const log::Logger& logger;
  ProxyMetrics metrics;
  FrontMetrics front_metrics;
  Balancer balancer;
  RouteView routes;
  RequestIds request_ids;
  Tracer tracer;
  std::optional<ServiceSigner> service_signer;  // none: route services are not supported
  ServiceHosts service_hosts;
  // Apart: services may be trusted without validation, endpoints never.
  tls::SessionCache service_sessions;
  tls::SessionCache backend_sessions;

  Deadlines deadlines;
  DeadlineQueue client_idle;
  DeadlineQueue client_head;
  DeadlineQueue endpoint_answers;
  DeadlineQueue http2_endpoint_answers;  // of requests that came over HTTP/2
  DeadlineQueue backend_idle;
  DeadlineQueue backend_silence;  // of endpoints with open HTTP/2 streams
  DeadlineQueue lingering;
  DeadlineQueue drain_idle;
  DeadlineQueue http2_age;
  DeadlineQueue http2_stall;
  DeadlineQueue access_flush;

  ArenaBlocks arena_blocks;    // of requests and replies, taken only while there is one
  http2::Memory http2_memory;  // of sessions with clients and with endpoints
  BackendPool backends;
  SendBatch to_backend;
  SendBatch to_client;
  // Scratch of whoever makes a request's head for HTTP/2.
  http::Headers backend_lines;
  http2::FieldBlock backend_fields;
  // HTTP/2 of clients: work at the end of a turn; bytes and fields of one
  // call.
  Turns turns;
  std::string http2_out;
  http::Headers http2_fields;
  // Scratch of whoever makes a reply of the router's own.
  http::Headers reply_headers;
  std::string reply_body;

  bool
      logs_local_address;  // extra_access_log_fields has it; costs a system call per new connection
  std::function<void(FailedEndpoint)> on_failed_endpoint;  // Worker::Wiring's; may be null
  bool is_healthy = false;
  bool is_draining = false;
  size_t exchanges = 0;  // between head and end of reply
  size_t tunnels = 0;

 private:
  struct FlushTick final : Deadline {
    explicit FlushTick(Workbench& b) : bench(b) {}
    void on_deadline() override { bench.flush_access_lines(); }
    Workbench& bench;
  };

  AccessLog* const access_log_;
  std::string access_lines_;
  size_t access_line_count_ = 0;
  FlushTick flush_tick_;
  int64_t date_second_ = -1;
  std::array<char, http::kDateBytes> date_{};
};

}  // namespace causeway::router
