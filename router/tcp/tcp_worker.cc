#include "router/tcp/tcp_worker.h"

#include <cerrno>
#include <utility>

#include "base/check.h"
#include "net/loop.h"

namespace causeway::router {
namespace {

// One order for each change of the table, 20 ms apart at least. A worker that is this far behind
// hangs.
constexpr size_t orders_max = 65'536;
constexpr int accepts_per_turn_max = 32;
// Out of descriptors or memory: clients wait in the kernel.
constexpr Duration accept_rest = std::chrono::milliseconds(100);

bool is_exhaustion(int os) { return os == EMFILE || os == ENFILE || os == ENOBUFS || os == ENOMEM; }

size_t share_of(size_t total, uint32_t workers) {
  return total == 0 ? 0 : (total + workers - 1) / workers;
}

}  // namespace

TcpWorker::TcpWorker(const Wiring& wiring)
    : loop_(wiring.loop),
      settings_(wiring.settings),
      logger_(wiring.logger),
      registry_(wiring.metrics),
      connections_max_(share_of(settings_.connections_max, wiring.workers)),
      seed_(wiring.seed),
      readiness_(loop_),
      pipes_(settings_.pipes_max,
             registry_.gauge("tcp_pipes_open", "Pipes that bytes are spliced through.")),
      deadlines_(loop_),
      header_(deadlines_, settings_.proxy_protocol.header_timeout),
      dial_(deadlines_, settings_.connect_timeout),
      idle_(deadlines_, settings_.idle_timeout),
      rest_timer_(loop_),
      drain_timer_(loop_),
      mailbox_(loop_, orders_max, [this](Order&& order) { take(std::move(order)); }) {
  mailbox_.unref();
}

TcpWorker::~TcpWorker() { cut_all(); }

void TcpWorker::post(std::vector<Change> changes) {
  Order order;
  order.changes = std::move(changes);
  if (!mailbox_.post(std::move(order))) logger_.error("tcp-worker-mailbox-full");
}

void TcpWorker::drain(Duration timeout, std::function<void(size_t)> on_drained) {
  Order order;
  order.drains = true;
  order.drain_timeout = timeout;
  order.on_drained = std::move(on_drained);
  if (!mailbox_.post(std::move(order))) logger_.error("tcp-worker-mailbox-full");
}

std::vector<net::ListeningSocket> TcpWorker::duplicate_sockets() {
  std::promise<std::vector<net::ListeningSocket>> promise;
  Order order;
  order.wants_sockets = &promise;
  if (!mailbox_.post(std::move(order))) return {};
  return promise.get_future().get();
}

void TcpWorker::leave_sockets() {
  Order order;
  order.leaves_sockets = true;
  if (!mailbox_.post(std::move(order))) logger_.error("tcp-worker-mailbox-full");
}

void TcpWorker::take(Order&& order) {
  for (Change& change : order.changes) apply(std::move(change));
  if (order.wants_sockets != nullptr) {
    std::vector<net::ListeningSocket> copies;
    for (const auto& [number, port] : ports_) {
      for (const Socket& listener : port->listeners) {
        if (auto copy = duplicate_listener(listener)) copies.push_back(*std::move(copy));
      }
    }
    order.wants_sockets->set_value(std::move(copies));
  }
  if (order.leaves_sockets) {
    for (const auto& [number, port] : ports_) close_listeners(*port);
  }
  if (order.drains) begin_drain(std::move(order));
}

void TcpWorker::apply(Change&& change) {
  std::unique_ptr<TcpPort>& port = ports_[change.port];
  if (port == nullptr) {
    TcpPort::Acceptor& acceptor = *this;
    port = std::make_unique<TcpPort>(change.port, acceptor, registry_, seed_ + change.port);
  }
  port->serve(std::move(change.pool));
  if (!port->has_pool()) return close_listeners(*port);
  if (on_drained_) return;
  for (Socket& listener : change.listeners) {
    if (const auto watched = readiness_.watch(listener.descriptor(), *port); !watched) {
      logger_.error("tcp-port-not-watched", watched.error(), {{"port", change.port}});
      continue;
    }
    port->listeners.push_back(std::move(listener));
  }
}

void TcpWorker::close_listeners(TcpPort& port) {
  for (const Socket& listener : port.listeners) readiness_.forget(listener.descriptor());
  port.listeners.clear();
}

void TcpWorker::accept_on(TcpPort& port) {
  for (const Socket& listener : port.listeners) {
    int count = 0;
    while (count < accepts_per_turn_max && accept_one(port, listener)) ++count;
    if (count == accepts_per_turn_max) readiness_.tell_again(listener.descriptor(), port);
  }
}

bool TcpWorker::accept_one(TcpPort& port, const Socket& listener) {
  auto accepted = accept_from(listener);
  if (!accepted) {
    const int os = accepted.error().os;
    if (is_exhaustion(os)) {
      rest(port);
      return false;
    }
    return os != EAGAIN;  // else that client has gone already
  }
  is_exhausted_ = false;
  if (connections_max_ > 0 && connections_.size() >= connections_max_) {
    port.metrics.refused.add();
    accepted->socket.reset();
    return true;
  }
  connections_.push_back(std::make_unique<TcpConnection>(*this, port, std::move(accepted->socket),
                                                         accepted->peer, connections_.size()));
  open_.store(connections_.size(), std::memory_order_relaxed);
  connections_.back()->begin();
  return true;
}

void TcpWorker::rest(TcpPort& port) {
  if (!std::exchange(is_exhausted_, true)) {
    logger_.error("tcp-accept-rests", {{"port", port.number()}});
  }
  rest_timer_.once(accept_rest, [this] {
    for (const auto& [number, rested] : ports_) {
      for (const Socket& listener : rested->listeners) {
        readiness_.tell_again(listener.descriptor(), *rested);
      }
    }
  });
}

void TcpWorker::remove(TcpConnection& connection) {
  const size_t place = connection.place();
  CHECK(place < connections_.size() && connections_[place].get() == &connection);
  std::unique_ptr<TcpConnection> taken = std::move(connections_[place]);
  if (place + 1 < connections_.size()) {
    connections_[place] = std::move(connections_.back());
    connections_[place]->place(place);
  }
  connections_.pop_back();
  open_.store(connections_.size(), std::memory_order_relaxed);
  loop_.bury(std::move(taken));
  if (connections_.empty() && on_drained_) drain_timer_.once({}, [this] { end_drain(); });
}

void TcpWorker::begin_drain(Order&& order) {
  on_drained_ = std::move(order.on_drained);
  for (const auto& [number, port] : ports_) {
    for (const Socket& listener : port->listeners) {
      while (accept_one(*port, listener)) {
      }
    }
    close_listeners(*port);
  }
  drain_timer_.once(connections_.empty() ? Duration{} : order.drain_timeout,
                    [this] { end_drain(); });
}

void TcpWorker::end_drain() {
  auto callback = std::exchange(on_drained_, nullptr);
  if (!callback) return;
  const size_t cut = connections_.size();
  cut_all();
  callback(cut);
}

void TcpWorker::cut_all() {
  for (const auto& [number, port] : ports_) close_listeners(*port);
  while (!connections_.empty()) connections_.back()->end(TcpConnection::End::cut);
}

}  // namespace causeway::router
