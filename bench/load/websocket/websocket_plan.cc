#include "bench/load/websocket/websocket_plan.h"

#include <memory>
#include <utility>
#include <vector>

#include "bench/load/websocket/websocket_connection.h"

namespace causeway::load {
namespace {

// One worker's connections.
class WebSocketShare final : public Share {
 public:
  WebSocketShare(net::Loop& loop, const WebSocketPlan& plan, unsigned worker, Place::Events& events)
      : dialer_{loop, plan}, message_(plan.message_bytes, plan.seed + worker) {
    const unsigned mine = share_of(plan.connections, worker, plan.threads);
    for (unsigned i = 0; i < mine; ++i) {
      const size_t number = worker + size_t{i} * plan.threads;
      connections_.push_back(
          std::make_unique<WebSocketConnection>(dialer_, plan, events, message_, number));
    }
  }
  size_t size() const override { return connections_.size(); }
  Place& place(size_t index) override { return *connections_[index]; }

 private:
  Dialer dialer_;
  WebSocketMessage message_;
  std::vector<std::unique_ptr<WebSocketConnection>> connections_;
};

class WebSocketWorkload final : public Workload {
 public:
  explicit WebSocketWorkload(const WebSocketPlan& plan) : plan_(plan) {}
  std::unique_ptr<Share> open_share(net::Loop& loop, unsigned worker,
                                    Place::Events& events) const override {
    return std::make_unique<WebSocketShare>(loop, plan_, worker, events);
  }

 private:
  const WebSocketPlan& plan_;
};

}  // namespace

Result<WebSocketPlan> make_websocket_plan(const WebSocketOptions& options) {
  if (options.message_bytes > message_bytes_max)
    return Error{.fault = Fault::invalid, .detail = "--message-bytes: at most 16M"};
  if (!options.method.empty() || !options.body.empty() || options.close_each)
    return Error{.fault = Fault::invalid,
                 .detail = "a WebSocket is opened by GET, without a body, and kept"};
  HttpOptions http = options;
  http.method = "GET";
  for (const char* line :
       {"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"})
    http.headers.push_back(parse_header(line).value());
  auto made = make_http_plan(http);
  if (!made) return made.error();
  WebSocketPlan plan;
  static_cast<HttpPlan&>(plan) = std::move(made).value();
  plan.message_bytes = static_cast<size_t>(options.message_bytes);
  return plan;
}

Result<RunRecord> run_websocket(const WebSocketPlan& plan, const RunExtras& extras) {
  auto record = run_load(plan, WebSocketWorkload(plan), extras);
  if (!record) return record;
  record->kind = "websocket";
  record->unit = "messages";
  record->targets = plan.requests.size();
  record->method = "messages of " + std::to_string(plan.message_bytes) + " bytes";
  record->protocol = "WebSocket";
  return record;
}

}  // namespace causeway::load
