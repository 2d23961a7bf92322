#pragma once

#include "base/result.h"
#include "bench/load/drive/run.h"
#include "bench/load/http/http_plan.h"
#include "bench/load/report/run_record.h"

namespace causeway::load {

// Connections that are upgraded and then carry messages that come back.
struct WebSocketOptions : HttpOptions {
  uint64_t message_bytes = 128;
};

inline constexpr uint64_t message_bytes_max = 16u << 20;

struct WebSocketPlan : HttpPlan {
  size_t message_bytes = 0;
};

// URLs are ws:// (http:// is taken too). Fault::invalid names the option.
Result<WebSocketPlan> make_websocket_plan(const WebSocketOptions& options);

// As run_http(). A unit is a message: from when it was due until all of it has come back.
Result<RunRecord> run_websocket(const WebSocketPlan& plan, const RunExtras& extras);

}  // namespace causeway::load
