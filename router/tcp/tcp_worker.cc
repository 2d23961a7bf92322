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

void TcpWorker::take(Order&& order) {
  for (Change& change : order.changes) apply(std::move(change));
  if (order.drains) begin_drain(std::move(order));
}

void TcpWorker::apply(Change&& change) {
  std::unique_ptr<TcpPort>& port = ports_[change.port];
  if (port == nullptr) {
    TcpPort::Acceptor& acceptor = *this;
    port = std::make_unique<TcpPort>(change.port, acceptor, registry_, seed_ + change.port);
  }
  port->serve(std::move(change.pool));
  if (!port->has_pool()) return port->listener.close();
  if (!change.listener.is_open() || on_drained_) return;
  port->listener = std::move(change.listener);
  if (const auto watched = readiness_.watch(port->listener.descriptor(), *port); !watched) {
    logger_.error("tcp-port-not-watched", watched.error(), {{"port", change.port}});
    port->listener.close();
  }
}

void TcpWorker::accept_on(TcpPort& port) {
  for (int count = 0; count < accepts_per_turn_max; ++count) {
    if (!accept_one(port)) return;
  }
  readiness_.tell_again(port.listener.descriptor(), port);
}

bool TcpWorker::accept_one(TcpPort& port) {
  auto accepted = accept_from(port.listener);
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
      if (rested->listener.is_open()) {
        readiness_.tell_again(rested->listener.descriptor(), *rested);
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
    while (port->listener.is_open() && accept_one(*port)) {
    }
    port->listener.close();
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
  for (const auto& [number, port] : ports_) port->listener.close();
  while (!connections_.empty()) connections_.back()->end(TcpConnection::End::cut);
}

}  // namespace causeway::router
