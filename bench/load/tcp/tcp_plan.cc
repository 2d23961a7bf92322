#include "bench/load/tcp/tcp_plan.h"

#include <memory>
#include <utility>
#include <vector>

#include "bench/load/http/targets.h"
#include "bench/load/tcp/tcp_place.h"

namespace causeway::load {
namespace {

// One worker's connections.
class TcpShare final : public Share {
 public:
  TcpShare(net::Loop& loop, const TcpPlan& plan, unsigned worker, Place::Events& events)
      : dialer_{loop, plan} {
    const unsigned mine = share_of(plan.connections, worker, plan.threads);
    for (unsigned i = 0; i < mine; ++i) {
      const size_t address = (worker + size_t{i} * plan.threads) % plan.addresses.size();
      if (plan.mode == TcpOptions::Mode::connect) {
        places_.push_back(std::make_unique<ConnectPlace>(dialer_, plan, events, address));
      } else {
        places_.push_back(std::make_unique<BlockPlace>(dialer_, plan, events, address));
      }
    }
  }
  size_t size() const override { return places_.size(); }
  Place& place(size_t index) override { return *places_[index]; }

 private:
  Dialer dialer_;
  std::vector<std::unique_ptr<Place>> places_;
};

class TcpWorkload final : public Workload {
 public:
  explicit TcpWorkload(const TcpPlan& plan) : plan_(plan) {}
  std::unique_ptr<Share> open_share(net::Loop& loop, unsigned worker,
                                    Place::Events& events) const override {
    return std::make_unique<TcpShare>(loop, plan_, worker, events);
  }

 private:
  const TcpPlan& plan_;
};

const char* mode_name(TcpOptions::Mode mode) {
  switch (mode) {
    case TcpOptions::Mode::connect:
      return "connect";
    case TcpOptions::Mode::echo:
      return "echo";
    case TcpOptions::Mode::send:
      return "send";
    case TcpOptions::Mode::receive:
      break;
  }
  return "receive";
}

Error bad_tcp(std::string detail) { return {.fault = Fault::invalid, .detail = std::move(detail)}; }

}  // namespace

Result<TcpPlan> make_tcp_plan(const TcpOptions& options) {
  TcpPlan plan;
  if (const auto set = set_load_plan(plan, options); !set) return set.error();
  if (options.block_bytes == 0 || options.block_bytes > block_bytes_max)
    return bad_tcp("--block: expected 1..64M");
  if (options.targets.empty()) return bad_tcp("nothing to connect to: give host:port");
  std::vector<std::string> server_names;
  for (const std::string& pattern : options.targets) {
    const auto names = expand_pattern(pattern);
    if (!names) return names.error();
    for (const std::string& name : *names) {
      const auto place = net::parse_host_port(name);
      if (!place) return bad_tcp("expected host:port, not \"" + name + "\"");
      auto address = resolve(place->host, place->port);
      if (!address) return address.error();
      plan.addresses.push_back(*address);
      server_names.push_back(place->host);
    }
  }
  if (options.is_tls) {
    if (const auto set = set_tls(plan, options.tls, std::move(server_names), {}); !set)
      return set.error();
  }
  plan.mode = options.mode;
  plan.block_bytes = static_cast<size_t>(options.block_bytes);
  plan.round_trip = options.round_trip;
  plan.resets = options.resets;
  const bool is_connect = options.mode == TcpOptions::Mode::connect;
  plan.opens_ahead = !is_connect;
  if (is_connect && plan.pace == LoadPlan::Pace::hold)
    return bad_tcp("--hold: connections that are held are not opened and closed");
  if (plan.addresses.size() > options.connections && !is_connect)
    return bad_tcp(std::to_string(plan.addresses.size()) +
                   " different addresses need at least as many connections");
  return plan;
}

Result<RunRecord> run_tcp(const TcpPlan& plan, const RunExtras& extras) {
  auto record = run_load(plan, TcpWorkload(plan), extras);
  if (!record) return record;
  const bool is_connect = plan.mode == TcpOptions::Mode::connect;
  record->kind = "tcp";
  record->unit = is_connect ? "connects" : "blocks";
  record->targets = plan.addresses.size();
  record->method = mode_name(plan.mode);
  if (is_connect && plan.round_trip) record->method += " and a byte that comes back";
  if (!is_connect) record->method += " blocks of " + std::to_string(plan.block_bytes) + " bytes";
  record->close_each = is_connect;
  record->protocol = "TCP";
  return record;
}

}  // namespace causeway::load
