#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "log/logger.h"
#include "metrics/registry.h"
#include "net/timer.h"
#include "router/settings/tcp_settings.h"
#include "router/tcp/tcp_book.h"
#include "router/tcp/tcp_worker.h"

namespace causeway::router {

// All TCP routes of a router: takes the messages, keeps the book and its pruning clock, opens the
// listening sockets and gives every worker its own. Owner: RouterProcess, which makes it before the
// workers' loops run and ends it after they have stopped. Thread: control.
class TcpRouter {
 public:
  struct Options {
    TcpBook::Options book;  // with the settings
    Duration prune_interval = std::chrono::seconds(30);
    bool suspend_pruning_if_nats_unavailable = false;
    // At most one round of changes in this time.
    Duration publish_interval = std::chrono::milliseconds(20);
    uint64_t seed = 0;
  };
  static constexpr const char* kSubjects = "router.tcp.*";

  // `loop`: the control thread's; `worker_loops`: one of each worker, not yet running.
  TcpRouter(net::Loop& loop, const Clock& clock, const log::Logger& logger,
            metrics::Registry& registry, Options options, std::span<net::Loop* const> worker_loops);
  TcpRouter(const TcpRouter&) = delete;
  TcpRouter& operator=(const TcpRouter&) = delete;

  // A message of kSubjects.
  void take(std::string_view subject, std::string_view payload);
  // The same of a registration that another router heard so long ago.
  void take_known(std::string_view payload, Duration age);
  std::vector<std::pair<std::string, Duration>> known() const { return book_.known(clock_.now()); }
  // Sockets of the ports from another router: whose port is opened at serve() gets them.
  using TakeSocket = std::function<std::optional<net::ListeningSocket>(const net::Address&)>;
  void inherit(const TakeSocket& take_socket);
  std::vector<net::ListeningSocket> duplicate_sockets();
  // Closes the listening sockets, which are another process's now.
  void leave_sockets();
  // From now on ports are opened, and routes pruned. `is_connected`: whether NATS is.
  void serve(std::function<bool()> is_connected);
  // Opens nothing more. `on_drained` once for each worker, on its thread.
  void drain(Duration timeout, const std::function<void(size_t cut)>& on_drained);

  size_t workers() const { return workers_.size(); }
  size_t connections() const;
  std::string routes_json() const { return book_.to_json(clock_.now()); }
  // What its timers do, for tests.
  void publish();
  void prune();

 private:
  void register_gauges();
  void applied(const TcpBook::Applied& applied, const cf::TcpRouteMessage& message);
  void changed();
  void post(TcpRouteChange change);
  // The sockets of each worker, or why there are none.
  using SocketsOfWorkers = std::vector<std::vector<Socket>>;
  Result<SocketsOfWorkers> open_port(uint16_t port);
  void retry_later();

  const Clock& clock_;
  const log::Logger logger_;
  metrics::Registry& registry_;
  const Options options_;
  TcpBook book_;
  metrics::Counter& malformed_;
  metrics::Counter& refused_;
  metrics::Counter& pruned_;
  metrics::Counter& port_failures_;
  std::vector<std::unique_ptr<TcpWorker>> workers_;

  std::function<bool()> is_connected_;
  bool is_serving_ = false;
  bool is_suspended_ = false;
  std::set<uint16_t> open_ports_;
  std::map<uint16_t, Instant> closed_ports_;  // lately: the workers may still be at it
  std::map<uint16_t, std::shared_ptr<const TcpPool>> waiting_;  // ports that could not be opened
  std::set<std::string> told_refusals_;                         // logged once
  std::map<uint16_t, std::vector<Socket>> inherited_;           // until serve() is done
  net::Timer publish_timer_;
  net::Timer prune_timer_;
  net::Timer retry_timer_;
};

}  // namespace causeway::router
