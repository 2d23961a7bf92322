// One exchange (128 B there, 128 B back) through a relay of two streams, and what it asks of the
// kernel and the heap. The two ends are plain sockets of the same thread; their own four system
// calls are in the time, not in the counters.

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string>
#include <utility>

#include <benchmark/benchmark.h>

#include "base/check.h"
#include "net/loop.h"
#include "net/tcp.h"

namespace {

// Thread: the bench's only one.
struct Counts {
  uint64_t io = 0;     // read, write, writev
  uint64_t waits = 0;  // epoll_wait
  uint64_t churn = 0;  // epoll_ctl
  uint64_t allocations = 0;
};
Counts counts;

}  // namespace

// libuv's calls come here instead of to libc.
extern "C" ssize_t read(int descriptor, void* bytes, size_t size) {
  ++counts.io;
  return ::syscall(SYS_read, descriptor, bytes, size);
}
extern "C" ssize_t write(int descriptor, const void* bytes, size_t size) {
  ++counts.io;
  return ::syscall(SYS_write, descriptor, bytes, size);
}
extern "C" ssize_t writev(int descriptor, const iovec* pieces, int count) {
  ++counts.io;
  return ::syscall(SYS_writev, descriptor, pieces, count);
}
extern "C" int epoll_wait(int descriptor, epoll_event* events, int events_max, int timeout_ms) {
  ++counts.waits;
  return static_cast<int>(
      ::syscall(SYS_epoll_pwait, descriptor, events, events_max, timeout_ms, nullptr, 8));
}
extern "C" int epoll_ctl(int descriptor, int operation, int watched, epoll_event* event) noexcept {
  ++counts.churn;
  return static_cast<int>(::syscall(SYS_epoll_ctl, descriptor, operation, watched, event));
}

// The heap of all of us, libuv included.
extern "C" void* __libc_malloc(size_t size);
extern "C" void* malloc(size_t size) noexcept {
  ++counts.allocations;
  return __libc_malloc(size);
}

namespace causeway::net {

namespace {

constexpr size_t message_bytes = 128;

int connect_plainly(const Address& address) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK(::connect(descriptor, address.socket_address(), address.length()) == 0);
  return descriptor;
}

struct RelayEnd : Stream::Events {
  void on_read(std::span<char> bytes) override {
    // As an HTTP exchange does: the request's side pauses while it is answered.
    if (pauses_itself) stream->pause(Pause::exchange);
    other->stream->write({bytes.data(), bytes.size()});
    if (!pauses_itself) other->stream->resume(Pause::exchange);
    has_read = true;
  }
  void on_end() override {}
  void on_failure(const Error&) override {}

  std::unique_ptr<Stream> stream;
  RelayEnd* other = nullptr;
  bool pauses_itself = false;
  bool has_read = false;
};

// Two plain sockets and a relay between them.
struct Relay {
  explicit Relay(Loop& runs_on) : loop(runs_on) {
    auto listener =
        Listener::open(loop, Address::loopback(0), [this](std::unique_ptr<Stream> stream) {
          RelayEnd& end = client_end.stream == nullptr ? client_end : backend_end;
          end.stream = std::move(stream);
          end.stream->listen(end);
        }).value();
    client_end.other = &backend_end;
    backend_end.other = &client_end;
    client_end.pauses_itself = true;
    client = connect_plainly(listener->address());
    while (client_end.stream == nullptr) loop.run_once();
    backend = connect_plainly(listener->address());
    while (backend_end.stream == nullptr) loop.run_once();
  }
  ~Relay() {
    ::close(client);
    ::close(backend);
  }

  // One direction: `from` says, the relay carries, `to` hears.
  void carry(int from, RelayEnd& through, int to) {
    char bytes[message_bytes] = {};
    CHECK(::send(from, bytes, sizeof bytes, 0) == static_cast<ssize_t>(sizeof bytes));
    through.has_read = false;
    while (!through.has_read) loop.run_once();
    CHECK(::recv(to, bytes, sizeof bytes, MSG_WAITALL) == static_cast<ssize_t>(sizeof bytes));
  }
  void exchange() {
    carry(client, client_end, backend);
    carry(backend, backend_end, client);
  }

