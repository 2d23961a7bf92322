#include "rpc/host_pool.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "rpc/client_connection.h"

namespace causeway::rpc {

HostPool::HostPool(PoolShared& shared, const Url& url)
    : shared_(shared), host_(url.host), port_(url.port), is_tls_(url.is_tls) {}

HostPool::~HostPool() { CHECK(has_ended_); }

Dialer::Options HostPool::dialing() {
  Dialer::Options dialing{.timeout = shared_.options.connect_timeout,
                          .keep_alive_probe = {},
                          .identity = identity(),
                          .last_good = &last_good_};
  if (shared_.options.resolve) dialing.resolve = shared_.options.resolve;
  return dialing;
}

void HostPool::submit(std::unique_ptr<PendingCall> pending) {
  PendingCall& call = *pending;
  call.deadline.once(call.call.timeout, [this, &call] { expire(call); });
  start(std::move(pending));
}

void HostPool::start(std::unique_ptr<PendingCall> pending) {
  if (!idle_.empty()) {
    ClientConnection* const connection = idle_.back();
    idle_.pop_back();
    connection->carry(std::move(pending));
    return;
  }
  if (connections_.size() < shared_.options.connections_per_host_max) {
    auto connection = std::make_unique<ClientConnection>(*this);
    ClientConnection& started = *connection;
    connections_.emplace(&started, std::move(connection));
    started.carry(std::move(pending));
    return;
  }
  ++shared_.waiting_calls;
  PendingCall& call = *pending;
  // Calls that are tried again have waited longest.
  call.place = line_.insert(call.is_retried ? line_.begin() : line_.end(), std::move(pending));
}

void HostPool::serve_next() {
  while (!line_.empty() &&
         (!idle_.empty() || connections_.size() < shared_.options.connections_per_host_max)) {
    std::unique_ptr<PendingCall> pending = std::move(line_.front());
    line_.pop_front();
    --shared_.waiting_calls;
    start(std::move(pending));
  }
}

void HostPool::expire(PendingCall& pending) {
  Error error{.fault = Fault::timeout,
              .side = Side::backend,
              .detail = pending.call.method + " " + pending.call.url + ": no reply in time"};
  if (pending.connection != nullptr) {
    pending.connection->abandon(std::move(error));
    return;
  }
  std::unique_ptr<PendingCall> expired = std::move(*pending.place);
  line_.erase(expired->place);
  --shared_.waiting_calls;
  error.retry = Retry::always;  // never sent
  expired->on_reply(std::move(error));
}

void HostPool::finished(ClientConnection& connection, std::unique_ptr<PendingCall> pending,
                        Result<Reply> reply, bool reusable) {
  pending->deadline.disarm();
  if (reusable) {
    connection.rest();
    idle_.push_back(&connection);
  } else {
    discard(connection);
  }
  serve_next();
  // Last: the callback may end the client.
  pending->on_reply(std::move(reply));
}

void HostPool::died_unanswered(ClientConnection& connection, std::unique_ptr<PendingCall> pending) {
  discard(connection);
  // Most likely the peer went away or started anew: its other kept connections are dead too.
  while (!idle_.empty()) discard(*idle_.back());
  pending->is_retried = true;
  start(std::move(pending));
}

void HostPool::idle_ended(ClientConnection& connection) {
  discard(connection);
  serve_next();
}

void HostPool::discard(ClientConnection& connection) {
  std::erase(idle_, &connection);
  const auto found = connections_.find(&connection);
  CHECK(found != connections_.end());
  connection.end();
  shared_.loop.bury(std::move(found->second));
  connections_.erase(found);
}

void HostPool::end() {
  if (has_ended_) return;
  has_ended_ = true;
  while (!connections_.empty()) discard(*connections_.begin()->first);
  shared_.waiting_calls -= line_.size();
  line_.clear();
}

}  // namespace causeway::rpc
