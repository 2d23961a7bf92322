#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "log/logger.h"
#include "metrics/registry.h"
#include "net/listening_socket.h"
#include "net/mailbox.h"
#include "net/timer.h"
#include "router/backend/deadlines.h"
#include "router/settings/tcp_settings.h"
#include "router/tcp/pipe.h"
#include "router/tcp/readiness.h"
#include "router/tcp/tcp_connection.h"
#include "router/tcp/tcp_port.h"

namespace causeway::router {

// TCP routes on one worker's thread: its listening sockets, its connections, its pipes. It lives on
// the loop of an HTTP worker and shares nothing with it. Owner: TcpRouter. Made before the loop
// runs and ended after it has stopped, by the control thread, which also calls the functions of the
// first part; all else happens on the worker's thread.
class TcpWorker final : private TcpPort::Acceptor {
 public:
  struct Wiring {
    net::Loop& loop;
    const TcpSettings& settings;  // outlives it, like all here
    const log::Logger& logger;
    metrics::Registry& metrics;
    uint32_t workers = 1;  // how many share connections_max
    uint64_t seed = 0;     // of whose turn it is first
  };
  // A change of one port and, when it is new here, the sockets to accept from.
  struct Change {
    uint16_t port = 0;
    std::shared_ptr<const TcpPool> pool;  // null: its listener closes
    std::vector<Socket> listeners;
  };

  explicit TcpWorker(const Wiring& wiring);
  TcpWorker(const TcpWorker&) = delete;
  TcpWorker& operator=(const TcpWorker&) = delete;
  ~TcpWorker();

  void post(std::vector<Change> changes);
  // Accepts nothing more (who waits in the kernel is still served). `on_drained`, on the worker's
  // thread, once: all connections have ended, or those that had not by then were cut, so many.
  void drain(Duration timeout, std::function<void(size_t cut)> on_drained);
  // All listening sockets, for another process; blocks until the worker has answered. Then
  // leave_sockets() closes them here without a word to those who wait in them.
  std::vector<net::ListeningSocket> duplicate_sockets();
  void leave_sockets();
  // Any thread; a moment late.
  size_t connections() const { return open_.load(std::memory_order_relaxed); }

  // The rest is for its connections.
  net::Loop& loop() const { return loop_; }
  const TcpSettings& settings() const { return settings_; }
  const log::Logger& logger() const { return logger_; }
  Readiness& readiness() { return readiness_; }
  PipePool& pipes() { return pipes_; }
  DeadlineQueue& header_deadlines() { return header_; }
  DeadlineQueue& dial_deadlines() { return dial_; }
  DeadlineQueue& idle_deadlines() { return idle_; }
  // Takes a connection out; it ends after the present callback.
  void remove(TcpConnection& connection);

 private:
  struct Order {
    std::vector<Change> changes;
    std::promise<std::vector<net::ListeningSocket>>* wants_sockets = nullptr;
    bool leaves_sockets = false;
    bool drains = false;
    Duration drain_timeout = {};
    std::function<void(size_t)> on_drained;
  };

  void take(Order&& order);
  void apply(Change&& change);
  void accept_on(TcpPort& port) override;
  // False when nobody waits, or nobody more can be taken just now.
  bool accept_one(TcpPort& port, const Socket& listener);
  void close_listeners(TcpPort& port);
  void rest(TcpPort& port);
  void begin_drain(Order&& order);
  void end_drain();
  void cut_all();

  net::Loop& loop_;
  const TcpSettings& settings_;
  const log::Logger logger_;
  metrics::Registry& registry_;
  const size_t connections_max_;
  const uint64_t seed_;
  Readiness readiness_;
  PipePool pipes_;
  Deadlines deadlines_;
  DeadlineQueue header_;
  DeadlineQueue dial_;
  DeadlineQueue idle_;
  std::map<uint16_t, std::unique_ptr<TcpPort>> ports_;
  std::vector<std::unique_ptr<TcpConnection>> connections_;  // each knows its place
  std::atomic<size_t> open_{0};  // single writer, for the control thread's status
  bool is_exhausted_ = false;    // of descriptors; logged once per time
  net::Timer rest_timer_;
  net::Timer drain_timer_;
  std::function<void(size_t)> on_drained_;
  net::Mailbox<Order> mailbox_;
};

}  // namespace causeway::router