  Loop& loop;
  RelayEnd client_end, backend_end;
  int client = -1, backend = -1;
};

void report(benchmark::State& state, const Counts& before) {
  const auto each = [&](uint64_t now, uint64_t then) {
    return static_cast<double>(now - then) / static_cast<double>(state.iterations());
  };
  state.counters["io_calls"] = each(counts.io, before.io);
  state.counters["waits"] = each(counts.waits, before.waits);
  state.counters["epoll_ctls"] = each(counts.churn, before.churn);
  state.counters["allocations"] = each(counts.allocations, before.allocations);
}

}  // namespace

void relay_exchange(benchmark::State& state) {
  std::signal(SIGPIPE, SIG_IGN);
  Loop loop;
  Relay relay(loop);
  for (int warm_up = 0; warm_up < 100; ++warm_up) relay.exchange();
  const Counts before = counts;
  for (auto _ : state) relay.exchange();
  report(state, before);
}
BENCHMARK(relay_exchange);

// The same two plain sockets joined without a relay: the part of the time above that the ends need
// alone.
void direct_exchange(benchmark::State& state) {
  const int waiting = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_storage name{};
  socklen_t length = sizeof name;
  const Address any_port = Address::loopback(0);
  CHECK(::bind(waiting, any_port.socket_address(), any_port.length()) == 0);
  CHECK(::listen(waiting, 1) == 0);
  CHECK(::getsockname(waiting, reinterpret_cast<sockaddr*>(&name), &length) == 0);
  const int client = connect_plainly(Address::from(reinterpret_cast<const sockaddr*>(&name)));
  const int backend = ::accept(waiting, nullptr, nullptr);
  CHECK(backend >= 0);
  char bytes[message_bytes] = {};
  for (auto _ : state) {
    for (const auto& [from, to] : {std::pair(client, backend), std::pair(backend, client)}) {
      CHECK(::send(from, bytes, sizeof bytes, 0) == static_cast<ssize_t>(sizeof bytes));
      CHECK(::recv(to, bytes, sizeof bytes, MSG_WAITALL) == static_cast<ssize_t>(sizeof bytes));
    }
  }
  for (const int descriptor : {waiting, client, backend}) ::close(descriptor);
}
BENCHMARK(direct_exchange);

// A connection comes, sends, is answered and goes.
void accept_and_close(benchmark::State& state) {
  Loop loop;
  struct Answering : Stream::Events {
    void on_read(std::span<char> bytes) override { stream->write({bytes.data(), bytes.size()}); }
    void on_end() override { stream.reset(); }
    void on_failure(const Error&) override { stream.reset(); }
    std::unique_ptr<Stream> stream;
    size_t accepted = 0;
  } server;
  auto listener = Listener::open(loop, Address::loopback(0), [&](std::unique_ptr<Stream> stream) {
                    ++server.accepted;
                    server.stream = std::move(stream);
                    server.stream->listen(server);
                  }).value();
  const auto exchange = [&] {
    const int client = connect_plainly(listener->address());
    char bytes[message_bytes] = {};
    CHECK(::send(client, bytes, sizeof bytes, 0) == static_cast<ssize_t>(sizeof bytes));
    const size_t accepted = server.accepted;
    while (server.accepted == accepted) loop.run_once();
    while (::recv(client, bytes, sizeof bytes, MSG_DONTWAIT) < 0) loop.run_once(false);
    ::shutdown(client, SHUT_WR);
    while (server.stream != nullptr) loop.run_once();
    ::close(client);
  };
  for (int warm_up = 0; warm_up < 100; ++warm_up) exchange();
  const Counts before = counts;
  for (auto _ : state) exchange();
  report(state, before);
}
BENCHMARK(accept_and_close);

}  // namespace causeway::net
