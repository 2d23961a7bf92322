#include "router/worker/worker.h"

#include <algorithm>
#include <future>
#include <thread>
#include <utility>

#include "base/check.h"
#include "net/mailbox.h"
#include "router/client/listener.h"
#include "router/workbench/workbench.h"

namespace causeway::router {
namespace {

// Messages of the control thread: tables every 20 ms at most. A worker that is this far behind
// hangs.
constexpr size_t mailbox_messages_max = 65'536;
constexpr Duration sweep_interval = std::chrono::seconds(5);
constexpr Duration drain_poll_interval = std::chrono::milliseconds(10);
// From when connecting is refused until the listening sockets close: handshakes end.
constexpr Duration handshake_time = std::chrono::milliseconds(250);

}  // namespace

// Everything that lives on the worker's thread while it runs.
struct Worker::State {
  using Message = std::function<void(State&)>;

  explicit State(const Wiring& wiring)
      : logger(wiring.logger),
        bench(loop, wiring.settings, wiring.logger, wiring.metrics, wiring.access_log, wiring.seed),
        listener(bench),
        sweep_timer(loop),
        drain_timer(loop),
        mailbox(loop, mailbox_messages_max, [this](Message&& message) { message(*this); }) {
    bench.on_failed_endpoint = wiring.on_failed_endpoint;
    listener.on_failed(wiring.on_failed_listener);
  }

  void post(Message message) {
    if (!mailbox.post(std::move(message))) logger.error("worker-mailbox-full");
  }
  void sweep() {
    bench.backends.sweep(bench.routes.table());
    bench.balancer.sweep(bench.routes.table(), loop.now());
    bench.sweep_settings();
  }
  void drain(Duration timeout, std::function<void(size_t)> callback);
  void on_drain_tick();
  bool is_drained();
  void end();
  Counts count() const;

  const log::Logger& logger;
  net::Loop loop;
  Workbench bench;
  Listener listener;
  net::Timer sweep_timer;
  net::Timer drain_timer;
  Instant drain_began{};
  Instant drain_until{};
  std::function<void(size_t)> on_drained;
  net::Mailbox<Message> mailbox;
  std::thread thread;
};

void Worker::State::drain(Duration timeout, std::function<void(size_t)> callback) {
  bench.is_draining = true;
  on_drained = std::move(callback);
  drain_began = loop.now();
  drain_until = drain_began + timeout;
  listener.drain();
  drain_timer.every(drain_poll_interval, [this] { on_drain_tick(); });
}

bool Worker::State::is_drained() {
  const Duration elapsed = loop.now() - drain_began;
  if (elapsed < handshake_time) return false;
  listener.close_sockets();
  const Duration tunnel_time = bench.settings.websocket_drain_timeout;
  if (bench.tunnels > 0 && elapsed < tunnel_time) {
    const std::chrono::duration<double> telling_time = tunnel_time / 2;
    listener.send_away(std::min(1.0, elapsed / telling_time));
    return false;
  }
  return listener.busy() == 0;
}

void Worker::State::on_drain_tick() {
  if (!is_drained() && loop.now() < drain_until) return;
  drain_timer.disarm();
  listener.close_sockets();
  bench.flush_access_lines();
  if (auto callback = std::exchange(on_drained, nullptr)) callback(listener.busy());
}

void Worker::State::end() {
  drain_timer.disarm();
  sweep_timer.disarm();
  listener.end();
  bench.backends.close_all();
  bench.flush_access_lines();
  loop.stop();
}

Worker::Counts Worker::State::count() const {
  Counts counts;
  counts.client_connections = listener.connections();
  counts.exchanges = bench.exchanges;
  counts.tunnels = bench.tunnels;
  counts.backend_connections = bench.backends.connections();
  counts.backend_idle = bench.backends.idle();
  counts.table_version = bench.routes.table().version();
  counts.is_draining = bench.is_draining;
  return counts;
}

Worker::Worker(const Wiring& wiring) : state_(std::make_unique<State>(wiring)) {}

Worker::~Worker() { stop(); }

void Worker::start() {
  CHECK(!state_->thread.joinable());
  state_->thread = std::thread([state = state_.get()] {
    state->sweep_timer.every(sweep_interval, [state] { state->sweep(); });
    state->loop.run();
  });
}

net::Loop& Worker::loop() { return state_->loop; }

Result<net::Address> Worker::listen(const net::Address& address, Entrance entrance) {
  CHECK(state_->thread.joinable());
  std::promise<Result<net::Address>> promise;
  auto outcome = promise.get_future();
  state_->post([&](State& state) { promise.set_value(state.listener.listen(address, entrance)); });
  return outcome.get();
}

void Worker::listen(net::ListeningSocket socket, Entrance entrance) {
  std::promise<void> promise;
  state_->post([&](State& state) {
    state.listener.listen(std::move(socket), entrance);
    promise.set_value();
  });
  promise.get_future().wait();
}

std::vector<net::ListeningSocket> Worker::duplicate_sockets() const {
  std::promise<std::vector<net::ListeningSocket>> promise;
  auto copies = promise.get_future();
  state_->post([&](State& state) { promise.set_value(state.listener.duplicate_sockets()); });
  return copies.get();
}

void Worker::run_there(const std::function<void()>& work) {
  std::promise<void> promise;
  state_->post([&](State&) {
    work();
    promise.set_value();
  });
  promise.get_future().wait();
}

void Worker::leave_sockets() {
  state_->post([](State& state) { state.listener.leave_sockets(); });
}

void Worker::post(std::shared_ptr<const RouteTable> table) {
  state_->post([table = std::move(table)](State& state) mutable {
    state.bench.routes.replace(std::move(table));
    state.bench.backends.close_departed(state.bench.routes.table());
  });
}

void Worker::use(std::shared_ptr<const FrontTls> tls) {
  state_->post(
      [tls = std::move(tls)](State& state) mutable { state.listener.use(std::move(tls)); });
}

void Worker::use(std::shared_ptr<const Settings> settings) {
  state_->post([settings = std::move(settings)](State& state) mutable {
    state.bench.use(std::move(settings));
  });
}

void Worker::set_healthy(bool healthy) {
  state_->post([healthy](State& state) { state.bench.is_healthy = healthy; });
}

void Worker::drain(Duration timeout, std::function<void(size_t open)> on_drained) {
  state_->post([timeout, callback = std::move(on_drained)](State& state) mutable {
    state.drain(timeout, std::move(callback));
  });
}

void Worker::stop() {
  if (!state_->thread.joinable()) return;
  state_->post([](State& state) { state.end(); });
  state_->thread.join();
}

Worker::Counts Worker::counts() const {
  if (!state_->thread.joinable()) return {};
  std::promise<Counts> promise;
  auto outcome = promise.get_future();
  state_->post([&](State& state) { promise.set_value(state.count()); });
  return outcome.get();
}

}  // namespace causeway::router
