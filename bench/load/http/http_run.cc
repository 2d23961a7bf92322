#include "bench/load/http/http_run.h"

#include <memory>
#include <vector>

#include "bench/load/http/http2_connection.h"
#include "bench/load/http/http_connection.h"

namespace causeway::load {
namespace {

// One worker's connections.
class HttpShare final : public Share {
 public:
  HttpShare(net::Loop& loop, const HttpPlan& plan, unsigned worker, Place::Events& events)
      : dialer_{loop, plan} {
    // Each worker begins elsewhere, so that not all ask for the same at once.
    for (const auto& requests : plan.requests_of)
      cursors_.push_back(requests.size() * worker / plan.threads);
    const unsigned mine = share_of(plan.connections, worker, plan.threads);
    for (unsigned i = 0; i < mine; ++i) {
      const size_t address = (worker + size_t{i} * plan.threads) % plan.addresses.size();
      connections_.push_back(
          std::make_unique<HttpConnection>(dialer_, plan, events, address, cursors_[address]));
    }
  }
  size_t size() const override { return connections_.size(); }
  Place& place(size_t index) override { return *connections_[index]; }

 private:
  Dialer dialer_;
  std::vector<size_t> cursors_;  // by address: the next of its requests
  std::vector<std::unique_ptr<HttpConnection>> connections_;
};

// The same of HTTP/2: a place for each stream.
class Http2Share final : public Share {
 public:
  Http2Share(net::Loop& loop, const HttpPlan& plan, unsigned worker, Place::Events& events)
      : dialer_{loop, plan}, streams_(plan.streams) {
    for (const auto& requests : plan.requests_of)
      cursors_.push_back(requests.size() * worker / plan.threads);
    const unsigned mine = share_of(plan.connections, worker, plan.threads);
    for (unsigned i = 0; i < mine; ++i) {
      const size_t address = (worker + size_t{i} * plan.threads) % plan.addresses.size();
      connections_.push_back(
          std::make_unique<Http2Connection>(dialer_, plan, events, address, cursors_[address]));
    }
  }
  size_t size() const override { return connections_.size() * streams_; }
  Place& place(size_t index) override {
    // One stream of each connection after the other, so that few in flight spread.
    return connections_[index % connections_.size()]->stream(index / connections_.size());
  }

 private:
  Dialer dialer_;
  size_t streams_;
  std::vector<size_t> cursors_;  // by address: the next of its requests
  std::vector<std::unique_ptr<Http2Connection>> connections_;
};

class HttpWorkload final : public Workload {
 public:
  explicit HttpWorkload(const HttpPlan& plan) : plan_(plan) {}
  std::unique_ptr<Share> open_share(net::Loop& loop, unsigned worker,
                                    Place::Events& events) const override {
    if (plan_.is_http2) return std::make_unique<Http2Share>(loop, plan_, worker, events);
    return std::make_unique<HttpShare>(loop, plan_, worker, events);
  }

 private:
  const HttpPlan& plan_;
};

}  // namespace

Result<RunRecord> run_http(const HttpPlan& plan, const RunExtras& extras) {
  auto record = run_load(plan, HttpWorkload(plan), extras);
  if (!record) return record;
  record->targets = plan.requests.size();
  record->method = plan.method;
  record->close_each = plan.close_each;
  record->protocol = plan.is_http2 ? "HTTP/2" : "HTTP/1.1";
  record->streams = plan.streams;
  return record;
}

}  // namespace causeway::load
