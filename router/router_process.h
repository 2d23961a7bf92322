#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "log/logger.h"
#include "metrics/registry.h"
#include "net/loop.h"
#include "net/mailbox.h"
#include "net/signals.h"
#include "net/timer.h"
#include "router/admin/admin.h"
#include "router/config/router_config.h"
#include "router/feed/route_feed.h"
#include "router/front/tls_keeper.h"
#include "router/observe/access_log.h"
#include "router/route/route_book.h"
#include "router/tcp/tcp_router.h"
#include "router/upgrade/hand_over.h"
#include "router/upgrade/take_over.h"
#include "router/worker/worker.h"

namespace causeway::router {

// One router from its start to its end: admin listeners, NATS, the time to learn routes, the main
// port, and then until a signal ends it. Owner: main(). Thread: control, which runs its loop.
class RouterProcess final : private HandOver::Giver {
 public:
  // How this process was started.
  struct Launch {
    std::string version = {};
    std::string config_path = {};         // "": built-in defaults
    std::vector<std::string> words = {};  // the binary's path and its arguments, for a successor
    bool takes_over = false;              // from the router that runs already, if there is one
  };
  RouterProcess(LoadedConfig loaded, log::Sink& sink, const log::Logger& logger, Launch launch);
  RouterProcess(const RouterProcess&) = delete;
  RouterProcess& operator=(const RouterProcess&) = delete;
  ~RouterProcess();

  // The process's exit code: 0 after a signal, 1 when it could not start.
  int run();

 private:
  // In this order; a signal may skip to stopped from anywhere, draining follows serving only.
  enum class Phase : uint8_t { connecting, learning, serving, draining, stopped };

  bool open();
  bool open_access_log();
  bool open_tls();
  Result<void> listen_on_doors();
  void start_workers();
  // Of one time's configuration; an error when `backend_tls` is not to be had.
  Result<std::shared_ptr<const Settings>> settings_of(const RouterConfig& config) const;
  std::shared_ptr<const Settings> worker_settings() const;
  // SIGHUP (router_reload.cc): logs are opened anew, the configuration is read again. A file that
  // is not good changes nothing.
  void on_hang_up();
  Result<void> reload();
  Result<void> adopt(RouterConfig next);
  // TLS of the status listener, by configuration.
  static tls::ServerContext::Options status_tls_of(const RouterConfig& config);
  static Admin::Options admin_options(const RouterConfig& config);
  void make_tcp();
  void on_connected();
  void serve();
  // All workers on one port, with what the former router's sockets there are.
  Result<void> listen_on(uint16_t port, Entrance entrance);

  // Of a router that takes over from another (router_upgrade.cc).
  bool begin_take_over();
  void take_table();
  void take_sockets();
  void on_take_over_failed(const Error& error, bool has_table);
  // False: the other one goes on, and this one is to end.
  bool finish_take_over();
  void release_tcp();
  void open_hand_over();
  // Of a router that hands over.
  std::string_view obstacle() const override;
  std::vector<KnownRoute> http_routes() const override;
  std::vector<KnownRoute> tcp_routes() const override;
  std::vector<net::ListeningSocket> listening_sockets() override;
  void run_at_full_priority(const std::function<void()>& work) override;
  void on_handed_over() override;

  void watch_signals();
  void on_stop_signal(const char* name);
  void on_drain_signal();
  void on_failed_listener(const Error& error);
  void begin_drain();
  void drain_workers();
  void on_worker_drained(size_t open_exchanges);
  void set_healthy(bool healthy);
  void fail(std::string_view what, const Error& error);
  void stop();
  void log_sharding() const;
  void register_metrics();

  RouterConfig config_;                        // changes with a reload
  std::map<std::string, std::string> values_;  // what its file says
  log::Sink& sink_;
  const log::Logger logger_;
  const Launch launch_;
  const SystemClock clock_;
  metrics::Registry registry_;
  metrics::Counter& reloads_;
  metrics::Counter& reload_failures_;
  net::Loop loop_;
  RouteBook book_;
  std::unique_ptr<AccessLog> access_log_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<TlsKeeper> tls_keeper_;  // null: no https listener
  std::shared_ptr<const RouteTable> table_;
  Admin admin_;
  std::unique_ptr<TcpRouter> tcp_;  // null: no TCP routes
  std::unique_ptr<RouteFeed> feed_;
  std::optional<TakeOver> take_over_;  // until this router serves
  InheritedSockets inherited_;
  // Messages of TCP routes that wait for the former router's table; none: they do not wait.
  std::optional<std::vector<nats::Message>> held_tcp_;
  std::unique_ptr<HandOver> hand_over_;  // null: nobody may take over
  net::Timer timer_;                     // of the present phase
  net::Mailbox<size_t> drained_;
  net::Mailbox<FailedEndpoint> failed_endpoints_;
  net::Mailbox<Error> failed_listeners_;
  std::vector<std::unique_ptr<net::SignalWatch>> signals_;

  Phase phase_ = Phase::connecting;
  int exit_code_ = 0;
  Instant drain_began_{};
  size_t workers_drained_ = 0;
  size_t exchanges_cut_ = 0;
};

}  // namespace causeway::router
