#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "router/tcp/readiness.h"
#include "router/tcp/socket.h"
#include "router/tcp/tcp_metrics.h"
#include "router/tcp/tcp_pool.h"

namespace causeway::router {

// One routed port on one worker: its listening sockets while the route exists, the instances, whose
// turn it is and who failed lately. It stays when its route goes, for the connections that are open
// and for its counters; the range of ports bounds how many there are. Owner: TcpWorker. Thread: its
// worker's.
class TcpPort final : public Readiness::Watcher {
 public:
  // Who accepts from it.
  class Acceptor {
   public:
    virtual void accept_on(TcpPort& port) = 0;

   protected:
    ~Acceptor() = default;
  };

  TcpPort(uint16_t number, Acceptor& acceptor, metrics::Registry& registry, uint64_t first_turn)
      : metrics(registry, number), number_(number), acceptor_(acceptor), turn_(first_turn) {}
  TcpPort(const TcpPort&) = delete;
  TcpPort& operator=(const TcpPort&) = delete;

  uint16_t number() const { return number_; }
  void serve(std::shared_ptr<const TcpPool> pool) { pool_ = std::move(pool); }
  bool has_pool() const { return pool_ != nullptr; }

  // Whose turn a new connection is; its attempts go on from there.
  uint64_t next_turn() { return turn_++; }
  // The endpoint for an attempt (from 0) of a connection with that turn; null when there is none.
  // One that failed lately is taken only if all have.
  std::shared_ptr<const TcpEndpoint> choose(uint64_t turn, uint32_t attempt, Instant now);
  // How many different endpoints an attempt may go to.
  size_t choices() const { return pool_ == nullptr ? 0 : pool_->endpoints.size(); }
  void mark_failed(const net::Address& address, Instant until);
  void mark_reached(const net::Address& address);

  void on_ready(Ready) override {
    if (!listeners.empty()) acceptor_.accept_on(*this);
  }

  std::vector<Socket> listeners;  // none: closed. More than one when more workers had them once
  TcpPortMetrics metrics;

 private:
  static constexpr size_t marks_max = 1024;  // more failures at once than this are not noted
  struct Mark {
    net::Address address;
    Instant until;
  };
  bool is_marked(const net::Address& address, Instant now) const;

  const uint16_t number_;
  Acceptor& acceptor_;
  std::shared_ptr<const TcpPool> pool_;
  uint64_t turn_;
  std::vector<Mark> marks_;
};

}  // namespace causeway::router
